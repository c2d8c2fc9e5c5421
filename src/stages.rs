//! Stages by themselves, for the benches and for fuzzing.
//!
//! In: what a stage takes. Out: counts, so that no work can be left out; for fuzzing, all that a stage found, so that it
//! can be compared. Never: part of the interface that users can rely on.

mod files;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use rayon::ThreadPoolBuilder;

use crate::clock::StageClock;
use crate::convert::config::Config;
use crate::encode::{EncodeContext, Pressure};
use crate::error::{Error, Finding, Result};
use crate::flatten::{decimal, timestamp};
use crate::lake::write::TableWriters;
use crate::pool::Pool;
use crate::rows::{Batch, Converter, Plan, Source, Tally, Verdict};
use crate::schema::Table;
use crate::split::{Cut, Cutter, Element, Judgement};

pub use files::{ArchiveInflater, InflatedFile, LargeFile, inflate, inflate_any, list_zip};

/// The only archive of a run.
const fn alone(uri: &str) -> Source<'_> {
    Source { uri, position: 0 }
}

/// Cuts and converts archives to batches.
pub struct ArchiveConverter(Converter);

/// Batches of one archive.
pub struct Batches(Vec<Batch>);

impl Batches {
    /// Rows of a table.
    #[must_use]
    pub fn rows(&self, table: Table) -> usize {
        self.0.iter().filter(|batch| batch.table == table).map(|batch| batch.rows).sum()
    }

    /// The batches of a table in the types of its files, each with the path of its partition.
    ///
    /// # Errors
    ///
    /// When columns do not fit their schema, which is a bug.
    pub fn record_batches(&self, table: Table) -> Result<Vec<(String, RecordBatch)>> {
        let schema = table.arrow_schema();
        let of_table = self.0.iter().filter(|batch| batch.table == table);
        let typed =
            of_table.map(|batch| Ok((batch.partition.to_string(), batch.typed(&schema, 0..batch.columns.len())?)));
        typed.collect()
    }
}

/// An archive, cut.
#[derive(Debug, PartialEq, Eq)]
pub struct CutArchive {
    /// Index of each event that is to be converted, and its place in the text.
    pub events: Vec<(u32, Range<usize>)>,
    /// What is known of the rest.
    pub verdict: CutVerdict,
}

/// What is known of an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct CutVerdict {
    /// As in the `archives` table; `None` when its text was gone through to the end and more was asked for.
    pub status: Option<&'static str>,
    /// Kind, likewise.
    pub kind: &'static str,
    /// Events, the refused ones included.
    pub events_seen: u64,
    /// Events that were refused.
    pub quarantined: u64,
    /// What was refused, and why.
    pub findings: Vec<Finding>,
}

/// An archive, converted.
pub struct ConvertedArchive {
    /// What is known of it.
    pub verdict: CutVerdict,
    /// Rows of `events`.
    pub events_written: u64,
    /// Events that a selector left out.
    pub filtered: u64,
    /// Rows of `usage_records`.
    pub usage_records: u64,
    /// The rows.
    pub batches: Batches,
}

impl ArchiveConverter {
    /// For these tables, of [`Table::Events`] and [`Table::UsageRecords`].
    #[must_use]
    pub fn new(tables: &[Table]) -> Self {
        let config = Config::new(Vec::new(), "lake".into());
        Self(Converter::new(Plan {
            events: tables.contains(&Table::Events),
            usage_records: tables.contains(&Table::UsageRecords),
            partition_by: config.partition_by,
            selection: config.selection,
            reads_all: false,
            register: None,
            keeps_order: false,
            columns: Vec::new(),
        }))
    }

    /// Only cuts: the events of a text.
    pub fn cut(&mut self, text: &[u8]) -> usize {
        let mut elements = Vec::new();
        Cutter::new().cut(self.0.parser(), text, true, &mut elements);
        elements.len()
    }

    /// Cuts, reads and flattens.
    ///
    /// # Errors
    ///
    /// None that an archive could cause.
    pub fn convert(&mut self, text: &[u8]) -> Result<Batches> {
        let verdict = self.0.convert(alone("file:///bench.json.gz"), text, None);
        if !verdict.findings.is_empty() {
            return Err(Error::internal("a bench has a damaged archive"));
        }
        Ok(Batches(self.0.finish()?))
    }

    /// Cuts, reads and flattens any text, in one piece.
    ///
    /// # Errors
    ///
    /// When columns do not fit their schema, which is a bug.
    pub fn convert_any(&mut self, archive: &str, text: &[u8]) -> Result<ConvertedArchive> {
        let verdict = self.0.convert(alone(archive), text, None);
        Ok(ConvertedArchive::new(verdict, self.0.finish()?))
    }

    /// Converts text without cutting it: what stands at `places` are its events.
    ///
    /// # Errors
    ///
    /// As [`ArchiveConverter::convert_any`].
    pub fn convert_events(
        &mut self,
        archive: &str,
        text: &[u8],
        places: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<ConvertedArchive> {
        let elements: Vec<Element> =
            (0..).zip(places).map(|(index, range)| Element { index, range, text: None }).collect();
        let tally = self.0.convert_elements(alone(archive), text, 0, &elements);
        let events_seen = elements.len() as u64;
        let judgement = Judgement { events_seen, ..Judgement::foreign("log") };
        Ok(ConvertedArchive::new(Verdict::new(judgement, tally, None), self.0.finish()?))
    }

    /// Cuts a text that comes in windows; `step` tells how many bytes come next.
    pub fn cut_in_windows(&mut self, text: &[u8], step: impl FnMut() -> usize) -> CutArchive {
        let mut events = Vec::new();
        let judgement = self.in_windows(text, step, |_, _, start, elements| {
            events.extend(elements.iter().map(|Element { index, range, .. }| {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                (*index, start + range.start..start + range.end)
            }));
        });
        let verdict = match judgement {
            Some(judgement) => CutVerdict::new(Verdict::new(judgement, Tally::default(), None)),
            None => CutVerdict::unfinished(),
        };
        CutArchive { events, verdict }
    }

    /// Cuts, reads and flattens a text that comes in windows, as a large archive does.
    ///
    /// # Errors
    ///
    /// As [`ArchiveConverter::convert_any`].
    pub fn convert_in_windows(
        &mut self,
        archive: &str,
        text: &[u8],
        step: impl FnMut() -> usize,
    ) -> Result<ConvertedArchive> {
        let mut tally = Tally::default();
        let judgement = self.in_windows(text, step, |converter, window, start, elements| {
            tally.add(converter.convert_elements(alone(archive), window, start, elements));
        });
        let batches = self.0.finish()?;
        match judgement {
            Some(judgement) => Ok(ConvertedArchive::new(Verdict::new(judgement, tally, None), batches)),
            None => Err(Error::internal("an archive whose text is all there wants more")),
        }
    }

    /// Goes through a text as a large archive is gone through; `None` when more is wanted than there is.
    fn in_windows(
        &mut self,
        text: &[u8],
        mut step: impl FnMut() -> usize,
        mut take: impl FnMut(&mut Converter, &[u8], u64, &[Element]),
    ) -> Option<Judgement> {
        let (mut cutter, mut elements) = (Cutter::new(), Vec::new());
        let (mut start, mut end, mut is_all) = (0, 0, false);
        loop {
            let cut = cutter.cut(self.0.parser(), &text[start..end], is_all, &mut elements);
            take(&mut self.0, &text[start..end], cutter.window_start(), &elements);
            elements.clear();
            match cut {
                Cut::End => return Some(cutter.close()),
                Cut::More(_) if is_all => return None,
                Cut::More(done) => {
                    start += done;
                    cutter.forget(done);
                }
            }
            // That a text has ended is known only once more of it was asked for.
            let bytes = step().max(1);
            is_all = bytes > text.len() - end;
            end = text.len().min(end + bytes);
        }
    }
}

impl CutVerdict {
    fn new(verdict: Verdict) -> Self {
        let Verdict { status, kind, events_seen, quarantined, findings, .. } = verdict;
        Self { status: Some(status.as_str()), kind, events_seen, quarantined, findings }
    }

    const fn unfinished() -> Self {
        Self { status: None, kind: "", events_seen: 0, quarantined: 0, findings: Vec::new() }
    }
}

impl ConvertedArchive {
    fn new(verdict: Verdict, batches: Vec<Batch>) -> Self {
        Self {
            events_written: verdict.tally.events_written,
            filtered: verdict.tally.filtered,
            usage_records: verdict.usage_records(),
            verdict: CutVerdict::new(verdict),
            batches: Batches(batches),
        }
    }
}

/// Reads ISO 8601: milliseconds since 1970, and whether the text was in the usual form.
#[must_use]
pub fn parse_iso(text: &str) -> Option<(i64, bool)> {
    timestamp::parse_iso(text).map(|instant| (instant.epoch_ms, instant.is_canonical))
}

/// Reads the timestamp of a usage record: milliseconds since 1970.
#[must_use]
pub fn parse_usage_timestamp(text: &str) -> Option<i64> {
    timestamp::parse_usage(text)
}

/// Reads a quantity: millionths.
#[must_use]
pub fn parse_quantity(text: &str) -> Option<i128> {
    decimal::parse_quantity(text)
}

/// Encodes and writes batches below a folder with one thread; bytes written.
///
/// # Errors
///
/// When the folder cannot be written to.
pub fn encode(config: &Config, batches: &Batches, folder: &Path) -> Result<u64> {
    let context = Arc::new(EncodeContext {
        pool: Arc::new(ThreadPoolBuilder::new().num_threads(1).build().map_err(Error::internal)?),
        pressure: Arc::new(Pressure::default()),
        clock: Arc::new(StageClock::default()),
        compression: config.compression,
        compressors: Pool::default(),
    });
    let mut writers = TableWriters::new(&config.write_options(), context, folder, "000001")?;
    for batch in &batches.0 {
        let Batch { table, partition, columns, rows, bytes } = batch;
        let (partition, columns) = (Arc::clone(partition), columns.clone());
        writers.push(Batch { table: *table, partition, columns, rows: *rows, bytes: *bytes })?;
    }
    Ok(writers.finish()?.iter().map(|part| part.bytes).sum())
}
