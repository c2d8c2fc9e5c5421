//! Flags that select events, the same for all commands.

use std::collections::BTreeSet;

use clap::Args;
use trailmill::config::Selection;

use super::values::parse_day;

#[derive(Args, Debug)]
pub(super) struct SelectionArgs {
    /// First event date (UTC)
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Option<i64>,

    /// Last event date (UTC)
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    to: Option<i64>,

    /// Only this account; may be given more than once
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// Only this Region; may be given more than once
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
}

impl SelectionArgs {
    pub(super) fn selection(&self) -> Selection {
        let Self { from, to, accounts, regions } = self;
        let distinct = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        Selection { from_day: *from, to_day: *to, accounts: distinct(accounts), regions: distinct(regions) }
    }
}
