//! `trailmill schema`: its flags, and the request that they make.

use clap::Args;
use trailmill::schema::{SchemaFormat, Table};

/// Print the columns of the tables
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill schema --table usage_records --format markdown")]
pub(crate) struct SchemaArgs {
    /// Only this table: events, `usage_records`, archives or quarantine
    #[arg(long, value_name = "TABLE")]
    table: Option<Table>,

    /// text, markdown or json
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: SchemaFormat,
}

impl SchemaArgs {
    pub(crate) fn tables(&self) -> (Vec<Table>, SchemaFormat) {
        (self.table.map_or_else(|| Table::ALL.to_vec(), |table| vec![table]), self.format)
    }
}
