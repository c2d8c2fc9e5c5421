//! The beginning of an archive's text.
//!
//! In: its first bytes. Out: the text that they give. Never: reads any further, or mistakes the end of those bytes for that of
//! the archive.

use bytes::Bytes;

use super::archive::Archive;
use super::container::LOOK_BYTES;
use super::stream::{TextStream, Window};

/// The first bytes of an archive, enough to identify it; `None` when it cannot be read, and for an object, which
/// was [looked at](super::look_at) with others.
pub(crate) fn head(archive: &Archive) -> Option<Bytes> {
    let is_at_hand = archive.is_regular && archive.version().is_none();
    let head = is_at_hand.then(|| archive.read_head(LOOK_BYTES))?;
    head.ok().map(Bytes::from)
}

/// The first `wanted` bytes of the text of an archive with this head, and whether they are all of it. `None` when
/// there are fewer, or they are damaged.
pub(crate) fn beginning(archive: &Archive, head: &Bytes, wanted: usize) -> Option<(Window, bool)> {
    let mut stream = TextStream::over_head(head.clone()).ok()?;
    let mut window = Window::default();
    let ended = stream.fill(&mut window, wanted).ok()?;
    let is_all = matches!(ended, Some(None)) && head.len() as u64 == archive.bytes;
    (ended.is_none() || is_all).then_some((window, is_all))
}
