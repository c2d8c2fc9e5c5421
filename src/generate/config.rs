//! The request, and a summary of the result. In: values of flags. Out: plain fields. Never decides anything about one
//! archive.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The content of the archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// An organisation trail: twenty accounts, eight regions, some 150 actions; one call in 200 is a metering call.
    Org,
    /// The trail of an AWS Marketplace seller: nearly all calls are `BatchMeterUsage`.
    Metering,
    /// The same as [`Mix::Org`], in very many very small archives.
    Tiny,
}

impl Mix {
    /// All mixes.
    pub(super) const ALL: [Self; 3] = [Self::Org, Self::Metering, Self::Tiny];

    /// Its name on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Metering => "metering",
            Self::Tiny => "tiny",
        }
    }

    /// The number of the mix in seeds.
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Org => 0,
            Self::Metering => 1,
            Self::Tiny => 2,
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let [org, metering, tiny] = Self::ALL;
        Self::ALL.into_iter().find(|mix| mix.name() == name).ok_or_else(|| {
            format!("there is no mix `{}`; there are `{org}`, `{metering}` and `{tiny}`", name.escape_debug())
        })
    }
}

/// What to generate. Everything but `out` and `threads` determines the content of the archives.
#[derive(Clone, Debug)]
pub(crate) struct GenerateConfig {
    /// Folder for `AWSLogs/…`; created if it does not exist.
    pub(crate) out: PathBuf,
    /// The content of the archives.
    pub(crate) mix: Mix,
    /// Number of archives.
    pub(crate) archives: usize,
    /// Number of events in each.
    pub(crate) events_per_archive: usize,
    /// The same seed gives the same bytes; different seeds share no event.
    pub(crate) seed: u64,
    /// How many days, from 2025-06-01 on, the deliveries are spread over, evenly; 1 to 36,500.
    pub(crate) days: u32,
    /// Threads to use; 0 means one per core.
    pub(crate) threads: usize,
}

impl GenerateConfig {
    /// The defaults of a mix: the sizes that the project's benchmarks are measured with.
    pub(crate) fn new(mix: Mix, out: impl Into<PathBuf>) -> Self {
        let (archives, events_per_archive, days) = match mix {
            Mix::Org => (200, 2_500, 7),
            Mix::Metering => (200, 1_000, 30),
            Mix::Tiny => (40_000, 6, 7),
        };
        Self { out: out.into(), mix, archives, events_per_archive, seed: 1, days, threads: 0 }
    }
}

/// What was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GenerateSummary {
    /// Archives written.
    pub(crate) archives: u64,
    /// Events in them; those that are delivered twice count twice.
    pub(crate) events: u64,
    /// Rows of `usage_records` a converter must make of them, counted the same way.
    pub(crate) usage_records: u64,
    /// Bytes of JSON.
    pub(crate) inflated_bytes: u64,
    /// Bytes of gzip.
    pub(crate) compressed_bytes: u64,
}

impl GenerateSummary {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            archives: self.archives + other.archives,
            events: self.events + other.events,
            usage_records: self.usage_records + other.usage_records,
            inflated_bytes: self.inflated_bytes + other.inflated_bytes,
            compressed_bytes: self.compressed_bytes + other.compressed_bytes,
        }
    }
}
