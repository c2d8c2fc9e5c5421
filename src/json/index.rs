//! An event to the offsets of its quotes, brackets, colons and commas.
//!
//! In: the text of one value, from any position outside of a string on. Out: the offset of every such byte that is not part
//! of a string's text, some hundred bytes of text at a time: a reader skips much of an event that it knows. Never:
//! checks whether they are where they should be; the [`Cursor`](super::cursor::Cursor) does.

use super::masks::{BLOCK, BLOCK_BYTES, Masks, Strings, scans};

/// Text that is indexed at once: its offsets stay in the L1 cache.
const STRETCH: usize = 8 * BLOCK;

/// The offsets of a stretch of text.
pub(crate) struct StructuralIndex {
    /// Has room for a block in which every byte has an offset.
    offsets: Box<[u32; STRETCH + BLOCK]>,
    len: usize,
    /// Where the next stretch begins.
    next: usize,
    strings: Strings,
    /// Whether there was a backslash anywhere.
    pub(crate) has_escapes: bool,
    /// Whether a string contained a byte below U+0020, which JSON does not allow.
    pub(crate) has_raw_controls: bool,
}

impl Default for StructuralIndex {
    fn default() -> Self {
        Self {
            offsets: Box::new([0; STRETCH + BLOCK]),
            len: 0,
            next: 0,
            strings: Strings::default(),
            has_escapes: false,
            has_raw_controls: false,
        }
    }
}

impl StructuralIndex {
    /// Begins a text.
    pub(crate) fn begin(&mut self) {
        self.restart(0);
        (self.has_escapes, self.has_raw_controls) = (false, false);
    }

    /// Continues at an offset that is outside of strings.
    pub(crate) fn restart(&mut self, at: usize) {
        self.len = 0;
        self.next = at;
        self.strings = Strings::default();
    }

    /// Indexes the next stretch; `false` when the text has ended, or is too long for its offsets.
    pub(crate) fn refill(&mut self, text: &[u8]) -> bool {
        self.len = 0;
        let has_more = self.next < text.len() && u32::try_from(text.len()).is_ok();
        if has_more {
            find(text, self);
        }
        has_more
    }

    /// The offsets of the stretch.
    pub(crate) fn offsets(&self) -> &[u32] {
        &self.offsets[..self.len]
    }
}

scans! {
    fn find(text: &[u8], index: &mut StructuralIndex) -> () = find_places;
}

#[expect(clippy::inline_always, reason = "compiled anew for each kind of processor")]
#[inline(always)]
fn find_places(
    text: &[u8],
    index: &mut StructuralIndex,
    masks: impl Fn(&[u8; BLOCK]) -> Masks,
    put_places: impl Fn(u64, u32, &mut [u32; BLOCK]),
) {
    let stretch = &text[index.next..text.len().min(index.next + STRETCH)];
    let (blocks, rest) = stretch.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let last = if rest.is_empty() { None } else { Some(&last) };
    let (mut backslashes, mut raw_controls) = (0, 0);
    let mut len = 0;
    // A text has fewer than four billion bytes here.
    let mut start = u32::try_from(index.next).unwrap_or(u32::MAX);
    for block in blocks.iter().chain(last) {
        let masks = masks(block);
        let (quotes, inside) = index.strings.next(&masks);
        backslashes |= masks.backslashes;
        raw_controls |= masks.controls & inside;
        let places = quotes | (masks.opening | masks.closing | masks.separators) & !inside;
        if let Some(slots) = index.offsets[len..].first_chunk_mut() {
            put_places(places, start, slots);
        }
        len += places.count_ones() as usize;
        start += BLOCK_BYTES;
    }
    index.len = len;
    index.next += stretch.len();
    index.has_escapes |= backslashes != 0;
    index.has_raw_controls |= raw_controls != 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> (StructuralIndex, Vec<usize>) {
        let (mut index, mut found) = (StructuralIndex::default(), Vec::new());
        index.restart(0);
        while index.refill(text.as_bytes()) {
            found.extend(index.offsets().iter().map(|offset| *offset as usize));
        }
        (index, found)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut found = vec![b' '; text.len()];
        places(text).1.into_iter().for_each(|at| found[at] = b'^');
        assert_eq!(String::from_utf8_lossy(&found), expected, "\n{text}");
    }

    #[test]
    fn places_inside_strings_do_not_count() {
        check(r#"{"a":"b,:{}[]","c\"":[1,{}]}"#, "^^ ^^^       ^^^   ^^^ ^^^^^");
        for length in [10, 40, 300, 1_000] {
            let text = format!(r#"{{"{}":"{}\\"}}"#, "k,".repeat(length), ":\\\"".repeat(length));
            let (index, found) = places(&text);
            let (name_end, end) = (2 + 2 * length, text.len());
            assert_eq!(found, [0, 1, name_end, name_end + 1, name_end + 2, end - 2, end - 1]);
            assert!(index.has_escapes && !index.has_raw_controls);
        }
    }

    #[test]
    fn controls_are_only_reported_in_strings() {
        let (index, _) = places("{\n\"a\":\t1}");
        assert!(!index.has_raw_controls && !index.has_escapes);
        assert!(places("{\"a\":\"\t\"}").0.has_raw_controls);
        assert_eq!(places("").1, [0; 0]);
    }

    #[test]
    fn a_restart_is_outside_of_strings() {
        let text = r#"{"a":"b"}"#;
        let mut index = StructuralIndex::default();
        index.restart(5);
        assert!(index.refill(text.as_bytes()));
        assert_eq!(index.offsets(), [5, 7, 8]);
    }
}
