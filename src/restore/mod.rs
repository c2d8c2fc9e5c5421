//! The `events` table back to CloudTrail JSON.
//!
//! In: a lake and a filter. Out: events, each equal as JSON to its original, `null` counting as absent.
//! Never: reads a file that no commit has published, or a column, page or row that the filters do not
//! need.
//!
//! Files are read in the order of their paths, and rows come in the order of the files; so the same lake gives the
//! same bytes on any number of threads. JSON columns are copied, texts are escaped again, `unmapped` is put back
//! by its paths. No run can write to a lake in a folder meanwhile; in a bucket nothing prevents it.
//! In the order of the flow:

mod texts;

mod wanted;

mod principal;

mod filter;

mod suggestions;

mod part;

mod merge;

mod columns;

mod json;

mod key;

mod chunk;

mod flow;

mod blocks;

mod tree;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::disk::FaultInjector;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::lake::Commits;
use crate::lake::root::Root;
use crate::lake::write::hold_shared;
use crate::model::check_local;
use crate::model::limits;
use crate::schema::Table;
use crate::store::{Session, StoreOptions};

use filter::Filter;
use flow::Flow;
use part::PartTask;
use tree::Tree;

pub use suggestions::FilterHint;

/// Which events are wanted; an empty list selects all. An event without a value for a filter does not match it.
/// Names are compared case-insensitively (ASCII); identifiers of events verbatim, or in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreFilter {
    /// First event time, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Last event time, in milliseconds since 1970.
    pub to_ms: Option<i64>,
    /// Accounts that received the event.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
    /// Services, as host names or without `.amazonaws.com`.
    pub event_sources: Vec<String>,
    /// Actions.
    pub event_names: Vec<String>,
    /// Identifiers of events.
    pub event_ids: Vec<String>,
    /// Callers: the name of a user, a role or a session; its ARN, where that of a role includes all of its sessions; a
    /// unique id, with or without a session; an access key; an account; a service; `root`.
    pub principals: Vec<String>,
    /// Origins: addresses, networks such as `198.51.100.0/24`, or the text of the event, such as `s3.amazonaws.com`.
    pub source_ips: Vec<String>,
}

/// The destination of restored events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutFolder {
    /// The folder; `AWSLogs` is created in it.
    pub path: PathBuf,
    /// Whether it may contain files. Files of the same names are replaced then, and others stay.
    pub may_hold_files: bool,
}

/// A request to restore events.
#[derive(Clone, Debug)]
pub struct RestoreConfig {
    /// The lake.
    pub lake: PathBuf,
    /// Which events are wanted.
    pub filter: RestoreFilter,
    /// Maximum number of events to restore.
    pub limit: Option<u64>,
    /// Folder for archives in the layout of CloudTrail's keys.
    pub out: Option<OutFolder>,
    /// Worker threads.
    pub threads: usize,
    /// Bytes for events in flight; the process needs a little more.
    pub memory_limit: u64,
    /// How S3 is reached, when the lake is there.
    pub store: StoreOptions,
    /// Called before every change on disk; may make it fail.
    pub faults: Option<Arc<dyn FaultInjector>>,
}

impl RestoreConfig {
    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(lake: PathBuf) -> Self {
        Self {
            lake,
            filter: RestoreFilter::default(),
            limit: None,
            out: None,
            threads: limits::threads(),
            memory_limit: limits::MEMORY,
            store: StoreOptions::default(),
            faults: None,
        }
    }

    fn validate(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::ConfigInvalid, message));
        if let Some(out) = &self.out {
            check_local("--out", &out.path)?;
        }
        if self.threads == 0 {
            return invalid("--threads must be at least 1");
        }
        if self.memory_limit < limits::MIN_MEMORY {
            return invalid("--memory-limit must be at least 64MiB");
        }
        if let (Some(from), Some(to)) = (self.filter.from_ms, self.filter.to_ms)
            && from > to
        {
            return invalid("--from is later than --to");
        }
        if let Some(value) = self.filter.source_ips.iter().find(|value| wanted::is_no_address(value)) {
            let (what, example) =
                if value.contains('/') { ("network", "198.51.100.0/24") } else { ("address", "198.51.100.7") };
            let value = printable(value);
            return invalid(&format!("--source-ip {value} is no {what}; write it like {example}"));
        }
        Ok(())
    }
}

/// The result of a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestoreSummary {
    /// Events restored.
    pub events: u64,
    /// Bytes of their JSON, including line ends.
    pub json_bytes: u64,
    /// Files of `events` in the lake.
    pub parts: u64,
    /// Those whose folder or footer shows that they hold no wanted events.
    pub parts_skipped: u64,
    /// Bytes of files of `events` that were read.
    pub read_bytes: u64,
    /// Archives written to the folder.
    pub archives: u64,
    /// Their bytes.
    pub archive_bytes: u64,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Whether the reader disconnected early, or [`RestoreConfig::limit`] was reached.
    pub is_cut_short: bool,
    /// When no event matches all filters: what the lake has instead, for each value of a filter except times and ids,
    /// based on a sample of its files.
    pub hints: Vec<FilterHint>,
    /// When no event matches and times were given: the first and the last date or month of the lake's folders.
    pub lake_dates: Option<(String, String)>,
}

/// Restores events to `lines`, one on each line, or to [`RestoreConfig::out`] as archives. If the reader of `lines`
/// disconnects, the restore ends without an error.
///
/// # Errors
///
/// A place that is not a lake, has no `events` or is being written to; a file that differs from what was published; a folder
/// that cannot be written to or is not empty. Archives that were written before stay, each of them complete.
pub fn restore(config: &RestoreConfig, lines: &mut dyn Write) -> Result<RestoreSummary> {
    config.validate()?;
    let session = Session::new(&config.store);
    restore_in(config, &session, lines).map_err(|error| session.stop().explain(error))
}

fn restore_in(config: &RestoreConfig, session: &Session, lines: &mut dyn Write) -> Result<RestoreSummary> {
    let started = Instant::now();
    let root = Root::existing(&config.lake, session)?;
    let _lock = hold_shared(&root)?;
    let filter = Arc::new(Filter::new(&config.filter));
    let parts = list_parts(&root)?;
    let mut summary = RestoreSummary { parts: parts.len() as u64, ..RestoreSummary::default() };
    let wanted: Vec<PartTask> = parts.iter().filter(|part| filter.wants_folder(&part.folder)).cloned().collect();
    summary.parts_skipped = summary.parts - wanted.len() as u64;
    let has_times = config.filter.from_ms.is_some() || config.filter.to_ms.is_some();
    let flow = Flow::new(config, filter, root.clone())?;
    match &config.out {
        None => flow.run(wanted, &mut flow::LineSink { lines, limit: config.limit }, &mut summary)?,
        Some(out) => {
            let mut tree = Tree::begin(config, out, root.path())?;
            if let Err(error) = flow.run(wanted, &mut tree, &mut summary) {
                tree.give_up();
                return Err(error);
            }
            tree.end(&mut summary)?;
        }
    }
    if summary.events == 0 && !summary.is_cut_short {
        flow.hints(&config.filter, &parts, &mut summary);
        summary.lake_dates = has_times.then(|| suggestions::dates(&parts)).flatten();
    }
    summary.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}

/// The files of `events` that count, in the order of their paths.
fn list_parts(root: &Root) -> Result<Vec<PartTask>> {
    let commits = Commits::read(root)?;
    for commit in &commits.published {
        let settings = &commit.commit_metadata.settings;
        let invalid = |message: String| Error::at(ErrorKind::LakeInvalid, &commit.path, message);
        let Some((tables, _)) = settings.layout() else {
            return Err(invalid(format!("it has tables or partitions of another version: {settings:?}")));
        };
        if !tables.contains(&Table::Events) {
            let error = invalid(format!("the lake has no events: it was filled with --tables {}", settings.tables));
            return Err(error.advise("convert the archives into another lake with --tables events"));
        }
    }
    let listed = commits.listed(root, Table::Events);
    let mut parts: Vec<PartTask> = listed.filter_map(|part| PartTask::new(root, &part.path)).collect();
    parts.sort();
    Ok(parts)
}
