//! The engines that statements are written for.
//!
//! In: the name that a user gives an engine. Out: an [`Engine`]. Never: a word of SQL.

use std::fmt;
use std::str::FromStr;

/// An engine that statements are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Amazon Athena, engine version 3.
    Athena,
    /// Apache Spark SQL, 3.4 or later.
    Spark,
    /// `DuckDB`, 1.5 or later.
    DuckDb,
    /// `ClickHouse`, 25.8 or later, `clickhouse local` and chdb.
    ClickHouse,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 4] = [Self::Athena, Self::Spark, Self::DuckDb, Self::ClickHouse];

    /// Its name as flags have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Athena => "athena",
            Self::Spark => "spark",
            Self::DuckDb => "duckdb",
            Self::ClickHouse => "clickhouse",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == name).ok_or_else(|| {
            format!("no engine is called {name:?}; there are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}
