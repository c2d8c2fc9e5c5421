//! `trailmill ddl`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use trailmill::ddl::{DdlConfig, Engine};

use super::s3::S3Args;

/// Print statements that define a lake's tables in an engine
///
/// The output defines every table of the lake, and `cloudtrail_logs`: a view with the names and types of the table that AWS
/// documents for Athena, so that published CloudTrail queries run unchanged. The partitioning is read from the
/// lake. Nothing is run; the statements can be run repeatedly.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: trailmill ddl --engine duckdb ./lake | duckdb lake.db\nExample: trailmill ddl --engine athena --location s3://BUCKET/lake --database trail ./lake"
)]
pub(crate) struct DdlArgs {
    /// The lake
    #[arg(value_name = "LAKE")]
    lake: PathBuf,

    /// athena, spark, duckdb or clickhouse
    #[arg(long, value_name = "ENGINE")]
    engine: Engine,

    /// Database (schema) for everything, created if it does not exist [default: that of the session]
    #[arg(long, value_name = "NAME")]
    database: Option<String>,

    /// Where the engine finds the lake, such as <s3://BUCKET/PREFIX> for a copy of the lake [default: LAKE]
    #[arg(long, value_name = "URL")]
    location: Option<String>,

    /// First date (UTC) of Athena's partition projection; earlier rows are not visible [default: the oldest of
    /// the lake, and not before 2013, when CloudTrail was launched]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<Date>,

    /// Add views that answer a Marketplace seller's questions: what is billable, rejected, lost, late, duplicated. For athena,
    /// spark and duckdb; the lake needs `events` and `usage_records`. CloudTrail shows submissions, not bills
    #[arg(long)]
    views: bool,

    #[command(flatten)]
    s3: S3Args,
}

impl DdlArgs {
    pub(crate) fn config(&self) -> DdlConfig {
        let Self { lake, engine, database, location, from, views, s3 } = self;
        let mut config = DdlConfig::new(lake.clone(), *engine);
        config.database.clone_from(database);
        config.location.clone_from(location);
        config.from = *from;
        config.has_questions = *views;
        config.store = s3.options();
        config
    }
}

fn parse_date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("{text:?} is no date; write it like 2025-12-31"))
}
