//! How often values occur, in bounded memory.
//!
//! In: texts, each with its number of occurrences. Out: the number of distinct texts and the most frequent ones. Never: more
//! memory than it was given, or a number that claims more certainty than it has.
//!
//! Within the bound every value is counted exactly. Beyond it, the less frequent half of the values is dropped, and the
//! maximum that a dropped value can have occurred is kept: a value that arrives later may have been missed that often.
//! So each number is a lower bound, with an upper bound beside it, and a value that occurred more often than twice the total
//! divided by the maximum number of values is never dropped. Like the space-saving algorithm (Metwally, Agrawal and El
//! Abbadi, 2005), but with many values dropped at once, so that the next ones cost nothing.

use std::borrow::Cow;
use std::fmt::Write;

use hashbrown::HashMap;
use twox_hash::XxHash3_128;

/// Values that are counted exactly.
pub(super) const MOST_VALUES: usize = 100_000;
/// Bytes of a value that are kept; a longer one ends in its length and a hash, so that it stays distinct.
const LONGEST_VALUE: usize = 256;
/// Memory for a value besides its text.
const ENTRY_BYTES: usize = 64;

/// Counts values.
#[derive(Debug)]
pub(super) struct Counter {
    values: HashMap<Box<str>, Count>,
    /// Maximum number of values.
    most_values: usize,
    bytes: usize,
    /// Maximum bytes.
    most_bytes: usize,
    /// Number of values when some had to be dropped for the first time.
    certain: Option<usize>,
    /// Maximum occurrences of any value that is not here.
    missed: u64,
}

/// How often a value occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// At least.
    pub(super) least: u64,
    /// At most.
    pub(super) most: u64,
}

impl Counter {
    pub(super) fn new(most_values: usize, most_bytes: usize) -> Self {
        Self { values: HashMap::new(), most_values, bytes: 0, most_bytes, certain: None, missed: 0 }
    }

    /// Adds occurrences of a value.
    pub(super) fn add(&mut self, value: &str, occurrences: u64) {
        let value = shortened(value);
        self.add_count(&value, Count { least: occurrences, most: occurrences });
    }

    fn add_count(&mut self, value: &str, more: Count) {
        if let Some(count) = self.values.get_mut(value) {
            count.least += more.least;
            count.most += more.most;
            return;
        }
        let bytes = value.len() + ENTRY_BYTES;
        while !self.values.is_empty() && (self.values.len() >= self.most_values || self.bytes + bytes > self.most_bytes)
        {
            self.forget_half();
        }
        self.bytes += bytes;
        self.values.insert(value.into(), Count { least: more.least, most: more.most + self.missed });
    }

    /// Adds all counts of another counter.
    pub(super) fn merge(&mut self, other: &Self) {
        self.certain = self.certain.max(other.certain);
        // A value that is only here may have been missed there.
        self.values.values_mut().for_each(|count| count.most += other.missed);
        self.missed += other.missed;
        for (value, count) in other.sorted() {
            self.add_count(value, count);
        }
    }

    /// Drops the less frequent half. Ties are decided by the texts alone.
    fn forget_half(&mut self) {
        self.certain = self.certain.max(Some(self.values.len()));
        let mut values: Vec<(Box<str>, Count)> = self.values.drain().collect();
        let kept = values.len() / 2;
        values.select_nth_unstable_by(kept, |(one, a), (two, b)| b.most.cmp(&a.most).then_with(|| one.cmp(two)));
        let forgotten = values.drain(kept..).map(|(_, count)| count.most).max().unwrap_or_default();
        self.missed = self.missed.max(forgotten);
        self.bytes = values.iter().map(|(value, _)| value.len() + ENTRY_BYTES).sum();
        self.values.extend(values);
    }

    /// The number of values, and whether it is exact: otherwise there are more.
    pub(super) fn distinct(&self) -> (usize, bool) {
        self.certain.map_or((self.values.len(), true), |certain| (certain.max(self.values.len()), false))
    }

    /// Values by frequency, the most frequent first.
    fn sorted(&self) -> Vec<(&str, Count)> {
        let mut values: Vec<(&str, Count)> = self.values.iter().map(|(value, count)| (&**value, *count)).collect();
        values.sort_unstable_by(|(one, a), (two, b)| b.least.cmp(&a.least).then_with(|| one.cmp(two)));
        values
    }

    /// The most frequent values, and the maximum occurrences of any other.
    pub(super) fn top(&self, number: usize) -> (Vec<(String, Count)>, u64) {
        let sorted = self.sorted();
        let (top, others) = sorted.split_at(number.min(sorted.len()));
        let others_at_most = others.iter().map(|(_, count)| count.most).fold(self.missed, u64::max);
        (top.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect(), others_at_most)
    }
}

/// A value in the form that is kept.
fn shortened(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST_VALUE {
        return Cow::Borrowed(value);
    }
    let mut short = value[..value.floor_char_boundary(LONGEST_VALUE)].to_owned();
    let hash = XxHash3_128::oneshot(value.as_bytes());
    // Writing to a String cannot fail.
    let _ = write!(short, "… ({} bytes, xxh3 {hash:032x})", value.len());
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ROOM: usize = 1 << 20;

    fn of<'v>(values: impl IntoIterator<Item = &'v str>, most_values: usize, most_bytes: usize) -> Counter {
        let mut counter = Counter::new(most_values, most_bytes);
        values.into_iter().for_each(|value| counter.add(value, 1));
        counter
    }

    #[test]
    fn counts_up_to_the_bound_are_exact() {
        let counter = of(["b", "a", "b", "", "c", "b", "a"], 4, ROOM);
        assert_eq!(counter.distinct(), (4, true));
        let exactly = |value: &str, count| (value.to_owned(), Count { least: count, most: count });
        assert_eq!(counter.top(3), (vec![exactly("b", 3), exactly("a", 2), exactly("", 1)], 1));
    }

    /// A few frequent values among many that occur once, in an order that causes most drops.
    #[test]
    fn numbers_beyond_the_bound_are_true_bounds() {
        const BOUND: usize = 100;
        let mut numbers = 0_u64;
        let mut values = Vec::new();
        for round in 0..20_000_u64 {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            values.push(if numbers >> 62 == 0 { format!("often {}", numbers % 7) } else { format!("once {round}") });
        }
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for value in &values {
            *expected.entry(value).or_default() += 1;
        }
        let counter = of(values.iter().map(String::as_str), BOUND, ROOM);
        assert_eq!(counter.distinct(), (BOUND, false));
        assert!(counter.values.len() <= BOUND);
        let least_known = 2 * values.len() as u64 / BOUND as u64;
        assert!(counter.missed <= least_known, "{} may be missed", counter.missed);
        for (value, count) in &expected {
            let (least, most) =
                counter.values.get(*value).map_or((0, counter.missed), |found| (found.least, found.most));
            assert!((least..=most).contains(count), "{value}: {count} is not within {least} and {most}");
        }
        let (top, others_at_most) = counter.top(7);
        assert!(top.iter().all(|(value, _)| value.starts_with("often")), "{top:?}");
        let listed: Vec<&str> = top.iter().map(|(value, _)| value.as_str()).collect();
        let others = expected.iter().filter(|(value, _)| !listed.contains(value)).map(|(_, count)| *count).max();
        assert!(others.is_some_and(|count| count <= others_at_most), "{others:?} above {others_at_most}");
    }

    #[test]
    fn memory_is_bounded_by_bytes_too_and_long_values_stay_distinct() {
        let long = |number: usize| format!("{}{number}", "é".repeat(10_000));
        let values: Vec<String> = (0..1_000).map(long).collect();
        let counter = of(values.iter().map(String::as_str), MOST_VALUES, ROOM / 16);
        assert!(counter.bytes <= ROOM / 16 && !counter.values.is_empty(), "{} bytes", counter.bytes);
        let all = of(values.iter().map(String::as_str), MOST_VALUES, ROOM);
        assert_eq!(all.distinct(), (1_000, true));
        assert!(all.top(1).0[0].0.contains("… (20001 bytes, xxh3 "), "{:?}", all.top(1));
    }

    #[test]
    fn counts_of_parts_add_up() {
        let mut counter = of(["a", "b"], 4, ROOM);
        counter.merge(&of(["b", "c"], 4, ROOM));
        assert_eq!(counter.distinct(), (3, true));
        assert_eq!(counter.top(1), (vec![("b".to_owned(), Count { least: 2, most: 2 })], 1));
        let forgetful = of(["x", "x", "y", "z", "z", "z"], 2, ROOM);
        counter.merge(&forgetful);
        assert!(!counter.distinct().1);
        let b = counter.values["b"];
        assert!(b.least == 2 && b.most == 2 + forgetful.missed, "{b:?}");
    }
}
