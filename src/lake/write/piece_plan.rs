//! Which pieces of files in staging can be uploaded.
//!
//! In: how far files have grown, and which are whole parts. Out: what is to be uploaded next, and what has become useless.
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
    /// Number of parts so far, including those that were written anew.
    begun: u64,
    /// Uploads that are not needed any more.
    pub(super) useless: Vec<Upload>,
    /// Whether files still grow.
    pub(super) is_over: bool,
}

/// A file that may become a large part.
pub(super) struct PartUpload {
    pub(super) number: u64,
    /// Bytes that do not change any more.
    pub(super) written: u64,
    pub(super) whole: Option<StagedPart>,
    pub(super) progress: UploadProgress,
    /// Names of the pieces by their position; `None` while one is uploaded.
    pub(super) pieces: Vec<Option<String>>,
}

pub(super) enum UploadProgress {
    Waiting,
    Beginning,
    Begun(Upload),
    Failed,
}

/// What a thread does next.
pub(super) struct UploadTask {
    pub(super) part: PathBuf,
    pub(super) number: u64,
    /// The piece and its upload; none to begin the upload.
    pub(super) piece: Option<(usize, Upload)>,
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
        for (path, part) in &mut self.parts {
            let piece = match &part.progress {
                UploadProgress::Waiting if part.written >= LARGE_PART_BYTES => {
                    part.progress = UploadProgress::Beginning;
                    None
                }
                UploadProgress::Begun(upload) => match part.next_piece() {
                    Some(piece) => Some((piece, upload.clone())),
                    None => continue,
                },
                _ => continue,
            };
            if piece.is_some() {
                part.pieces.push(None);
            }
            return Some(UploadTask { part: path.clone(), number: part.number, piece });
        }
        None
    }

    /// The part that a task was for, unless it has been written anew.
    pub(super) fn part_of(&mut self, task: &UploadTask) -> Option<&mut PartUpload> {
        self.parts.get_mut(&task.part).filter(|part| part.number == task.number)
    }

    /// Ends the upload of a part of which a task has failed.
    pub(super) fn fail(&mut self, task: &UploadTask) {
        if let Some(part) = self.part_of(task)
            && let UploadProgress::Begun(upload) = std::mem::replace(&mut part.progress, UploadProgress::Failed)
        {
            self.useless.push(upload);
        }
    }

    pub(super) fn discard(&mut self, path: &Path) {
        if let Some(PartUpload { progress: UploadProgress::Begun(upload), .. }) = self.parts.remove(path) {
            self.useless.push(upload);
        }
    }

    pub(super) fn entry(&mut self, path: &Path) -> &mut PartUpload {
        let begun = &mut self.begun;
        self.parts.entry(path.to_owned()).or_insert_with(|| {
            *begun += 1;
            let (progress, pieces) = (UploadProgress::Waiting, Vec::new());
            PartUpload { number: *begun, written: 0, whole: None, progress, pieces }
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
        plan.next_task().map(|task| task.piece.expect("a piece").0)
    }

    #[test]
    fn pieces_are_uploaded_once_and_the_last_when_the_part_is_whole() {
        let (mut plan, path) = (PiecePlan::default(), Path::new("events/a"));
        plan.entry(path).written = LARGE_PART_BYTES - 1;
        assert!(plan.next_task().is_none(), "it may stay small");
        plan.entry(path).written = 2 * PIECE_BYTES + 1;
        let begin = plan.next_task().expect("an upload to begin");
        assert!(begin.piece.is_none() && plan.next_task().is_none(), "nothing is sent before it is begun");
        plan.part_of(&begin).expect("the part").progress = UploadProgress::Begun(upload("1"));
        assert_eq!([next_piece(&mut plan), next_piece(&mut plan), next_piece(&mut plan)], [Some(0), Some(1), None]);
        let whole = StagedPart { path: path.to_owned(), rows: 1, bytes: 2 * PIECE_BYTES + 1, hash: 0 };
        plan.entry(path).whole = Some(whole);
        assert_eq!([next_piece(&mut plan), next_piece(&mut plan)], [Some(2), None]);
    }

    #[test]
    fn what_was_sent_of_a_file_that_is_written_anew_does_not_count() {
        let (mut plan, path) = (PiecePlan::default(), Path::new("events/a"));
        plan.entry(path).written = PIECE_BYTES;
        let begin = plan.next_task().expect("an upload to begin");
        plan.part_of(&begin).expect("the part").progress = UploadProgress::Begun(upload("1"));
        let piece = plan.next_task().expect("a piece");
        plan.discard(path);
        plan.entry(path).written = PIECE_BYTES;
        assert!(plan.part_of(&piece).is_none() && plan.part_of(&begin).is_none());
        assert_eq!(plan.useless, [upload("1")]);
        assert!(plan.next_task().expect("another upload to begin").piece.is_none());
    }
}
