//! The order of things: which archive is whose work, and what happens when.
//!
//! In: a [`Config`]. Out: a published commit and its [`Summary`]. Never: parses, encodes or writes itself.
//!
//! The coordinator deals out units of work and takes the results back in the order of the archives, whatever order they
//! are done in: order is what makes the output depend on nothing but the input. It holds at most a window of units, so
//! memory does not grow with the input.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::{Config, OnBad};
use crate::error::{Error, ErrorKind, Finding, Reason, Result};
use crate::input::{Archive, Inflated, Inflater, discover};
use crate::output::{
    ArchiveEntry, Commit, EncodeContext, Lake, Ledger, Pressure, StagedPart, TableWriters,
};
use crate::report::{self, Progress, Stage, StageClock, Summary};
use crate::schema::Table;
use crate::transform::{Batch, Converter, Plan, Verdict};

/// Compressed bytes of a unit made of small archives: a few MB of JSON.
const UNIT_BYTES: u64 = 512 << 10;
/// Archives of a unit at most.
const UNIT_ARCHIVES: usize = 512;

/// Converts archives into a lake.
///
/// Only archives that the lake does not have yet are read. What is bad goes to the quarantine table and is told in the
/// summary.
///
/// # Errors
///
/// Options that make no sense, inputs that cannot be listed, a lake that cannot be written to, and with
/// [`OnBad::Fail`] bad input. Nothing was published then.
pub fn convert(config: &Config, progress: &Progress) -> Result<Summary> {
    config.validate()?;
    let started = Instant::now();
    let clock = Arc::new(StageClock::default());
    let mut lake = if config.dry_run {
        None
    } else {
        Some(Lake::open(&config.lake)?)
    };
    let lake_root = lake.as_ref().map_or(config.lake.as_path(), Lake::root);
    let mut summary = Summary {
        lake: lake_root.to_owned(),
        ..Summary::default()
    };
    let found = discover(&config.inputs, lake_root, &config.selection)?;
    let archives = only_new(found.archives, lake.as_ref(), &mut summary);
    progress
        .archives_total
        .store(archives.len() as u64, Ordering::Relaxed);
    progress.compressed_bytes_total.store(
        archives.iter().map(|archive| archive.bytes).sum(),
        Ordering::Relaxed,
    );
    if !archives.is_empty() {
        let commit = lake.as_ref().map(Lake::begin);
        let run = Run::new(config, progress, &clock, archives, commit.as_ref())?;
        let staged = run.convert_all(&mut summary);
        match (staged, lake.as_mut().zip(commit)) {
            (Ok(Some(staged)), Some((lake, commit))) => {
                publish(lake, &commit, &staged, &config.tables, &mut summary)?
            }
            (Ok(_), _) => {}
            (Err(error), commit) => {
                if let Some((_, commit)) = commit {
                    // The error that stopped the run is the one to tell; the next run clears staging anyway.
                    let _ = fs::remove_dir_all(&commit.staging);
                }
                return Err(error);
            }
        }
    }
    summary.close(started, &clock);
    Ok(summary)
}

/// Leaves out the archives that the lake has.
fn only_new(archives: Vec<Archive>, lake: Option<&Lake>, summary: &mut Summary) -> Vec<Archive> {
    summary.archives.seen = archives.len() as u64;
    let Some(lake) = lake.filter(|lake| !lake.is_empty()) else {
        return archives;
    };
    let is_new = |archive: &Archive| {
        let uri = archive.uri();
        let Some(is_same) = lake.find(&uri, archive.bytes, &archive.modified()) else {
            return true;
        };
        summary.archives.already_converted += 1;
        if !is_same {
            summary.changed_archives.push(uri);
        }
        false
    };
    archives.into_iter().filter(is_new).collect()
}

fn publish(
    lake: &mut Lake,
    commit: &Commit,
    staged: &Staged,
    tables: &[Table],
    summary: &mut Summary,
) -> Result<()> {
    // A table that was not asked for has no rows, whatever was found.
    let is_kept = |table: Table| !table.is_partitioned() || tables.contains(&table);
    summary.reconcile(|table| is_kept(table).then(|| staged.rows(table)))?;
    let all = || staged.parts.iter().chain([&staged.archives]);
    summary.parts = all().count() as u64;
    summary.bytes.written = all().map(|part| part.bytes).sum();
    lake.publish(commit, &staged.parts, &staged.archives)?;
    summary.commit_id = Some(commit.id.clone());
    Ok(())
}

/// The parts of a commit before they are published.
struct Staged {
    /// All but that of `archives`.
    parts: Vec<StagedPart>,
    archives: StagedPart,
}

impl Staged {
    fn rows(&self, table: Table) -> u64 {
        let parts = self.parts.iter().chain([&self.archives]);
        parts
            .filter(|part| part.path.starts_with(table.name()))
            .map(|part| part.rows)
            .sum()
    }
}

/// One run over the archives that are new.
struct Run<'a> {
    config: &'a Config,
    progress: &'a Progress,
    clock: &'a Arc<StageClock>,
    archives: Arc<Vec<Archive>>,
    pool: Arc<ThreadPool>,
    workers: Arc<Workers>,
    output: Option<Output>,
}

/// Where rows go; nowhere in a dry run.
struct Output {
    tables: TableWriters,
    ledger: Ledger,
}

/// What came of one archive.
struct Converted {
    /// Position in the run's list.
    archive: usize,
    uri: String,
    inflated_bytes: u64,
    verdict: Verdict,
}

/// What came of one unit.
struct UnitResult {
    archives: Vec<Converted>,
    batches: Vec<Batch>,
}

impl<'a> Run<'a> {
    fn new(
        config: &'a Config,
        progress: &'a Progress,
        clock: &'a Arc<StageClock>,
        archives: Vec<Archive>,
        commit: Option<&Commit>,
    ) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|index| format!("trailmill-{index}"))
            .build()
            .map_err(Error::internal)?;
        let (pool, pressure) = (Arc::new(pool), Arc::new(Pressure::default()));
        let output = commit.map(|commit| {
            let context = Arc::new(EncodeContext {
                pool: Arc::clone(&pool),
                pressure: Arc::clone(&pressure),
                clock: Arc::clone(clock),
            });
            let now_ms = jiff::Timestamp::now().as_millisecond();
            Ok(Output {
                tables: TableWriters::new(config, context, &commit.staging, &commit.id)?,
                ledger: Ledger::new(&commit.staging, &commit.id, config.compression, now_ms),
            })
        });
        let plan = Plan {
            events: config.tables.contains(&Table::Events),
            usage_records: config.tables.contains(&Table::UsageRecords),
            partition_by: config.partition_by.clone(),
            selection: config.selection.clone(),
        };
        Ok(Self {
            config,
            progress,
            clock,
            archives: Arc::new(archives),
            pool,
            workers: Arc::new(Workers {
                plan,
                idle: Mutex::default(),
            }),
            output: output.transpose()?,
        })
    }

    fn convert_all(mut self, summary: &mut Summary) -> Result<Option<Staged>> {
        let cpu_before = report::thread_cpu_time();
        let units = units(&self.archives);
        let window = self.config.threads * 2 + 2;
        let (sender, results) = channel();
        let mut done = BTreeMap::new();
        let mut submitted = 0;
        for unit in 0..units.len() {
            while submitted < units.len() && submitted < unit + window {
                self.submit(submitted, units[submitted].clone(), &sender);
                submitted += 1;
            }
            let result = take_in_order(unit, &mut done, &results)?;
            self.apply(result?, summary)?;
        }
        let staged = self.close()?;
        self.clock.add(
            Stage::Coordinate,
            report::thread_cpu_time().saturating_sub(cpu_before),
        );
        Ok(staged)
    }

    fn submit(
        &self,
        unit: usize,
        range: Range<usize>,
        sender: &Sender<(usize, Result<UnitResult>)>,
    ) {
        let (archives, workers) = (Arc::clone(&self.archives), Arc::clone(&self.workers));
        let (clock, sender) = (Arc::clone(self.clock), sender.clone());
        let limit = self.config.max_inflated_bytes;
        self.pool.spawn(move || {
            let mut worker = workers.take();
            let result = worker.convert_unit(&archives, range, limit, &clock);
            workers.put_back(worker);
            // The receiver is gone only when the run has failed already.
            let _ = sender.send((unit, result));
        });
    }

    /// Takes the result of a unit whose turn it is.
    fn apply(&mut self, result: UnitResult, summary: &mut Summary) -> Result<()> {
        for converted in &result.archives {
            let archive = &self.archives[converted.archive];
            summary.add(
                &converted.uri,
                archive.bytes,
                converted.inflated_bytes,
                &converted.verdict,
            );
            self.progress.archives_done.fetch_add(1, Ordering::Relaxed);
            self.progress
                .compressed_bytes_done
                .fetch_add(archive.bytes, Ordering::Relaxed);
            self.progress
                .events
                .fetch_add(converted.verdict.tally.events_seen, Ordering::Relaxed);
            if let Some(output) = &mut self.output {
                output.ledger.push(&ArchiveEntry {
                    archive: &converted.uri,
                    modified: &archive.modified(),
                    compressed_bytes: archive.bytes,
                    inflated_bytes: converted.inflated_bytes,
                    verdict: &converted.verdict,
                })?;
            }
        }
        if self.config.on_bad == OnBad::Fail
            && let Some(finding) = summary.first_findings.first()
        {
            let error = Error::new(ErrorKind::InputRejected, finding.clone());
            return Err(error.advise(
                "--on-bad quarantine would keep it aside and go on; nothing was published",
            ));
        }
        if let Some(output) = &mut self.output {
            for batch in result.batches {
                output.tables.push(batch)?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<Option<Staged>> {
        let Some(mut output) = self.output.take() else {
            return Ok(None);
        };
        let mut parts = output.tables.finish()?;
        let (archives, quarantine) = output.ledger.finish()?;
        parts.extend(quarantine);
        Ok(Some(Staged { parts, archives }))
    }
}

fn take_in_order(
    unit: usize,
    done: &mut BTreeMap<usize, Result<UnitResult>>,
    results: &Receiver<(usize, Result<UnitResult>)>,
) -> Result<Result<UnitResult>> {
    loop {
        if let Some(result) = done.remove(&unit) {
            return Ok(result);
        }
        let (unit, result) = results.recv().map_err(Error::internal)?;
        done.insert(unit, result);
    }
}

/// Groups neighbouring archives into units by their stored size alone.
fn units(archives: &[Archive]) -> Vec<Range<usize>> {
    let mut units = Vec::new();
    let mut unit = 0..0;
    let mut bytes = 0;
    for (at, archive) in archives.iter().enumerate() {
        if !unit.is_empty() && (bytes + archive.bytes > UNIT_BYTES || unit.len() == UNIT_ARCHIVES) {
            units.push(unit);
            (unit, bytes) = (at..at, 0);
        }
        unit.end = at + 1;
        bytes += archive.bytes;
    }
    if !unit.is_empty() {
        units.push(unit);
    }
    units
}

/// Workers that are not at work, kept for their buffers.
struct Workers {
    plan: Plan,
    idle: Mutex<Vec<Worker>>,
}

impl Workers {
    fn take(&self) -> Worker {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| Worker {
            stored: Vec::new(),
            inflater: Inflater::default(),
            converter: Converter::new(self.plan.clone()),
        })
    }

    fn put_back(&self, worker: Worker) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(worker);
    }
}

/// One thread's buffers, from the stored bytes to the columns.
struct Worker {
    stored: Vec<u8>,
    inflater: Inflater,
    converter: Converter,
}

impl Worker {
    fn convert_unit(
        &mut self,
        archives: &[Archive],
        range: Range<usize>,
        limit: u64,
        clock: &StageClock,
    ) -> Result<UnitResult> {
        let converted = range
            .map(|at| {
                let archive = &archives[at];
                let uri = archive.uri();
                let (inflated_bytes, verdict) = self.convert_archive(archive, &uri, limit, clock);
                Converted {
                    archive: at,
                    uri,
                    inflated_bytes,
                    verdict,
                }
            })
            .collect();
        let batches = clock.time(Stage::Transform, || self.converter.finish())?;
        Ok(UnitResult {
            archives: converted,
            batches,
        })
    }

    fn convert_archive(
        &mut self,
        archive: &Archive,
        uri: &str,
        limit: u64,
        clock: &StageClock,
    ) -> (u64, Verdict) {
        if !archive.is_regular {
            return (0, Verdict::foreign("special_file"));
        }
        if let Err(error) = clock.time(Stage::Read, || self.read(archive)) {
            let finding = Finding {
                event_index: None,
                byte_offset: None,
                reason: Reason::ReadFailed,
                message: error.to_string(),
                original: Vec::new(),
            };
            return (0, Verdict::refused(finding));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        match clock.time(Stage::Inflate, || {
            self.inflater.inflate(&self.stored, limit)
        }) {
            Inflated::Text(length, damage) => {
                let text = self.inflater.text(length);
                let mut verdict =
                    clock.time(Stage::Transform, || self.converter.convert(uri, text));
                verdict.add_damage(damage);
                (length as u64, verdict)
            }
            Inflated::Refused(finding) => (0, Verdict::refused(finding)),
            Inflated::TooLarge => (
                0,
                Verdict::refused(Finding {
                    event_index: None,
                    byte_offset: None,
                    reason: Reason::InflatedTooLarge,
                    message: format!("more than {limit} bytes; --max-inflated raises the limit"),
                    original: self.stored.clone(),
                }),
            ),
        }
    }

    fn read(&mut self, archive: &Archive) -> std::io::Result<()> {
        self.stored.clear();
        archive.read(&mut self.stored)
    }
}
