//! Statements that make a lake's tables known to an engine.
//!
//! In: a lake and where an engine finds it. Out: SQL as text, ready to be pasted, which can be run again. Never: runs it,
//! reads a row, or guesses how a lake is laid out: its commits tell.
//!
//! Every engine gets the tables with exact types, and `cloudtrail_logs`, a view with the names and types of the table that
//! AWS documents for Athena, so that queries which were written for that one run as they are.

mod layout;

mod script;

mod dialect;

mod cloudtrail_logs;

mod athena;

mod clickhouse;

mod duckdb;

mod spark;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::civil::Date;

use crate::error::{Error, ErrorKind, Result};
use dialect::Dialect;
use layout::LakeLayout;
use script::{Request, Script};

/// An engine that statements are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Amazon Athena, engine version 3.
    Athena,
    /// Apache Spark SQL, 3.4 or later.
    Spark,
    /// `DuckDB`, 1.1 or later; 1.5 or later for rows without a partition value.
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

    fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Athena => &athena::Athena,
            Self::Spark => &spark::Spark,
            Self::DuckDb => &duckdb::DuckDb,
            Self::ClickHouse => &clickhouse::ClickHouse,
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

/// A request for statements.
#[derive(Clone, Debug)]
pub struct DdlConfig {
    /// The lake.
    pub lake: PathBuf,
    /// The engine.
    pub engine: Engine,
    /// Database (schema) that everything is made in; that of the session when there is none.
    pub database: Option<String>,
    /// Where the engine finds the lake: a URL or an absolute path; that of the lake when there is none.
    pub location: Option<String>,
    /// First date of the partitions that Athena projects; the oldest one of the lake when there is none.
    pub from: Option<Date>,
    /// The current date (UTC): a lake may have partitions of days to come, which a projection has to reach.
    pub today: Date,
}

impl DdlConfig {
    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(lake: PathBuf, engine: Engine) -> Self {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { lake, engine, database: None, location: None, from: None, today }
    }
}

/// The statements for the tables of a lake.
///
/// # Errors
///
/// A place that is no lake, or that a run is writing to; a location that the engine cannot read, or that could not be
/// quoted for it; a database without a plain name.
pub fn ddl(config: &DdlConfig) -> Result<String> {
    let lake = LakeLayout::read(&config.lake)?;
    let request = Request::new(config, &lake)?;
    let dialect = config.engine.dialect();
    if config.from.is_some() && !athena::is_projected(&lake) {
        let message = "--from is where Athena's partition projection begins, and nothing is projected here";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).advise("leave it out"));
    }
    let mut script = Script::default();
    dialect.add_header(&request, &mut script);
    dialect.add_tables(&request, &mut script)?;
    cloudtrail_logs::add(dialect, &request, &mut script);
    Ok(script.text())
}
