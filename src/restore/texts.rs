//! Many texts, searched together and case-insensitively (ASCII).
//!
//! In: texts. Out: whether a text is among them, or may lie between two bounds. Never: compares all texts where a few
//! suffice.

/// Bytes of bounds that are compared. More make no difference to how much is read.
const LONGEST_COMPARED: usize = 512;

/// Texts in lower case, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts(Vec<String>);

impl Texts {
    /// Adds a text; call [`Texts::sort`] afterwards.
    pub(super) fn add(&mut self, text: &str) {
        self.0.push(text.to_ascii_lowercase());
    }

    /// Sorts the texts.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text, already in lower case, is one of them.
    pub(super) fn has(&self, lower: &[u8]) -> bool {
        self.0.binary_search_by(|text| text.as_bytes().cmp(lower)).is_ok()
    }

    /// Whether one of them, in any case, lies between two bounds.
    pub(super) fn is_within(&self, least: &[u8], most: &[u8]) -> bool {
        SuffixBounds { least: Some(least), most: Some(most), has_more: false }.hold(&self.0, 0)
    }

    /// Whether a text that begins with one of them, in any case, may lie between two bounds.
    pub(super) fn begins_within(&self, least: &[u8], most: &[u8]) -> bool {
        SuffixBounds { least: Some(least), most: Some(most), has_more: true }.hold(&self.0, 0)
    }
}

/// The rest of two bounds after a prefix that they share with texts; `None` where that prefix is beyond the bound
/// already, whatever follows.
#[derive(Clone, Copy)]
struct SuffixBounds<'b> {
    least: Option<&'b [u8]>,
    most: Option<&'b [u8]>,
    /// Whether anything may follow a text.
    has_more: bool,
}

impl SuffixBounds<'_> {
    /// Whether one of some texts, sorted and equal up to `at`, lies between them.
    fn hold(self, texts: &[String], at: usize) -> bool {
        let Some(first) = texts.first() else { return false };
        let is_at_least = self.least.is_none_or(<[u8]>::is_empty);
        let is_over = first.len() == at;
        if at >= LONGEST_COMPARED || (is_at_least && self.most.is_none()) {
            return true;
        }
        if is_over && (is_at_least || self.has_more) {
            return true;
        }
        // Of sorted texts, one that ends here comes first.
        let byte = |text: &String| text.as_bytes().get(at).copied();
        let longer = &texts[usize::from(is_over)..];
        longer.chunk_by(|one, other| byte(one) == byte(other)).any(|alike| {
            let Some(byte) = alike.first().and_then(byte) else { return false };
            let is_held = |case: u8| self.behind(case).is_some_and(|bounds| bounds.hold(alike, at + 1));
            is_held(byte) || (byte.is_ascii_lowercase() && is_held(byte.to_ascii_uppercase()))
        })
    }

    /// The rest of them after one more byte, if it lies between them.
    fn behind(self, byte: u8) -> Option<Self> {
        let least = match self.least {
            Some([first, ..]) if byte < *first => return None,
            Some([first, rest @ ..]) if byte == *first => Some(rest),
            _ => None,
        };
        let most = match self.most {
            Some([]) => return None,
            Some([first, ..]) if byte > *first => return None,
            Some([first, rest @ ..]) if byte == *first => Some(rest),
            _ => None,
        };
        Some(Self { least, most, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_beyond_the_compared_length_may_match() {
        let mut texts = Texts::default();
        texts.add(&"a".repeat(100_000));
        texts.sort();
        let bound = "A".repeat(90_000);
        assert!(texts.is_within(bound.as_bytes(), bound.as_bytes()));
        assert!(!texts.is_within(b"b", bound.as_bytes()) && !texts.is_within(b"b", b"c"));
    }
}
