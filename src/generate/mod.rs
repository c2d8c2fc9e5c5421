//! Synthetic archives. In: a [`GenerateConfig`]. Out: gzipped `CloudTrail` archives in the real key layout, or one archive
//! as bytes ([`archive_json`]). Never reads the clock, the environment or existing files: the configuration alone decides
//! every byte, for any number of threads.
//!
//! ```text
//! prng ─ text ─ template ─ scene ─┬─ pools, agents         names, ids, addresses
//!                                 ├─ identity              who calls
//!                                 ├─ catalogue, specials   what they call
//!                                 └─ metering              … of the Metering Service
//!                                         │
//!                    world (shared) ─ event, envelope ─ archive ─ write
//! ```
//!
//! Each event has a random stream of its own, named by seed, archive and position; so a later archive can deliver an
//! earlier event again verbatim by making it again, and nothing is ever remembered.

mod agents;
mod catalogue;
mod envelope;
mod event;
mod identity;
mod metering;
mod pools;
pub(crate) mod prng;
mod scene;
mod specials;
mod template;
mod text;
mod world;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use write::{GenerateError, generate};

use scene::Scene;
use world::World;

/// What the archives hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mix {
    /// An organisation trail: twenty accounts, eight regions, some 150 actions; one call in 200 is a metering call.
    Org,
    /// The trail of an AWS Marketplace seller: nearly all calls are `BatchMeterUsage`.
    Metering,
    /// The same as [`Mix::Org`], in very many very small archives.
    Tiny,
}

impl Mix {
    /// All mixes.
    pub const ALL: [Self; 3] = [Self::Org, Self::Metering, Self::Tiny];

    /// The word for it on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Metering => "metering",
            Self::Tiny => "tiny",
        }
    }

    fn position(self) -> usize {
        Self::ALL.iter().position(|mix| *mix == self).unwrap_or(0)
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Mix {
    type Err = UnknownMix;

    fn from_str(name: &str) -> Result<Self, UnknownMix> {
        Self::ALL.into_iter().find(|mix| mix.name() == name).ok_or_else(|| UnknownMix(name.to_owned()))
    }
}

/// A word that names no [`Mix`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMix(String);

impl fmt::Display for UnknownMix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [org, metering, tiny] = Mix::ALL;
        write!(formatter, "there is no mix `{}`; there are `{org}`, `{metering}` and `{tiny}`", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownMix {}

/// What to generate. Everything but `out` and `threads` is part of what the archives are made of.
#[derive(Clone, Debug)]
pub struct GenerateConfig {
    /// Folder that receives `AWSLogs/…`; made if it is not there.
    pub out: PathBuf,
    /// What the archives hold.
    pub mix: Mix,
    /// How many archives.
    pub archives: usize,
    /// How many events each has.
    pub events_per_archive: usize,
    /// The same seed gives the same bytes; different seeds share no event.
    pub seed: u64,
    /// Day of the first delivery.
    pub start: jiff::civil::Date,
    /// How many days the deliveries are spread over, evenly; 1 to 36,500.
    pub days: u32,
    /// Threads to use; 0 means one per core.
    pub threads: usize,
}

impl GenerateConfig {
    /// The defaults of a mix: the sizes that the project's benchmarks are measured with.
    #[must_use]
    pub fn new(mix: Mix, out: impl Into<PathBuf>) -> Self {
        let (archives, events_per_archive, days) = match mix {
            Mix::Org => (200, 2_500, 7),
            Mix::Metering => (200, 1_000, 30),
            Mix::Tiny => (40_000, 6, 7),
        };
        Self {
            out: out.into(),
            mix,
            archives,
            events_per_archive,
            seed: 1,
            start: jiff::civil::date(2025, 6, 1),
            days,
            threads: 0,
        }
    }
}

/// One archive, before it is compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedArchive {
    /// Its key below the output folder: `AWSLogs/…/….json.gz`.
    pub key: String,
    /// `{"Records":[…]}` on one line.
    pub json: Vec<u8>,
    /// How many events it holds.
    pub events: u64,
    /// How many rows of `usage_records` a converter must make of it.
    pub usage_records: u64,
}

/// What was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerateSummary {
    /// Archives written.
    pub archives: u64,
    /// Events in them; those that are delivered twice count twice.
    pub events: u64,
    /// Rows of `usage_records` a converter must make of them, counted the same way.
    pub usage_records: u64,
    /// Bytes of JSON.
    pub inflated_bytes: u64,
    /// Bytes of gzip.
    pub compressed_bytes: u64,
}

/// Makes archives one by one, in any order. Prefer it to [`archive_json`] for more than a few: what all archives share is
/// prepared once.
#[derive(Debug)]
pub struct Generator {
    world: World,
}

impl Generator {
    /// Prepares what all archives of the configuration share.
    #[must_use]
    pub fn new(config: &GenerateConfig) -> Self {
        Self { world: World::new(config) }
    }

    /// The archive with this index; the same whenever and wherever it is made.
    #[must_use]
    pub fn archive(&self, archive_index: usize) -> GeneratedArchive {
        let mut json = Vec::new();
        let (key, events, usage_records) = self.archive_into(archive_index, &mut json);
        GeneratedArchive { key, json, events, usage_records }
    }

    /// As [`Self::archive`], into a buffer that is emptied first. Returns key, events and usage records.
    fn archive_into(&self, archive_index: usize, json: &mut Vec<u8>) -> (String, u64, u64) {
        let delivery = self.world.delivery(archive_index);
        let mut scene = Scene::new(&self.world);
        let mut usage_records = 0;
        json.clear();
        json.extend_from_slice(b"{\"Records\":[");
        for event_index in 0..self.world.events_per_archive {
            if event_index > 0 {
                json.push(b',');
            }
            usage_records += event::write(&mut scene, &delivery, event_index, json);
        }
        json.extend_from_slice(b"]}");
        (self.world.key(&delivery), prng::word(self.world.events_per_archive), usage_records)
    }
}

/// Makes one archive. Pure: no I/O, and the result depends on the configuration (without `out` and `threads`) and the
/// index alone.
#[must_use]
pub fn archive_json(config: &GenerateConfig, archive_index: usize) -> GeneratedArchive {
    Generator::new(config).archive(archive_index)
}

#[cfg(test)]
mod tests;
