//! One step: archives that are published together.
//!
//! In: rows and archives, in order. Out: staged parts and counts. Never: decides their order.

use std::collections::HashMap;
use std::sync::Arc;

use super::carry_over::{CarriedOver, CarryOver, WithoutId};
use super::config::Config;
use super::cut_back::CutBack;
use crate::dedup::DuplicateIndex;
use crate::encode::{Backpressure, EncodeContext, StagedPart};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::input::Archive;
use crate::lake::CommitMetadata;
use crate::lake::write::{ArchiveEntry, Commit, ManifestWriter, Replacement, TableWriters};
use crate::model::{OnBad, Place};
use crate::pool::Pool;
use crate::reader::{Converted, OrderedItem, ReadRequest, count, position};
use crate::report::{Progress, Summary};
use crate::rows::{Batch, DuplicateCounts, Duplicates};
use crate::schema::Table;

/// The parts of a commit before they are published.
pub(super) struct Staged {
    /// All parts but that of `archives`.
    pub(super) parts: Vec<StagedPart>,
    pub(super) archives: StagedPart,
    /// Rows among them that earlier commits have published, by table.
    pub(super) carried: HashMap<Table, u64>,
    /// Paths below the lake of the parts that they replace.
    pub(super) replaced: Vec<String>,
}

impl Staged {
    /// All parts.
    pub(super) fn all(&self) -> impl Iterator<Item = &StagedPart> {
        self.parts.iter().chain([&self.archives])
    }
}

/// Processes the rows and archives of a step.
pub(super) struct Step<'a> {
    config: &'a Config,
    progress: &'a Progress,
    archives: Arc<Vec<Archive>>,
    /// Which place has which event; `None` without deduplication.
    duplicate_index: Option<Arc<DuplicateIndex>>,
    /// What the step replaces, when its archives are in the lake already.
    replacement: Option<&'a Replacement>,
    /// Duplicate rows that were removed, by archive.
    duplicates: HashMap<usize, DuplicateCounts>,
    /// Archives that are done, except for what is kept of their old rows.
    reconverted: Vec<Converted>,
    without_id: WithoutId,
    output: Option<Output<'a>>,
    summary: Summary,
}

/// Where rows go.
struct Output<'a> {
    commit: &'a Commit,
    context: Arc<EncodeContext>,
    tables: TableWriters,
    manifest_writer: ManifestWriter,
    cut_back: CutBack,
}

impl Output<'_> {
    /// Adds an archive to the manifest.
    ///
    /// # Errors
    ///
    /// When its counts contradict each other, which is a bug, and when the disk fails.
    fn enter(&mut self, archive: &Archive, converted: &Converted) -> Result<()> {
        let (seen, accounted) = (converted.outcome.events_seen, converted.outcome.accounted_for());
        if seen != accounted {
            let message = format!("{}: {seen} events seen, {accounted} accounted for", printable(&converted.uri));
            return Err(Error::new(ErrorKind::Unreconciled, message).advise("nothing of this step was published"));
        }
        self.manifest_writer.push(&ArchiveEntry {
            archive: &converted.uri,
            modified: &archive.modified(),
            compressed_bytes: archive.bytes,
            inflated_bytes: converted.inflated_bytes,
            outcome: &converted.outcome,
            integrity: converted.integrity,
        })
    }
}

impl<'a> Step<'a> {
    /// A step that is written to `commit`, if there is one.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub(super) fn new(
        config: &'a Config,
        progress: &'a Progress,
        request: &ReadRequest,
        duplicate_index: Option<Arc<DuplicateIndex>>,
        replacement: Option<&'a Replacement>,
        commit: Option<&'a Commit>,
    ) -> Result<Self> {
        let output = commit.map(|commit| {
            let context = Arc::new(EncodeContext {
                pool: Arc::clone(&request.pool),
                backpressure: Arc::new(Backpressure::default()),
                clock: Arc::clone(&request.clock),
                compression: config.compression,
                compressors: Pool::default(),
            });
            let now_ms = jiff::Timestamp::now().as_millisecond();
            Ok(Output {
                tables: TableWriters::new(&config.write_options(), Arc::clone(&context), commit.staging_area())?,
                manifest_writer: ManifestWriter::new(&context, commit, now_ms),
                cut_back: CutBack::default(),
                commit,
                context,
            })
        });
        let mut summary = Summary::default();
        summary.archives.seen = request.range.len() as u64;
        Ok(Self {
            config,
            progress,
            archives: Arc::clone(&request.archives),
            duplicate_index,
            replacement,
            duplicates: HashMap::new(),
            reconverted: Vec::new(),
            without_id: WithoutId::default(),
            output: output.transpose()?,
            summary,
        })
    }

    /// Takes the next item.
    ///
    /// # Errors
    ///
    /// When the disk fails; for bad input, if that is to fail the run; and bugs.
    pub(super) fn take(&mut self, piece: OrderedItem) -> Result<()> {
        match piece {
            OrderedItem::Rows { batches, end, large } => self.write(batches, end, large),
            OrderedItem::Archive(converted) => self.end_archive(converted),
            OrderedItem::CutBack(at) => {
                self.duplicates.remove(&at);
                let uri = self.archives[at].uri();
                self.without_id.forget(&uri);
                if let Some(output) = &mut self.output {
                    output.cut_back.cut(&uri);
                }
                Ok(())
            }
        }
    }

    /// Writes rows without duplicates, which are known for places before `end`.
    fn write(&mut self, batches: Vec<Batch>, end: Place, large: Option<usize>) -> Result<()> {
        let mut duplicates = self.duplicates_before(end, large)?;
        for batch in batches {
            let left = duplicates.take_out(batch)?;
            if self.replacement.is_some() {
                left.iter().try_for_each(|batch| self.without_id.note(batch))?;
            }
            let Some(output) = &mut self.output else { continue };
            for batch in left {
                if large.is_some() {
                    output.cut_back.note(&batch);
                }
                output.tables.push(batch)?;
            }
        }
        for (at, counts) in duplicates.into_counts() {
            self.duplicates.entry(at).or_default().add(&counts);
        }
        Ok(())
    }

    /// The duplicates of other events among those before `end`.
    fn duplicates_before(&self, end: Place, large: Option<usize>) -> Result<Duplicates> {
        let Some(duplicate_index) = &self.duplicate_index else { return Ok(Duplicates::default()) };
        // All rows of an archive that has not ended may still be taken back.
        let certain = large.map_or(end, |at| Place::new(position(at), 0));
        let lost = duplicate_index.take_lost(end, certain)?;
        let uri = |at: u32| Some(self.archives.get(at as usize)?.uri());
        Ok(if self.config.dedup { Duplicates::new(&lost, uri) } else { Duplicates::default() })
    }

    /// Counts an archive and adds it to the manifest.
    fn end_archive(&mut self, mut converted: Box<Converted>) -> Result<()> {
        let archive = &self.archives[converted.archive];
        if let Some(counts) = self.duplicates.remove(&converted.archive) {
            counts.correct(&mut converted.outcome.counts);
        }
        count(&mut self.summary, self.progress, archive, &mut converted);
        if self.config.on_bad == OnBad::Fail
            && let Some(finding) = self.summary.first_findings.first()
        {
            let error = Error::new(ErrorKind::InputRejected, finding.clone());
            return Err(error.advise("--on-bad quarantine would keep it aside and go on; nothing was published"));
        }
        let Some(output) = &mut self.output else { return Ok(()) };
        output.cut_back.keep();
        output.manifest_writer.push_findings(&converted.uri, &converted.outcome.findings)?;
        if self.replacement.is_none() {
            return output.enter(archive, &converted);
        }
        // They are on disk; there may be many.
        converted.outcome.findings = Vec::new();
        self.reconverted.push(*converted);
        Ok(())
    }

    /// Stops writing, and waits until all threads have stopped: staging is about to be removed.
    pub(super) fn abandon(self) {
        if let Some(output) = self.output {
            output.tables.abandon();
            output.manifest_writer.abandon();
        }
    }

    /// Writes the rest; what is staged, if anything is, and the counts.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn finish(mut self) -> Result<(Option<Staged>, Summary)> {
        let Some(output) = self.output.take() else { return Ok((None, self.summary)) };
        let staged = self.stage(output)?;
        Ok((Some(staged), self.summary))
    }

    fn stage(&mut self, mut output: Output<'_>) -> Result<Staged> {
        let mut carried = CarriedOver::default();
        let mut replaced = Vec::new();
        if let (Some(replacement), Some(duplicate_index)) = (self.replacement, &self.duplicate_index) {
            let Output { tables, manifest_writer, .. } = &mut output;
            let (config, without_id) = (self.config, &self.without_id);
            let mut carry_over =
                CarryOver { config, replacement, duplicate_index, without_id, tables, manifest_writer };
            carried = carry_over.run(&mut self.reconverted, &mut self.summary)?;
            replaced = replacement.replaced.iter().cloned().collect();
        }
        for converted in &self.reconverted {
            output.enter(&self.archives[converted.archive], converted)?;
        }
        let Output { commit, context, mut tables, mut manifest_writer, cut_back } = output;
        let parts = tables.finish()?;
        drop(tables);
        let mut parts = cut_back.apply(parts, self.config, context, commit)?;
        parts.extend(manifest_writer.finish_quarantine()?);
        let commit_metadata = CommitMetadata::new(self.config.settings(), &parts, replaced.clone());
        let archives = manifest_writer.finish(&commit_metadata)?;
        parts.extend(carried.manifests);
        Ok(Staged { parts, archives, carried: carried.rows, replaced })
    }
}
