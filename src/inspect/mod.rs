//! The content of archives, folders, containers and lakes.
//!
//! In: paths. Out: the number of archives, events and usage records, their times and their senders. Never: writes, parses
//! differently from a conversion, or compares events: a duplicate counts each time.

mod census;
mod counter;
mod dates;
mod lake;
mod report;

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::lake::root::Root;
use crate::model::{STDIN, Selection};
use crate::pool::thread_pool;
use crate::reader::{self, InOrder, OrderedItem, ReadOptions};
use crate::report::{Progress, Summary};
use crate::schema::Table;
use crate::store::{Session, StoreOptions};

use census::Census;
use lake::inspect_lake;
pub use report::{
    Bar, Contents, FieldCounts, Histogram, HistogramUnit, InspectArchives, InspectBytes, InspectEvents, InspectReport,
    KindCount, LakeReport, TableReport, ValueCount,
};

/// A request to inspect archives and lakes.
#[derive(Clone, Debug)]
pub struct InspectConfig {
    /// Files, folders and `s3://` URLs to look for archives in, `-` for standard input, and lakes.
    pub inputs: Vec<PathBuf>,
    /// How S3 is reached.
    pub store: StoreOptions,
    /// Number of values of each field that are reported.
    pub top: usize,
    /// Which events are wanted.
    pub selection: Selection,
    /// Worker threads.
    pub threads: usize,
    /// Bytes of memory for data in flight; a third of it is for values of fields.
    pub memory_limit: u64,
    /// Maximum size of an inflated archive, in bytes.
    pub max_inflated_bytes: u64,
    /// Folder for a copy of standard input; without one it is the current folder.
    pub scratch: Option<PathBuf>,
}

impl InspectConfig {
    /// Default number of values of each field that are reported.
    pub const DEFAULT_TOP: usize = 10;

    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(inputs: Vec<PathBuf>) -> Self {
        let ReadOptions { inputs, selection, threads, memory_limit, max_inflated_bytes, scratch, store, .. } =
            ReadOptions::new(inputs);
        Self { inputs, top: Self::DEFAULT_TOP, selection, threads, memory_limit, max_inflated_bytes, scratch, store }
    }

    /// The options for those inputs that are not lakes.
    fn read_options(&self, inputs: Vec<PathBuf>) -> ReadOptions {
        ReadOptions {
            store: self.store.clone(),
            tables: vec![Table::UsageRecords, Table::Events],
            selection: self.selection.clone(),
            threads: self.threads,
            memory_limit: self.memory_limit,
            max_inflated_bytes: self.max_inflated_bytes,
            scratch: self.scratch.clone(),
            ..ReadOptions::new(inputs)
        }
    }

    /// Bytes of memory for values of fields.
    fn values_memory(&self) -> usize {
        usize::try_from(self.memory_limit / 3).unwrap_or(usize::MAX)
    }
}

/// Reports the content of archives and lakes. Inputs that are not lakes are inspected together.
///
/// # Errors
///
/// Invalid options, inputs that cannot be listed, lakes that are damaged or in use, and a request to stop.
/// Problems of an archive are not errors but part of the report.
pub fn inspect(config: &InspectConfig, progress: &Progress) -> Result<InspectReport> {
    config.read_options(config.inputs.clone()).validate()?;
    let session = Session::new(&config.store).reporting_to(progress.waits());
    let (mut lakes, mut inputs) = (Vec::new(), Vec::new());
    for input in &config.inputs {
        let root = if input.as_os_str() == STDIN { None } else { Some(Root::of(input, &session)?) };
        let lake = root.map(|root| Ok(is_lake(&root)?.then_some(root))).transpose()?.flatten();
        match lake {
            Some(lake) if lakes.iter().any(|known: &Root| known.path() == lake.path()) => {}
            Some(lake) => lakes.push(lake),
            None => inputs.push(input.clone()),
        }
    }
    let mut report = InspectReport::default();
    if !inputs.is_empty() {
        report.archives = Some(inspect_archives(config, inputs, progress)?);
    }
    if !lakes.is_empty() {
        let pool = thread_pool(config.threads)?;
        for lake in lakes {
            let inspected = pool.install(|| inspect_lake(&lake, config, progress));
            report.lakes.push(inspected.map_err(|error| match session.stop().explain(error) {
                error if error.kind() == ErrorKind::LakeInvalid => {
                    error.advise("`trailmill check` tells what is wrong with the lake")
                }
                error => error,
            })?);
        }
    }
    Ok(report)
}

/// Whether there is a lake. Without the permission to list a bucket no lake can be read, though objects may be readable.
fn is_lake(root: &Root) -> Result<bool> {
    root.is_lake().or_else(|error| {
        let cause = error.get_ref().and_then(<dyn StdError + Send + Sync>::downcast_ref::<io::Error>);
        let is_denied = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied);
        if root.remote().is_some() && is_denied { Ok(false) } else { Err(error) }
    })
}

fn inspect_archives(config: &InspectConfig, inputs: Vec<PathBuf>, progress: &Progress) -> Result<Contents> {
    let options = config.read_options(inputs);
    let (summary, census) = count_archives(config, &options, progress).map_err(|error| match error.kind() {
        // An inspection publishes nothing.
        ErrorKind::Stopped => stopped(),
        _ => error,
    })?;
    let (archives, events) = (summary.archives, summary.events);
    if events.written != census.rows() {
        let message = format!("{} events found, {} rows of events", events.written, census.rows());
        return Err(Error::new(ErrorKind::Unreconciled, message));
    }
    let mut contents = Contents {
        archives: InspectArchives {
            seen: archives.seen,
            converted: archives.converted,
            quarantined: archives.quarantined,
            foreign: archives.foreign,
        },
        bytes: InspectBytes { stored: summary.bytes.compressed, inflated: summary.bytes.inflated },
        events: InspectEvents {
            seen: events.seen,
            found: events.written,
            duplicates: events.duplicates,
            refused: events.quarantined,
            filtered: events.filtered,
        },
        usage_records: summary.usage_records,
        findings: summary.findings,
        first_findings: summary.first_findings,
        ..Contents::default()
    };
    census.report(config.top, &mut contents);
    Ok(contents)
}

/// Reads archives for their rows only, and counts these.
fn count_archives(config: &InspectConfig, options: &ReadOptions, progress: &Progress) -> Result<(Summary, Census)> {
    let started = Instant::now();
    let mut census = Census::new(Table::Events, config.values_memory());
    let mut summary = Summary::default();
    let (request, _) = reader::open(options, progress)?;
    let (archives, clock) = (Arc::clone(&request.archives), Arc::clone(&request.clock));
    summary.archives.seen = archives.len() as u64;
    let mut pieces = InOrder::new(request, reader::plan(options, None));
    while let Some(piece) = pieces.next()? {
        match piece {
            OrderedItem::Rows { batches, .. } => batches.iter().try_for_each(|batch| census.add_batch(batch))?,
            OrderedItem::Archive(mut converted) => {
                reader::count(&mut summary, progress, &archives[converted.archive], &mut converted);
                census.add_archive(&converted.outcome);
            }
            OrderedItem::CutBack(_) => return Err(Error::internal("rows were taken back that were counted")),
        }
    }
    summary.close(started, &clock, None);
    Ok((summary, census))
}

/// The error of an inspection that was asked to stop.
fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, "asked to stop")
}
