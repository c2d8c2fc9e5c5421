//! Which pieces of files in staging can be uploaded.
//!
//! In: how far files have grown, and which are whole parts. Out: what is to be uploaded next, and which uploads are needed.
//! Never: a piece that may still change, or one of a file that may stay small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::encode::part::StagedPart;
use crate::store::Upload;

/// Size of a piece: the minimum is 5 MiB, and there may be 10,000.
pub(super) const PIECE_BYTES: u64 = 8 << 20;

/// Parts from this size on are uploaded in pieces.
pub(super) const LARGE_PART_BYTES: u64 = PIECE_BYTES;

/// What is uploaded and what is not.
#[derive(Default)]
pub(super) struct PiecePlan {
    /// By the path below the lake.
    pub(super) parts: BTreeMap<PathBuf, PartUpload>,
    /// The number of the last part, also of those that were written anew.
    last_number: u64,
    /// Whether files do not grow any more.
    pub(super) is_over: bool,
    /// Whether pieces in flight are not needed either.
    pub(super) is_given_up: bool,
}

/// A file that may become a large part.
pub(super) struct PartUpload {
    number: u64,
    /// Bytes that do not change any more.
    pub(super) written: u64,
    pub(super) whole: Option<StagedPart>,
    pub(super) progress: UploadProgress,
    /// Names of the pieces by their position; `None` while one is uploaded, and after it has failed.
    pub(super) pieces: Vec<Option<String>>,
    /// Whether a request has failed: the rest is left to the commit.
    has_failed: bool,
}

pub(super) enum UploadProgress {
    Waiting,
    Beginning,
    Begun(Upload),
}

/// A part at the time of a task: it may be written anew meanwhile.
pub(super) struct TaskPart {
    pub(super) path: PathBuf,
    number: u64,
}

/// What a thread does next.
pub(super) enum UploadTask {
    Begin(Vec<TaskPart>),
    Piece { part: TaskPart, piece: usize, upload: Upload },
}

impl PartUpload {
    /// The next piece: a full one, or the last one of a whole part.
    fn next_piece(&self) -> Option<usize> {
        let next = self.pieces.len();
        let end = (next as u64 + 1) * PIECE_BYTES;
        let is_last = self.whole.as_ref().is_some_and(|part| part.bytes > next as u64 * PIECE_BYTES);
        (self.written >= end || is_last).then_some(next)
    }
}

impl PiecePlan {
    pub(super) fn next_task(&mut self) -> Option<UploadTask> {
        let mut begun = Vec::new();
        for (path, part) in self.parts.iter_mut().filter(|(_, part)| !part.has_failed) {
            let task_part = || TaskPart { path: path.clone(), number: part.number };
            match &part.progress {
                UploadProgress::Waiting if part.written >= LARGE_PART_BYTES => {
                    begun.push(task_part());
                    part.progress = UploadProgress::Beginning;
                }
                UploadProgress::Begun(upload) if begun.is_empty() => {
                    let Some(piece) = part.next_piece() else { continue };
                    let task = UploadTask::Piece { part: task_part(), piece, upload: upload.clone() };
                    part.pieces.push(None);
                    return Some(task);
                }
                _ => {}
            }
        }
        (!begun.is_empty()).then_some(UploadTask::Begin(begun))
    }

    /// The part that a task was for, unless it has been written anew.
    fn part_of(&mut self, part: &TaskPart) -> Option<&mut PartUpload> {
        self.parts.get_mut(&part.path).filter(|entry| entry.number == part.number)
    }

    pub(super) fn note_begun(&mut self, part: &TaskPart, upload: Upload) {
        if let Some(part) = self.part_of(part) {
            part.progress = UploadProgress::Begun(upload);
        }
    }

    pub(super) fn note_piece(&mut self, part: &TaskPart, piece: usize, name: String) {
        if let Some(part) = self.part_of(part) {
            part.pieces[piece] = Some(name);
        }
    }

    /// Notes that a task has failed; the pieces of its part that were uploaded are kept, unless the upload is gone.
    pub(super) fn fail(&mut self, task: &UploadTask, is_gone: bool) {
        let parts = match task {
            UploadTask::Begin(parts) => parts.as_slice(),
            UploadTask::Piece { part, .. } => std::slice::from_ref(part),
        };
        for part in parts {
            if let Some(part) = self.part_of(part) {
                part.has_failed = true;
                if is_gone {
                    part.progress = UploadProgress::Waiting;
                }
            }
        }
    }

    /// Keeps the uploads of these parts; those of other files are useless.
    pub(super) fn retain(&mut self, parts: &[&StagedPart]) {
        self.parts.retain(|path, entry| {
            matches!(entry.progress, UploadProgress::Begun(_))
                && parts.iter().any(|part| part.path == *path && entry.whole.as_ref() == Some(*part))
        });
    }

    /// Whether an upload is that of a part, and not one that has become useless.
    pub(super) fn is_needed(&self, upload: &Upload) -> bool {
        let is_it = |part: &PartUpload| matches!(&part.progress, UploadProgress::Begun(begun) if begun == upload);
        self.parts.values().any(is_it)
    }

    pub(super) fn entry(&mut self, path: &Path) -> &mut PartUpload {
        let last_number = &mut self.last_number;
        self.parts.entry(path.to_owned()).or_insert_with(|| {
            *last_number += 1;
            let (progress, pieces) = (UploadProgress::Waiting, Vec::new());
            PartUpload { number: *last_number, written: 0, whole: None, progress, pieces, has_failed: false }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(id: &str) -> Upload {
        Upload { key: "key".to_owned(), id: id.to_owned() }
    }

    /// The piece that is uploaded next, if there is one.
    fn next_piece(plan: &mut PiecePlan) -> Option<usize> {
        plan.next_task().map(|task| match task {
            UploadTask::Piece { piece, .. } => piece,
            UploadTask::Begin(_) => panic!("it is begun already"),
        })
    }

    /// Begins the uploads that are due; their parts.
    #[track_caller]
    fn begin(plan: &mut PiecePlan) -> Vec<TaskPart> {
        let Some(UploadTask::Begin(parts)) = plan.next_task() else { panic!("an upload is due") };
        for (number, part) in parts.iter().enumerate() {
            plan.note_begun(part, upload(&number.to_string()));
        }
        parts
    }

    #[test]
    fn pieces_are_uploaded_once_and_the_last_when_the_part_is_whole() {
        let (mut plan, path) = (PiecePlan::default(), Path::new("events/a"));
        plan.entry(path).written = LARGE_PART_BYTES - 1;
        assert!(plan.next_task().is_none(), "it may stay small");
        plan.entry(path).written = 2 * PIECE_BYTES + 1;
        begin(&mut plan);
        assert_eq!([next_piece(&mut plan), next_piece(&mut plan), next_piece(&mut plan)], [Some(0), Some(1), None]);
        let whole = StagedPart { path: path.to_owned(), rows: 1, bytes: 2 * PIECE_BYTES + 1, hash: 0 };
        plan.entry(path).whole = Some(whole);
        assert_eq!([next_piece(&mut plan), next_piece(&mut plan)], [Some(2), None]);
    }

    #[test]
    fn uploads_are_begun_together() {
        let mut plan = PiecePlan::default();
        for name in ["a", "b", "c"] {
            plan.entry(Path::new(name)).written = if name == "b" { 1 } else { PIECE_BYTES };
        }
        let begun: Vec<PathBuf> = begin(&mut plan).into_iter().map(|part| part.path).collect();
        assert_eq!(begun, [Path::new("a"), Path::new("c")]);
    }

    #[test]
    fn after_a_failed_piece_the_others_are_kept() {
        let (mut plan, path) = (PiecePlan::default(), Path::new("events/a"));
        plan.entry(path).written = 3 * PIECE_BYTES;
        let part = begin(&mut plan).remove(0);
        assert_eq!(next_piece(&mut plan), Some(0));
        let failed = plan.next_task().expect("a piece");
        plan.note_piece(&part, 0, "first".to_owned());
        plan.fail(&failed, false);
        assert!(plan.next_task().is_none(), "the rest is left to the commit");
        let whole = StagedPart { path: path.to_owned(), rows: 1, bytes: 3 * PIECE_BYTES, hash: 0 };
        plan.entry(path).whole = Some(whole.clone());
        plan.retain(&[&whole]);
        assert_eq!(plan.entry(path).pieces, [Some("first".to_owned()), None]);
        assert!(plan.is_needed(&upload("0")));
        plan.fail(&failed, true);
        plan.retain(&[&whole]);
        assert!(plan.parts.is_empty(), "it is uploaded again if the store has none of it any more");
    }

    #[test]
    fn what_was_sent_of_a_file_that_is_written_anew_does_not_count() {
        let (mut plan, path) = (PiecePlan::default(), Path::new("events/a"));
        plan.entry(path).written = PIECE_BYTES;
        let part = begin(&mut plan).remove(0);
        assert_eq!(next_piece(&mut plan), Some(0));
        plan.parts.remove(path);
        plan.entry(path).written = PIECE_BYTES;
        plan.note_piece(&part, 0, "old".to_owned());
        assert!(plan.entry(path).pieces.is_empty() && !plan.is_needed(&upload("0")));
        assert_eq!(begin(&mut plan).len(), 1);
    }
}
