//! The columns that a lake can be partitioned by.
//!
//! In: a word. Out: the column, and its word again. Never: a path; values come from the code that has rows.

use std::fmt;
use std::str::FromStr;

/// A column that can be partitioned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartitionColumn {
    /// UTC date of the event.
    EventDate,
    /// UTC month of the event, `YYYY-MM`.
    EventMonth,
    /// Account that received the event.
    Account,
    /// Region of the event.
    Region,
    /// Service that was called.
    EventSource,
}

impl PartitionColumn {
    /// All partition columns.
    pub const ALL: [Self; 5] = [Self::EventDate, Self::EventMonth, Self::Account, Self::Region, Self::EventSource];

    /// Its name in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventDate => "event_date",
            Self::EventMonth => "event_month",
            Self::Account => "account",
            Self::Region => "region",
            Self::EventSource => "event_source",
        }
    }
}

impl fmt::Display for PartitionColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PartitionColumn {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|column| column.as_str() == name).ok_or_else(|| {
            format!("no partition column is called {name:?}; there are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}
