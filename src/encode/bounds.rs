//! Least and greatest text of a page or column chunk.
//!
//! In: texts. Out: bounds of at most [`STATISTICS_BYTES`] bytes, unless no such bound exists. Never: a bound that a text
//! lies outside of.

use super::properties::STATISTICS_BYTES;

/// The least and the greatest of some texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds(Option<(String, String)>);

/// One bound as files keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) bytes: Vec<u8>,
    /// Whether it is one of the texts.
    pub(super) is_exact: bool,
}

impl Bounds {
    /// Widens the bounds by a text.
    pub(super) fn widen(&mut self, text: &str) {
        match &mut self.0 {
            None => self.0 = Some((text.to_owned(), text.to_owned())),
            Some((min, _)) if text < min.as_str() => text.clone_into(min),
            Some((_, max)) if text > max.as_str() => text.clone_into(max),
            Some(_) => {}
        }
    }

    /// Widens the bounds by those of other texts.
    pub(super) fn widen_by(&mut self, other: &Self) {
        if let Some((min, max)) = &other.0 {
            self.widen(min);
            self.widen(max);
        }
    }

    fn texts(&self) -> Option<(&str, &str)> {
        self.0.as_ref().map(|(min, max)| (min.as_str(), max.as_str()))
    }

    /// Both bounds, shortened where they are long; `None` when there was no text.
    pub(super) fn truncated(&self) -> Option<(Bound, Bound)> {
        let (min, max) = self.texts()?;
        let start = |text: &str| text[..text.floor_char_boundary(STATISTICS_BYTES)].to_owned();
        let exact = |text: &str| Bound { bytes: text.as_bytes().to_vec(), is_exact: true };
        let is_short = |text: &str| text.len() <= STATISTICS_BYTES;
        let least = if is_short(min) {
            exact(min)
        } else {
            // A start of a text is less than the text.
            Bound { bytes: start(min).into_bytes(), is_exact: false }
        };
        let greatest = match next_greater(start(max)) {
            Some(greater) if !is_short(max) => Bound { bytes: greater.into_bytes(), is_exact: false },
            _ => exact(max),
        };
        Some((least, greatest))
    }
}

/// A text that is greater than all that begin with `start`; `None` when there is none of its length.
fn next_greater(mut start: String) -> Option<String> {
    while let Some(last) = start.pop() {
        // The next character must not be longer, or the bound would outgrow its limit; surrogates are no characters.
        let next = (u32::from(last) + 1..).take(0x801).find_map(char::from_u32);
        if let Some(next) = next.filter(|next| next.len_utf8() == last.len_utf8()) {
            start.push(next);
            return Some(start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: Option<(&str, &str)>) {
        let mut bounds = Bounds::default();
        for text in texts {
            bounds.widen(text);
        }
        let truncated = bounds.truncated();
        let found = truncated.as_ref().map(|(min, max)| {
            (std::str::from_utf8(&min.bytes).expect("text"), std::str::from_utf8(&max.bytes).expect("text"))
        });
        assert_eq!(found, expected);
        for text in texts {
            assert!(found.is_some_and(|(min, max)| min <= *text && *text <= max), "{text}");
        }
    }

    #[test]
    fn short_texts_are_their_own_bounds() {
        check(&[], None);
        check(&["b", "", "é", "a"], Some(("", "é")));
    }

    #[test]
    fn long_texts_lie_within_short_bounds() {
        let a = "a".repeat(300);
        check(&[&a], Some((&"a".repeat(256), &format!("{}b", "a".repeat(255)))));
        let high = format!("x{}", "\u{10ffff}".repeat(100));
        check(&[&high], Some((&high[..253], "y")));
        let two_bytes = "\u{7ff}".repeat(200);
        check(&[&two_bytes], Some((&two_bytes[..256], &two_bytes)));
        let before_surrogates = "\u{d7ff}".repeat(100);
        let bound = format!("{}\u{e000}", "\u{d7ff}".repeat(84));
        check(&[&before_surrogates], Some((&before_surrogates[..255], &bound)));
    }
}
