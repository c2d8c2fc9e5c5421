//! Stored bytes to text, in one piece and a window at a time.
//!
//! In: files, sound or not. Out: their text, and what was wrong with them. Never: other code than a run's own.

use std::path::Path;

use crate::convert::config::Config;
use crate::error::{Error, Finding, Reason, Result};
use crate::input::{Archive, Contents, Inflated, Inflater, Search, TextStream, Unusable, Window, discover, expand};
use crate::store::Session;

/// Text of a bench's archive at most.
const MOST_TEXT_BYTES: usize = 1 << 30;

/// Gunzips; the length of the text.
///
/// # Errors
///
/// When it is no sound archive.
pub fn inflate(inflater: &mut ArchiveInflater, stored: &[u8]) -> Result<usize> {
    match inflater.0.inflate(stored, MOST_TEXT_BYTES) {
        Inflated::Text(length, None) => Ok(length),
        _ => Err(Error::internal("a bench has a damaged archive")),
    }
}

/// Buffers of [`inflate`].
#[derive(Default)]
pub struct ArchiveInflater(Inflater);

impl ArchiveInflater {
    /// The text of the last call, which returned its length.
    #[must_use]
    pub fn text(&self, length: usize) -> &[u8] {
        self.0.text(length)
    }
}

/// What came of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum InflatedFile {
    /// The text that counts; with a finding when the file is damaged behind it.
    Text(Vec<u8>, Option<Finding>),
    /// More text than wanted.
    TooLarge,
}

/// Gunzips any small file.
pub fn inflate_any(inflater: &mut ArchiveInflater, stored: &[u8], limit: usize) -> InflatedFile {
    match inflater.0.inflate(stored, limit) {
        Inflated::Text(length, finding) => InflatedFile::Text(inflater.text(length).to_vec(), finding),
        Inflated::Refused(finding) => InflatedFile::Text(Vec::new(), Some(finding)),
        Inflated::TooLarge => InflatedFile::TooLarge,
    }
}

/// Lists the members of a zip, those of zips in it included, as their names behind that of the file; and how many places of
/// it are damaged. `None` when the file is no zip.
///
/// # Errors
///
/// When there is no such file.
pub fn list_zip(path: &Path) -> Result<Option<(Vec<String>, usize)>> {
    let archive = LargeFile::at(path)?.0;
    let uri = archive.uri();
    let Some(found) = expand(&archive, None) else { return Ok(None) };
    let (mut members, mut damaged) = (Vec::new(), 0);
    for archive in &found {
        match archive.contents.as_deref() {
            Some(Contents::Members { findings, .. }) => damaged += findings.len(),
            Some(Contents::Unread { why }) => return Err(Error::internal(why.as_str())),
            None | Some(Contents::Foreign { .. }) => {
                members.extend(archive.uri().strip_prefix(&uri).map(|name| name[1..].to_owned()));
            }
        }
    }
    Ok(Some((members, damaged)))
}

/// A file that is gunzipped as a large one.
pub struct LargeFile(Archive);

impl LargeFile {
    /// The file at this path.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn at(path: &Path) -> Result<Self> {
        let config = Config::new(Vec::new(), "lake".into());
        let session = Session::default();
        let search = Search { lake: None, selection: &config.selection, session: &session, is_new: &|_| true };
        let found = discover(&[path.to_owned()], Vec::new(), &search)?;
        found.into_iter().next().map(Self).ok_or_else(|| Error::internal("no file"))
    }

    /// Gunzips what the file holds by now, which is `stored_bytes` long, with `step` bytes of text at a time; twice, as
    /// a run does, when text that was handed out turns out not to count.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn inflate(&mut self, stored_bytes: u64, limit: u64, step: usize) -> Result<InflatedFile> {
        self.0.bytes = stored_bytes;
        match self.attempt(limit, step, None)? {
            Ok(file) => Ok(file),
            Err(Unusable { finding, sound_bytes }) if finding.reason == Reason::InflatedTooLarge => {
                debug_assert!(sound_bytes == 0, "no text of an archive that is too large counts");
                Ok(InflatedFile::TooLarge)
            }
            Err(unusable) if unusable.sound_bytes == 0 => Ok(InflatedFile::Text(Vec::new(), Some(unusable.finding))),
            Err(unusable) => match self.attempt(limit, step, Some(unusable))? {
                Ok(file) => Ok(file),
                Err(_) => Err(Error::internal("text that counts turned out not to")),
            },
        }
    }

    fn attempt(&self, limit: u64, step: usize, end: Option<Unusable>) -> Result<Result<InflatedFile, Unusable>> {
        let mut stream = TextStream::open(&self.0, limit, end).map_err(Error::internal)?;
        let (mut window, mut text) = (Window::default(), Vec::new());
        loop {
            match stream.fill(&mut window, step) {
                Ok(None) => text.extend(window.split_off(step)),
                Ok(Some(ended)) => {
                    text.extend(window.split_off(window.text().len()));
                    return Ok(match stream.drain(ended, |_| ()) {
                        Ok((inflated_bytes, _)) if inflated_bytes != text.len() as u64 => {
                            return Err(Error::internal("text came behind the end"));
                        }
                        Ok((_, finding)) => Ok(InflatedFile::Text(text, finding)),
                        Err(unusable) => Err(unusable),
                    });
                }
                Err(unusable) => return Ok(Err(unusable)),
            }
        }
    }
}
