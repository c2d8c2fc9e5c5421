//! Statements that make a lake's tables known to an engine.
//!
//! In: a lake and where an engine finds it. Out: SQL as text, ready to be pasted, which can be run again. Never: runs it,
//! reads a row, or guesses how a lake is laid out: its commits tell.
//!
//! Every engine gets the tables with exact types, and `cloudtrail_logs`, a view with the names and types of the table that
//! AWS documents for Athena, so that queries which were written for that one run as they are.

mod engine;

mod layout;

mod script;

mod dialect;

mod cloudtrail_logs;

mod athena;

mod clickhouse;

mod duckdb;

mod spark;

mod questions;

use std::path::PathBuf;

use jiff::civil::Date;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;
use crate::store::StoreOptions;
use dialect::Dialect;
pub use engine::Engine;
use layout::LakeLayout;
use script::{DdlRequest, Script};

impl Engine {
    fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Athena => &athena::Athena,
            Self::Spark => &spark::Spark,
            Self::DuckDb => &duckdb::DuckDb,
            Self::ClickHouse => &clickhouse::ClickHouse,
        }
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
    /// Whether to add the views of a Marketplace seller's questions.
    pub has_questions: bool,
    /// How S3 is reached, when the lake is there.
    pub store: StoreOptions,
    /// The current date (UTC): a lake may have partitions of days to come, which a projection has to reach.
    pub today: Date,
}

impl DdlConfig {
    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(lake: PathBuf, engine: Engine) -> Self {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self {
            lake,
            engine,
            database: None,
            location: None,
            from: None,
            has_questions: false,
            store: StoreOptions::default(),
            today,
        }
    }
}

/// The statements for the tables of a lake.
///
/// # Errors
///
/// A place that is no lake, or that a run is writing to; a location that the engine cannot read, or that could not be
/// quoted for it; a database without a plain name; questions that the engine or the lake has no answer to.
pub fn ddl(config: &DdlConfig) -> Result<String> {
    let lake = LakeLayout::read(&config.lake, &config.store)?;
    let request = DdlRequest::new(config, &lake)?;
    let dialect = config.engine.dialect();
    let is_projected = config.engine == Engine::Athena && athena::is_projected(&lake);
    if config.from.is_some() && !is_projected {
        let message = "--from is where Athena's partition projection begins, and nothing is projected here";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).advise("leave it out"));
    }
    let mut script = Script::default();
    dialect.add_header(&request, &mut script);
    dialect.add_tables(&request, &mut script);
    cloudtrail_logs::add(dialect, &request, &mut script);
    if config.has_questions {
        add_questions(config, &request, &mut script)?;
    }
    Ok(script.text())
}

/// Adds the views of the seller's questions. They name tables without their database, which is that of the session by now;
/// in Athena it has to be chosen.
fn add_questions(config: &DdlConfig, request: &DdlRequest<'_>, script: &mut Script) -> Result<()> {
    if config.engine == Engine::ClickHouse {
        let message = "--views: a seller's questions are written for athena, spark and duckdb, not for clickhouse";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).advise("leave it out, or name another engine"));
    }
    if let Some(missing) =
        [Table::Events, Table::UsageRecords].into_iter().find(|table| !request.lake.tables.contains(table))
    {
        let message = format!("--views: the lake has no {missing}, which its questions are about");
        let advice = "convert the archives into another lake with --tables usage_records,events";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).advise(advice));
    }
    script.gap();
    if config.engine == Engine::Athena {
        athena::add_choice_of_database(request, script);
    }
    script.add(&views(config.engine));
    Ok(())
}

/// Statements that make the views of a Marketplace seller's questions; for an engine without them, a comment that says
/// so. They need `usage_records` and `events` under these names.
#[must_use]
pub fn views(engine: Engine) -> String {
    questions::render(engine)
}
