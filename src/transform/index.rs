//! An event to the places of its quotes, brackets, colons and commas.
//!
//! In: the text of one value. Out: the offset of every such byte that is not part of a string's text. Never: judges
//! whether they stand where they should; that is the [`Cursor`](super::cursor::Cursor)'s work.

use super::marks::{BLOCK, Marks, Strings, scans};

/// The places of a text; reused from text to text.
#[derive(Default)]
pub(super) struct Index {
    /// Offsets in order; those behind `len` are left over from other texts.
    offsets: Vec<u32>,
    len: usize,
    /// Whether there is a backslash anywhere.
    pub(super) has_escapes: bool,
    /// Whether a byte below U+0020 stands in a string, where JSON has none.
    pub(super) has_raw_controls: bool,
}

impl Index {
    /// Finds the places of a text; nothing where it is too long for its offsets.
    pub(super) fn fill(&mut self, text: &[u8]) {
        // Every byte may be one, and blocks are counted whole.
        let most = text.len().next_multiple_of(BLOCK);
        if self.offsets.len() < most {
            self.offsets.resize(most, 0);
        }
        self.len = 0;
        if u32::try_from(most).is_ok() {
            index(text, self);
        }
    }

    pub(super) fn offsets(&self) -> &[u32] {
        &self.offsets[..self.len]
    }
}

scans! {
    fn index(text: &[u8], index: &mut Index) -> () = find_places;
}

#[inline(always)]
fn find_places(text: &[u8], index: &mut Index, marks: impl Fn(&[u8; BLOCK]) -> Marks) {
    let mut strings = Strings::default();
    let (mut backslashes, mut raw_controls) = (0, 0);
    let mut len = 0;
    let mut start = 0_u32;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for block in blocks.iter().chain([&last]) {
        let marks = marks(block);
        let (quotes, inside) = strings.next(&marks);
        backslashes |= marks.backslashes;
        raw_controls |= marks.controls & inside;
        let mut places = quotes | (marks.opening | marks.closing | marks.separators) & !inside;
        let count = places.count_ones() as usize;
        for place in &mut index.offsets[len..len + count] {
            *place = start + places.trailing_zeros();
            places &= places - 1;
        }
        len += count;
        start += BLOCK as u32;
    }
    index.len = len;
    index.has_escapes = backslashes != 0;
    index.has_raw_controls = raw_controls != 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut index = Index::default();
        index.fill(text.as_bytes());
        let mut found = vec![b' '; text.len()];
        index.offsets().iter().for_each(|at| found[*at as usize] = b'^');
        assert_eq!(String::from_utf8_lossy(&found), expected, "\n{text}");
    }

    #[test]
    fn places_inside_strings_do_not_count() {
        check(r#"{"a":"b,:{}[]","c\"":[1,{}]}"#, r#"^^ ^^^       ^^^   ^^^ ^^^^^"#);
        let long = format!(r#"{{"{}":"{}\\"}}"#, "k,".repeat(40), ":\\\"".repeat(40));
        let mut index = Index::default();
        index.fill(long.as_bytes());
        let end = long.len();
        let expected = [0, 1, 82, 83, 84, end - 2, end - 1].map(|at| u32::try_from(at).expect("small"));
        assert_eq!(index.offsets(), expected);
        assert!(index.has_escapes && !index.has_raw_controls);
    }

    #[test]
    fn controls_are_seen_in_strings_only() {
        let mut index = Index::default();
        index.fill(b"{\n\"a\":\t1}");
        assert!(!index.has_raw_controls && !index.has_escapes);
        index.fill(b"{\"a\":\"\t\"}");
        assert!(index.has_raw_controls);
        index.fill(b"");
        assert_eq!(index.offsets(), [0; 0]);
    }
}
