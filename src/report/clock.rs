//! Where the time of a run goes.
//!
//! In: work, as it is done. Out: the time of all threads by stage. Never: a wait counted as work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading archives.
    Read,
    /// Gunzip.
    Inflate,
    /// Hashing texts, to compare them with digest files.
    Verify,
    /// Parsing, flattening and sorting into partitions.
    Transform,
    /// Parquet pages: encoding and compression.
    Encode,
    /// Writing row groups to files.
    Write,
    /// What one thread does for all: listing, handing out work, counting, bookkeeping, publishing. It bounds how many
    /// cores pay off.
    Coordinate,
}

impl Stage {
    /// Every stage in flow order.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Inflate, Self::Verify, Self::Transform, Self::Encode, Self::Write, Self::Coordinate];

    /// Its key in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Inflate => "inflate",
            Self::Verify => "verify",
            Self::Transform => "transform",
            Self::Encode => "encode",
            Self::Write => "write",
            Self::Coordinate => "coordinate",
        }
    }
}

/// Adds up the time that threads spend in each stage. Workers never wait inside a stage, so this is their CPU time but
/// for what the operating system takes.
#[derive(Debug, Default)]
pub struct StageClock {
    nanos: [AtomicU64; Stage::ALL.len()],
}

impl StageClock {
    /// Runs `work` and adds its time to a stage.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.add(stage, start.elapsed());
        result
    }

    /// Adds time to a stage.
    pub fn add(&self, stage: Stage, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos[stage as usize].fetch_add(nanos, Ordering::Relaxed);
    }

    pub(super) fn ms(&self) -> StageTimes {
        StageTimes(self.nanos.each_ref().map(|nanos| nanos.load(Ordering::Relaxed) / 1_000_000))
    }
}

/// Milliseconds by stage, in the order of [`Stage::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(pub [u64; Stage::ALL.len()]);

impl Serialize for StageTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Stage::ALL.into_iter().map(Stage::as_str).zip(self.0))
    }
}
