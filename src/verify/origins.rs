//! Which trails deliver to a folder of a copy.
//!
//! In: what digest files that can be relied on declare of themselves, and where they and their log files lie. Out: the
//! trails that a log file of a folder may be of. Never: takes a folder's name for a bucket, which is what its owner called
//! it.
//!
//! A log file names no trail, but its trail has a bucket and a prefix, and so have its digest files, which are signed. A copy
//! may bear both, one or none of them in its own folders; of several trails in one place nothing tells the log files apart.

use std::collections::{BTreeSet, HashMap};

/// A bucket, and what stands before `AWSLogs/` in its keys.
pub(super) type LogOrigin = (String, String);

/// Origins by number, and which of them are found below which root.
#[derive(Debug, Default)]
pub(super) struct Origins {
    numbers: HashMap<LogOrigin, u32>,
    /// By what stands before `AWSLogs/` in paths of the copy.
    roots: HashMap<String, BTreeSet<u32>>,
}

impl Origins {
    /// The number of an origin.
    pub(super) fn number(&mut self, origin: LogOrigin) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(origin).or_insert(next)
    }

    /// Notes that files of an origin lie below a root.
    pub(super) fn note(&mut self, root: &str, origin: u32) {
        if !self.at(root).is_some_and(|known| known.contains(&origin)) {
            self.roots.entry(root.to_owned()).or_default().insert(origin);
        }
    }

    /// Origins whose files lie below a root.
    pub(super) fn at(&self, root: &str) -> Option<&BTreeSet<u32>> {
        self.roots.get(root)
    }

    /// Adds others; the numbers here of their numbers there.
    pub(super) fn merge(&mut self, other: Self) -> HashMap<u32, u32> {
        let numbers = other.numbers.into_iter().map(|(origin, there)| (there, self.number(origin))).collect();
        for (root, there) in other.roots {
            there.iter().filter_map(|number| HashMap::get(&numbers, number)).for_each(|here| self.note(&root, *here));
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_two_areas_are_told_apart_by_bucket_and_prefix() {
        let origin = |prefix: &str| ("b".to_owned(), prefix.to_owned());
        let (mut one, mut two) = (Origins::default(), Origins::default());
        let (plain, other) = (one.number(origin("")), two.number(origin("p/")));
        let same = two.number(origin(""));
        assert!(plain == 0 && other == 0 && same == 1);
        one.note("copy/", plain);
        two.note("copy/", same);
        two.note("copy/p/", other);
        let numbers = one.merge(two);
        assert_eq!((numbers[&0], numbers[&1]), (1, 0));
        assert_eq!(one.at("copy/").map(|known| known.iter().copied().collect::<Vec<_>>()), Some(vec![0]));
        assert_eq!(one.at("copy/p/").map(|known| known.iter().copied().collect::<Vec<_>>()), Some(vec![1]));
        assert_eq!(one.at("elsewhere/"), None);
    }
}
