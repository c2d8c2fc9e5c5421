//! All keys of a run and of the dates that it covers.
//!
//! In: keys of workers. Out: places that are duplicates. Never: loses the first error; the next caller of `take_lost` gets it.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::published::{PartitionDate, PublishedKeys};
use super::shard::{Inserted, Shard, most_keys};
use super::spill::SpillFile;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::model::Place;
use crate::pool::lock;
use crate::rows::event_key::{EventKey, KeyEntry, KeyIndex, UnitKeys};

/// Enough shards that workers seldom wait for the same one.
const SHARDS: usize = 64;

/// A place for keys that do not fit into memory.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) disk: Disk,
    pub(crate) folder: Option<PathBuf>,
}

/// Which place has which event.
#[derive(Debug)]
pub(crate) struct DuplicateIndex {
    shards: Vec<Mutex<Shard>>,
    lost: Mutex<BTreeSet<Place>>,
    published: PublishedKeys,
    /// Dates whose keys were read back from the lake, or are being read.
    loaded: RwLock<HashMap<PartitionDate, Arc<OnceLock<()>>>>,
    file: SpillFile,
    /// Keys of a shard in memory above which the settled ones are spilled.
    most_keys: usize,
    /// Place before which nothing is inserted any more.
    settled: AtomicU64,
    /// Place before which nothing is forgotten any more.
    certain: AtomicU64,
    error: Mutex<Option<Error>>,
}

impl DuplicateIndex {
    /// An index with the keys of the lake only. `memory` bounds the keys in memory in bytes; `scratch` is where the rest
    /// is spilled; without it there is no bound. About `expected` events are expected.
    pub(crate) fn new(published: PublishedKeys, memory: u64, scratch: Scratch, expected: u64) -> Self {
        let file = SpillFile::new(scratch.disk, scratch.folder);
        let share = |of_all: u64| usize::try_from(of_all).unwrap_or(usize::MAX) / SHARDS;
        let bounded = most_keys(share(memory));
        let capacity = share(expected).min(bounded);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(capacity))).collect(),
            lost: Mutex::default(),
            published,
            loaded: RwLock::default(),
            most_keys: if file.has_place() { bounded } else { usize::MAX },
            file,
            settled: AtomicU64::new(Place::new(0, 0).to_bits()),
            certain: AtomicU64::new(Place::new(0, 0).to_bits()),
            error: Mutex::default(),
        }
    }

    /// Keys on disk: they slow down later insertions.
    pub(crate) fn spilled(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).spilled()).sum()
    }

    /// The places before `end` that are duplicates of earlier ones. Final when every event before `end` was
    /// inserted; nothing before `end` may be inserted afterwards, unless it is forgotten, which nothing before `certain` is.
    ///
    /// # Errors
    ///
    /// The first error of any key so far.
    pub(crate) fn take_lost(&self, end: Place, certain: Place) -> Result<BTreeSet<Place>> {
        if let Some(error) = lock(&self.error).take() {
            return Err(error);
        }
        self.settled.store(end.to_bits(), Ordering::Relaxed);
        self.certain.store(certain.to_bits(), Ordering::Relaxed);
        let mut lost = lock(&self.lost);
        if lost.is_empty() {
            return Ok(BTreeSet::new());
        }
        let later = lost.split_off(&end);
        Ok(mem::replace(&mut *lost, later))
    }

    /// Whether a key is known.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn contains(&self, key: EventKey) -> Result<bool> {
        lock(&self.shards[shard_of(key)]).contains(&self.file, key)
    }

    /// Lets every key be spilled at once: of two equal keys the one that is inserted first counts as the first.
    pub(crate) fn settle_all(&self) {
        self.settled.store(u64::MAX, Ordering::Relaxed);
        self.certain.store(u64::MAX, Ordering::Relaxed);
    }

    /// Inserts keys without looking at the lake.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn insert_all(&self, entries: &mut [KeyEntry]) -> Result<()> {
        let mut lost = Vec::new();
        self.put(entries, &mut lost)?;
        if !lost.is_empty() {
            lock(&self.lost).extend(lost);
        }
        Ok(())
    }

    /// All places so far that are duplicates.
    ///
    /// # Errors
    ///
    /// The first error of any key.
    pub(crate) fn take_all_lost(&self) -> Result<BTreeSet<Place>> {
        let all = Place::from_bits(u64::MAX);
        self.take_lost(all, all)
    }

    fn try_insert(&self, unit: &mut UnitKeys) -> Result<()> {
        unit.days.iter().try_for_each(|day| self.load(*day))?;
        self.insert_all(&mut unit.keys)
    }

    /// Inserts keys into their shards, locking each once.
    fn put(&self, entries: &mut [KeyEntry], lost: &mut Vec<Place>) -> Result<()> {
        entries.sort_unstable();
        for entries in entries.chunk_by(|one, two| shard_of(one.key) == shard_of(two.key)) {
            let mut shard = lock(&self.shards[shard_of(entries[0].key)]);
            for entry in entries {
                if let Inserted::Lost(place) = shard.insert(&self.file, entry.key, entry.place)? {
                    lost.push(place);
                }
            }
            if shard.is_above(self.most_keys) {
                let [settled, certain] =
                    [&self.settled, &self.certain].map(|place| Place::from_bits(place.load(Ordering::Relaxed)));
                shard.spill(&self.file, settled, certain)?;
            }
        }
        Ok(())
    }

    /// Reads the keys of a day from the lake, unless that was done already.
    fn load(&self, day: Option<i64>) -> Result<()> {
        let dates = self.published.dates(day);
        let known = self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(&dates).cloned();
        let loaded = known.unwrap_or_else(|| {
            let mut all = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(dates).or_default())
        });
        let mut result = Ok(());
        // Other threads that want the same day wait here until it is complete.
        loaded.get_or_init(|| result = self.load_all(dates));
        result
    }

    fn load_all(&self, dates: PartitionDate) -> Result<()> {
        const AT_ONCE: usize = 16_384;
        let mut entries = Vec::new();
        // Duplicates within the lake do not concern this run.
        let mut lost = Vec::new();
        self.published.read(dates, &mut |key| {
            entries.push(KeyEntry { key, place: Place::PUBLISHED });
            if entries.len() == AT_ONCE {
                self.put(&mut entries, &mut lost)?;
                entries.clear();
                lost.clear();
            }
            Ok(())
        })?;
        self.put(&mut entries, &mut lost)
    }
}

impl KeyIndex for DuplicateIndex {
    fn insert(&self, unit: &mut UnitKeys) {
        if let Err(error) = self.try_insert(unit) {
            lock(&self.error).get_or_insert(error);
        }
    }

    fn forget_from(&self, place: Place) {
        self.shards.iter().for_each(|shard| lock(shard).forget_from(place));
        drop(lock(&self.lost).split_off(&place));
        self.settled.store(place.to_bits(), Ordering::Relaxed);
    }
}

/// The shard of a key, by its first bits.
const fn shard_of(key: EventKey) -> usize {
    (key >> (EventKey::BITS - SHARDS.ilog2())) as usize
}
