//! Texts that repeat, each kept once.
//!
//! In: texts, in any number. Out: the number of each, counted in order of first appearance, and the distinct texts.
//! Never: lets a hash decide about order, so that the same texts in the same order always get the same numbers.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Numbers distinct texts.
pub(crate) struct Interner {
    /// Texts that came, as long as it matters how many of them were new.
    came: Option<usize>,
    /// Whether texts are looked up; else each gets a new number.
    looks_up: bool,
    texts: String,
    /// Where each text begins in `texts`, and where the last one ends, as Arrow counts.
    offsets: Vec<i32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for Interner {
    fn default() -> Self {
        let (numbers, hasher) = (HashTable::new(), DefaultHashBuilder::default());
        Self { came: None, looks_up: true, texts: String::new(), offsets: vec![0], numbers, hasher }
    }
}

impl Interner {
    /// Distinct texts from which on it can be judged how many more will be new.
    const ENOUGH: usize = 1_024;

    /// An interner that gives texts that seldom repeat several numbers: once most texts were new, looking them up does not pay.
    pub(crate) fn loose() -> Self {
        Self { came: Some(0), ..Self::default() }
    }

    /// Distinct texts so far.
    pub(crate) const fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Bytes of the distinct texts.
    pub(crate) const fn text_bytes(&self) -> usize {
        self.texts.len()
    }

    /// The text with this number.
    pub(crate) fn get(&self, number: u32) -> &str {
        &self.texts[range(&self.offsets, number)]
    }

    /// Whether a number stands for this text.
    pub(crate) fn is(&self, number: u32, text: &str) -> bool {
        &self.texts.as_bytes()[range(&self.offsets, number)] == text.as_bytes()
    }

    /// All texts in the order of their numbers.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.offsets.array_windows().map(|[start, end]| &self.texts[*start as usize..*end as usize])
    }

    /// The number of a text, a new one if it has not come before.
    pub(crate) fn number_of(&mut self, text: &str) -> u32 {
        let Self { came, looks_up, texts, offsets, numbers, hasher } = self;
        if !*looks_up {
            return push(texts, offsets, text);
        }
        if let Some(came) = came {
            *came += 1;
            // Three of four.
            *looks_up = offsets.len() <= Self::ENOUGH || offsets.len() * 4 < *came * 3;
        }
        let hash = hasher.hash_one(text.as_bytes());
        let entry = numbers.entry(
            hash,
            |number| &texts.as_bytes()[range(offsets, *number)] == text.as_bytes(),
            |number| hasher.hash_one(&texts.as_bytes()[range(offsets, *number)]),
        );
        *entry.or_insert_with(|| push(texts, offsets, text)).get()
    }

    /// Looks texts up from now on, unless most of them turn out to be new.
    fn look_up_again(&mut self) {
        self.looks_up = true;
        self.came = self.came.map(|_| 0);
    }

    /// Forgets all texts.
    pub(crate) fn clear(&mut self) {
        self.look_up_again();
        self.numbers.clear();
        self.texts.clear();
        self.offsets.truncate(1);
    }

    /// The texts and their offsets; the interner is empty again and expects about as many more.
    pub(crate) fn take(&mut self) -> (String, Vec<i32>) {
        self.look_up_again();
        self.numbers.clear();
        let texts = String::with_capacity(self.texts.len() + self.texts.len() / 8);
        let mut offsets = Vec::with_capacity(self.offsets.len() + self.offsets.len() / 8);
        offsets.push(0);
        (std::mem::replace(&mut self.texts, texts), std::mem::replace(&mut self.offsets, offsets))
    }
}

/// Adds a text; its number.
fn push(texts: &mut String, offsets: &mut Vec<i32>, text: &str) -> u32 {
    texts.push_str(text);
    // Whoever fills an interner bounds its bytes, far below the reach of these numbers.
    offsets.push(i32::try_from(texts.len()).unwrap_or(i32::MAX));
    u32::try_from(offsets.len() - 2).unwrap_or(u32::MAX)
}

/// Where the text of a number stands.
fn range(offsets: &[i32], number: u32) -> Range<usize> {
    let at = number as usize;
    offsets[at] as usize..offsets[at + 1] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_appearance() {
        let mut interner = Interner::default();
        let numbers: Vec<u32> = ["b", "a", "", "b", "é", "", "a"].map(|text| interner.number_of(text)).into();
        assert_eq!(numbers, [0, 1, 2, 0, 3, 2, 1]);
        assert_eq!(interner.iter().collect::<Vec<_>>(), ["b", "a", "", "é"]);
        assert_eq!((interner.get(3), interner.len(), interner.text_bytes()), ("é", 4, 4));
        assert_eq!(interner.take(), ("baé".to_owned(), vec![0, 1, 2, 2, 4]));
        assert_eq!((interner.len(), interner.number_of("a")), (0, 0));
    }

    #[test]
    fn a_loose_interner_looks_up_texts_that_repeat() {
        let mut interner = Interner::loose();
        for _ in 0..2 {
            let repeating: Vec<u32> = (0..9_000).map(|at| interner.number_of(&(at % 900).to_string())).collect();
            assert!(repeating.iter().zip(0..).all(|(number, at)| *number == at % 900));
            interner.clear();
            let new: Vec<u32> = (0..2_000).map(|at| interner.number_of(&at.to_string())).collect();
            let again = interner.number_of("7");
            assert!(new.into_iter().eq(0..2_000));
            assert_eq!((again, interner.get(again), interner.is(again, "7")), (2_000, "7", true));
            interner.take();
        }
    }
}
