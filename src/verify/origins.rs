//! Which trails deliver to a folder of a copy.
//!
//! In: the origins that trusted digest files declare, and where they and their log files are. Out: the
//! trails that a log file of a folder may belong to. Never: takes a folder's name for a bucket: the owner of the copy chose
//! it.
//!
//! A log file names no trail, but its trail has a bucket and a prefix, and so have its digest files, which are signed. A copy
//! may have both, one or none of them in its own folders; the log files of several trails in one place cannot be distinguished.

use std::collections::{BTreeSet, HashMap};

/// A bucket, and the prefix of `AWSLogs/` in its keys.
pub(super) type LogOrigin = (String, String);

/// Origins by number, and which of them are found below which root.
#[derive(Debug, Default)]
pub(super) struct Origins {
    numbers: HashMap<LogOrigin, u32>,
    /// By what precedes `AWSLogs/` in paths of the copy.
    roots: HashMap<String, BTreeSet<u32>>,
}

impl Origins {
    /// The number of an origin.
    pub(super) fn number(&mut self, origin: LogOrigin) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(origin).or_insert(next)
    }

    /// Records that files of an origin are below a root.
    pub(super) fn note(&mut self, root: &str, origin: u32) {
        if !self.at(root).is_some_and(|known| known.contains(&origin)) {
            self.roots.entry(root.to_owned()).or_default().insert(origin);
        }
    }

    /// Origins whose files are below a root.
    pub(super) fn at(&self, root: &str) -> Option<&BTreeSet<u32>> {
        self.roots.get(root)
    }

    /// Adds the origins of another; its numbers mapped to the numbers here.
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
    fn origins_are_distinguished_by_bucket_and_prefix() {
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
