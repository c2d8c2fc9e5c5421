//! A shard of the keys.
//!
//! In: keys with places. Out: which place has a key. Never: forgets a key, or keeps more than a set number in memory.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::spill::{Run, SpillFile};
use crate::error::Result;
use crate::model::Place;
use crate::rows::event_key::EventKey;

/// Runs of about one size that are merged.
const RUNS_OF_A_LEVEL: usize = 4;

/// A key and the first known place that has it.
#[derive(Debug)]
struct Slot {
    /// In halves: a `u128` would waste space on alignment.
    key: [u64; 2],
    place: Place,
}

/// Keys that a table of this many bytes can hold. Its slots are a power of two, one in eight of which stays free; some more
/// are left to the unit that fills it, so that it never grows.
pub(super) const fn most_keys(bytes: usize) -> usize {
    // Each has a control byte of the table.
    let slots = bytes / (size_of::<Slot>() + 1);
    if slots == 0 { 1 } else { (1 << slots.ilog2()) / 16 * 13 }
}

/// The result of inserting a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// The key is new.
    First,
    /// This place is a duplicate of an earlier one, now or permanently.
    Lost(Place),
}

/// Keys and their places.
#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: HashTable<Slot>,
    /// Keys whose place does not matter any more, the longest runs first, each with its level.
    runs: Vec<(u32, Run)>,
    /// Spilled keys that may still be forgotten, all at or after `uncertain_from`.
    uncertain: Vec<Run>,
    uncertain_from: Option<Place>,
    /// Keys that the last spill had to leave in memory.
    left: usize,
}

impl Shard {
    /// No keys, and room for some.
    pub(super) fn new(keys: usize) -> Self {
        Self { slots: HashTable::with_capacity(keys), ..Self::default() }
    }

    /// Inserts a key with its place.
    ///
    /// # Errors
    ///
    /// When keys on disk cannot be read.
    pub(super) fn insert(&mut self, file: &SpillFile, key: EventKey, place: Place) -> Result<Inserted> {
        let halves = halves(key);
        // Shards are chosen by bits of the other half.
        match self.slots.entry(halves[0], |slot| slot.key == halves, |slot| slot.key[0]) {
            Entry::Occupied(mut taken) => {
                let kept = &mut taken.get_mut().place;
                let lost = (*kept).max(place);
                *kept = (*kept).min(place);
                Ok(Inserted::Lost(lost))
            }
            Entry::Vacant(free) => {
                if is_on_disk(self.runs.iter().map(|(_, run)| run).chain(&self.uncertain), file, key)? {
                    return Ok(Inserted::Lost(place));
                }
                free.insert(Slot { key: halves, place });
                Ok(Inserted::First)
            }
        }
    }

    /// Whether a key is known.
    ///
    /// # Errors
    ///
    /// When keys on disk cannot be read.
    pub(super) fn contains(&self, file: &SpillFile, key: EventKey) -> Result<bool> {
        let halves = halves(key);
        let is_in_memory = self.slots.find(halves[0], |slot| slot.key == halves).is_some();
        Ok(is_in_memory || is_on_disk(self.all_runs(), file, key)?)
    }

    /// Whether there are too many keys in memory, and a spill would be worthwhile.
    pub(super) fn is_above(&self, most: usize) -> bool {
        self.slots.len() > most.max(self.left * 2)
    }

    /// Keys on disk.
    pub(super) fn spilled(&self) -> usize {
        self.all_runs().map(Run::len).sum()
    }

    fn all_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|(_, run)| run).chain(&self.uncertain)
    }

    /// Forgets the keys at and after this place, none of which is certain.
    pub(super) fn forget_from(&mut self, place: Place) {
        self.slots.retain(|slot| slot.place < place);
        if self.uncertain_from.take_if(|from| *from >= place).is_some() {
            self.uncertain.clear();
        }
    }

    /// Spills keys of places before `settled`: whatever is inserted from now on comes after them. Those from `certain` on may
    /// still be forgotten.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn spill(&mut self, file: &SpillFile, settled: Place, certain: Place) -> Result<()> {
        if self.uncertain_from.take_if(|from| *from < certain).is_some() {
            for run in std::mem::take(&mut self.uncertain) {
                self.add_run(file, run)?;
            }
        }
        let mut keys = Vec::with_capacity(self.slots.len());
        let mut uncertain = Vec::new();
        let mut left = Vec::new();
        // Removed one by one they would leave tombstones in the table, and it would grow.
        for slot in self.slots.drain() {
            let key = EventKey::from(slot.key[1]) << 64 | EventKey::from(slot.key[0]);
            if slot.place < settled.min(certain) {
                keys.push(key);
            } else if slot.place < settled {
                uncertain.push(key);
            } else {
                left.push(slot);
            }
        }
        self.left = left.len();
        for slot in left {
            self.slots.insert_unique(slot.key[0], slot, |slot| slot.key[0]);
        }
        if !uncertain.is_empty() {
            uncertain.sort_unstable();
            self.uncertain.push(Run::write(file, &uncertain)?);
            self.uncertain_from = Some(certain);
        }
        if keys.is_empty() {
            return Ok(());
        }
        keys.sort_unstable();
        self.add_run(file, Run::write(file, &keys)?)
    }

    fn add_run(&mut self, file: &SpillFile, run: Run) -> Result<()> {
        self.runs.push((0, run));
        while let Some(same) = self.runs.len().checked_sub(RUNS_OF_A_LEVEL)
            && let level = self.runs[self.runs.len() - 1].0
            && self.runs[same].0 == level
        {
            let runs: Vec<Run> = self.runs.drain(same..).map(|(_, run)| run).collect();
            self.runs.push((level + 1, Run::merge(file, &runs)?));
        }
        Ok(())
    }
}

fn is_on_disk<'r>(mut runs: impl Iterator<Item = &'r Run>, file: &SpillFile, key: EventKey) -> Result<bool> {
    runs.try_fold(false, |is_found, run| Ok(is_found || run.contains(file, key)?))
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half, and the upper one")]
const fn halves(key: EventKey) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::tests::Random;

    #[test]
    fn the_first_place_keeps_a_key_whatever_the_order_of_insertion() {
        let (mut shard, file) = (Shard::default(), SpillFile::new(Disk::default(), None));
        let places: Vec<_> = (0..3).map(|index| Place::new(0, index)).collect();
        let mut insert = |key, place| shard.insert(&file, key, place).unwrap();
        assert_eq!(insert(1, places[1]), Inserted::First);
        assert_eq!(insert(1, places[2]), Inserted::Lost(places[2]));
        assert_eq!(insert(1, places[0]), Inserted::Lost(places[1]));
        assert_eq!(insert(1, Place::new(9, 9)), Inserted::Lost(Place::new(9, 9)));
        assert_eq!(insert(2, places[2]), Inserted::First);
        assert_eq!(insert(1 << 64, places[0]), Inserted::First);
    }

    #[test]
    fn settled_keys_are_spilled_and_others_stay_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = SpillFile::new(Disk::default(), Some(folder.path().to_owned()));
        let mut shard = Shard::default();
        let mut random = Random::new(3);
        let keys: Vec<EventKey> =
            (0..5_000).map(|_| EventKey::from(random.next()) << 64 | EventKey::from(random.next())).collect();
        for (key, archive) in keys.iter().zip(0..) {
            assert_eq!(shard.insert(&file, *key, Place::new(archive, 0)).unwrap(), Inserted::First);
            if archive % 100 == 99 {
                let settled = Place::new(archive - 9, 0);
                shard.spill(&file, settled, settled).unwrap();
                assert_eq!(shard.slots.len(), 10, "those not settled");
                assert!(shard.runs.len() <= 3 * 4, "{} runs", shard.runs.len());
            }
        }
        assert_eq!(shard.spilled() + shard.slots.len(), keys.len());
        for key in &keys {
            let late = Place::new(100_000, 0);
            assert_eq!(shard.insert(&file, *key, late).unwrap(), Inserted::Lost(late));
        }
    }
}
