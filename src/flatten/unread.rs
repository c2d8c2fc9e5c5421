//! Events that cannot hold a usage record.
//!
//! In: a window of text and the events in it, in order. Out: for each event whether it may be left unread when only
//! usage records are wanted. Never: `true` for a metering call, however its source is spelled.

use std::iter::Peekable;
use std::ops::Range;

use memchr::memmem;

use super::usage_records::SOURCE_PREFIX;

/// How an escape of an ASCII character begins.
const ESCAPE: &[u8] = b"\\u00";

/// Looks for what makes an event one to read.
pub(crate) struct Unread<'w> {
    words: Peekable<memmem::FindIter<'w, 'static>>,
    escapes: Peekable<Box<dyn Iterator<Item = usize> + 'w>>,
}

impl<'w> Unread<'w> {
    pub(crate) fn new(window: &'w [u8]) -> Self {
        let escapes: Box<dyn Iterator<Item = usize> + 'w> = Box::new(memmem::find_iter(window, ESCAPE).filter(|at| {
            matches!(window.get(at + ESCAPE.len()..), Some([b'2', b'd' | b'D' | b'e' | b'E', ..] | [b'6' | b'7', ..]))
        }));
        Self { words: memmem::find_iter(window, SOURCE_PREFIX).peekable(), escapes: escapes.peekable() }
    }

    /// Whether the next event, which stands here, may be left unread.
    pub(crate) fn take(&mut self, event: &Range<usize>) -> bool {
        fn is_in(event: &Range<usize>, places: &mut Peekable<impl Iterator<Item = usize>>) -> bool {
            while places.next_if(|at| *at < event.start).is_some() {}
            places.peek().is_some_and(|at| *at < event.end)
        }
        // A letter, dash or point of the words may be written as an escape.
        !is_in(event, &mut self.words) && !is_in(event, &mut self.escapes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_spell_the_source_is_read() {
        let events = [
            r#"{"eventSource":"s3.amazonaws.com"}"#,
            r#"{"eventSource":"metering-marketplace.amazonaws.com"}"#,
            r#"{"userAgent":"a \u003c b \u0026"}"#,
            r#"{"eventSource":"metering\u002dmarketplace.amazonaws.com"}"#,
            r#"{"eventSource":"\u006detering-marketplac\u0065.amazonaws.com"}"#,
            r#"{"eventSource":"metering-marketplace\u002Eamazonaws.com"}"#,
            r#"{"eventSource":"metering-\u004Darketplace"}"#,
        ];
        let text = events.concat();
        let mut unread = Unread::new(text.as_bytes());
        let mut start = 0;
        let taken = events.map(|event| {
            let range = start..start + event.len();
            start = range.end;
            unread.take(&range)
        });
        // Letters of the words are lower-case: \u004D is none of them.
        assert_eq!(taken, [true, false, true, false, false, false, true]);
    }
}
