//! Batches of all partitions to row groups: which partition holds how much, and which has to make room.
//!
//! In: batches in the order of the archives. Out: staged parts. Never: decides by time, thread or actual memory use:
//! only by rows and bytes so far, so that the same batches always give the same files.
//!
//! What it guarantees:
//! - rows of a partition keep their order;
//! - row groups have [`ROW_GROUP_ROWS`] rows, but for the last of a partition and those closed to make room;
//! - rows wait in memory for at most [`OutputLimits::waiting_bytes`], open row groups took at most
//!   [`OutputLimits::open_bytes`] and are at most [`OutputLimits::open_row_groups`];
//! - at most [`OutputLimits::idle_parts`] parts without an open row group are kept open.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::datatypes::{FieldRef, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::file::writer::SerializedFileWriter;

use super::options::WriteOptions;
use crate::clock::logical;
use crate::disk::Disk;
use crate::encode::chunk::TextColumn;
use crate::encode::codec::codec;
use crate::encode::dictionary::DictionaryWriter;
use crate::encode::part::{PartAppender, PartFormat, StagedPart, StagingArea};
use crate::encode::properties::{ROW_GROUP_BYTES, ROW_GROUP_ROWS, has_bloom_filter, has_bounds, writer_properties};
use crate::encode::row_group::{ColumnWriter, EncodeContext, OpenRowGroup, set_aside};
use crate::encode::text::TextWriter;
use crate::error::{Error, Result};
use crate::lake::layout::FileLayout;
use crate::pool::{caught, lock};
use crate::rows::Batch;
use crate::schema::{Kind, Table};

/// How much may be held before something has to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputLimits {
    /// Memory limit of the whole run.
    memory: u64,
    /// Arrow bytes that open row groups were fed; encoded they take about a quarter.
    pub(crate) open_bytes: u64,
    /// Open row groups, each with its own buffers.
    pub(crate) open_row_groups: usize,
    /// Arrow bytes on their way to the encoders.
    pub(crate) encoding_bytes: u64,
    /// Parts that wait for more rows of their partition; each keeps its footer in memory.
    pub(crate) idle_parts: usize,
}

impl OutputLimits {
    /// Divides the memory limit.
    pub(crate) const fn new(memory_limit: u64) -> Self {
        Self {
            memory: memory_limit,
            open_bytes: memory_limit,
            open_row_groups: 6,
            encoding_bytes: memory_limit / 6,
            idle_parts: (memory_limit / 8 / FOOTER_BYTES) as usize,
        }
    }

    /// Arrow bytes of rows that may wait for more of their partition: more when row groups are small because of many partitions.
    const fn waiting_bytes(&self, open_bytes: u64) -> u64 {
        self.memory / 8 + (self.memory / 4).saturating_sub(open_bytes)
    }

    /// Row groups that may be begun and not yet written: each has buffers for eighty columns.
    const fn row_groups_in_work(&self, threads: usize) -> usize {
        self.open_row_groups + 2 + threads * 2
    }
}

/// Batches of a partition that wait until they are concatenated.
const MOST_WAITING: usize = 16;

/// Memory for a footer: metadata and indexes of some eighty columns, for a row group or two.
const FOOTER_BYTES: u64 = 128 << 10;

/// Rows that justify a call of the encoders; fewer wait for more of their partition.
const FEED_ROWS: usize = 1_024;
/// Arrow bytes that justify one.
const FEED_BYTES: u64 = 1 << 20;

/// Writers of both tables and all partitions.
pub(crate) struct TableWriters {
    tables: HashMap<Table, TableWriter>,
    partitions: Vec<Partition>,
    by_path: HashMap<(Table, Arc<str>), usize>,
    waiting_bytes: u64,
    /// Partitions with waiting rows, by their bytes; of equals the first comes last.
    waiting: BTreeSet<(u64, Reverse<usize>)>,
    /// Partitions with an open row group.
    open: Vec<usize>,
    open_bytes: u64,
    /// Partitions with a part and no open row group, least recently fed first.
    idle: BTreeSet<(u64, usize)>,
    /// Counts feeds, to find the least recently fed row group.
    feeds: u64,
    limits: OutputLimits,
    context: Arc<EncodeContext>,
    staging: StagingArea,
}

struct TableWriter {
    format: Arc<PartFormat>,
    /// Makes writers of the non-text columns, in their order.
    factory: ArrowRowGroupWriterFactory,
    /// Columns that are in the file: a partition column is in the path only, as Athena requires.
    kept: Vec<usize>,
    /// The kind of each of them.
    columns: Vec<KeptColumn>,
    lanes: Vec<Vec<usize>>,
}

enum KeptColumn {
    Dictionary(TextColumn),
    Text(TextColumn),
    Other { field: FieldRef, leaves: usize },
}

struct Partition {
    table: Table,
    appender: Arc<Mutex<PartAppender>>,
    waiting: Vec<Batch>,
    waiting_rows: usize,
    waiting_bytes: u64,
    open: Option<OpenRowGroup>,
    next_sequence: u64,
    last_feed: u64,
}

impl TableWriters {
    /// Writers of staged parts.
    ///
    /// # Errors
    ///
    /// When the properties do not fit the schema, which is a bug.
    pub(crate) fn new(options: &WriteOptions, context: Arc<EncodeContext>, staging: StagingArea) -> Result<Self> {
        let tables = options
            .tables
            .iter()
            .map(|table| Ok((*table, TableWriter::new(*table, options)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            tables,
            partitions: Vec::new(),
            by_path: HashMap::new(),
            waiting_bytes: 0,
            waiting: BTreeSet::new(),
            open: Vec::new(),
            open_bytes: 0,
            idle: BTreeSet::new(),
            feeds: 0,
            limits: OutputLimits::new(options.memory),
            context,
            staging,
        })
    }

    /// Takes the next batch; blocks while the encoders are busy.
    pub(crate) fn push(&mut self, mut batch: Batch) -> Result<()> {
        let kept = &self.tables[&batch.table].kept;
        batch.columns = kept.iter().map(|at| Arc::clone(&batch.columns[*at])).collect();
        let partition = self.partition(batch.table, &batch.partition);
        let state = &mut self.partitions[partition];
        self.waiting.remove(&(state.waiting_bytes, Reverse(partition)));
        self.waiting_bytes -= state.waiting_bytes;
        state.waiting_rows += batch.rows;
        state.waiting_bytes += batch.bytes;
        state.waiting.push(batch);
        let is_long = state.waiting.len() == MOST_WAITING;
        if is_long && state.open.is_none() {
            let all = Batch::concat(&std::mem::take(&mut state.waiting))?;
            state.waiting_bytes = all.bytes;
            state.waiting.push(all);
        }
        self.waiting.insert((state.waiting_bytes, Reverse(partition)));
        self.waiting_bytes += state.waiting_bytes;
        let state = &self.partitions[partition];
        let is_fed = is_long && state.open.is_some();
        if is_fed || state.waiting_rows >= FEED_ROWS || state.waiting_bytes >= FEED_BYTES {
            self.feed(partition)?;
        }
        while self.waiting_bytes > self.limits.waiting_bytes(self.open_bytes) {
            let Some((_, Reverse(fullest))) = self.waiting.last().copied() else { break };
            self.feed(fullest)?;
        }
        self.context.backpressure.wait_below(self.limits.encoding_bytes)
    }

    /// Writes the rest; the parts by table and partition.
    pub(crate) fn finish(&mut self) -> Result<Vec<StagedPart>> {
        for at in 0..self.partitions.len() {
            if self.partitions[at].waiting_rows > 0 {
                self.feed(at)?;
            }
            self.close(at);
            self.context.backpressure.wait_below(self.limits.encoding_bytes)?;
        }
        self.context.backpressure.wait_for_row_groups(0)?;
        let close = |partition: &Partition| caught(|| lock(&partition.appender).finish()).flatten();
        let closed = logical::install(&self.context.pool, || logical::map(&self.partitions, close));
        let mut parts: Vec<_> = closed.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        parts.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(parts)
    }

    /// Stops writing, and waits until all threads have stopped.
    pub(crate) fn abandon(mut self) {
        for at in std::mem::take(&mut self.open) {
            if let Some(row_group) = self.partitions[at].open.take() {
                row_group.close();
            }
        }
        self.context.backpressure.wait_until_idle();
    }

    fn partition(&mut self, table: Table, path: &Arc<str>) -> usize {
        if let Some(at) = self.by_path.get(&(table, Arc::clone(path))) {
            return *at;
        }
        let folder = Path::new(table.name()).join(&**path);
        let format = Arc::clone(&self.tables[&table].format);
        let appender = PartAppender::new(format, self.staging.clone(), folder);
        self.partitions.push(Partition {
            table,
            appender: Arc::new(Mutex::new(appender)),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            open: None,
            next_sequence: 0,
            last_feed: 0,
        });
        let at = self.partitions.len() - 1;
        self.by_path.insert((table, Arc::clone(path)), at);
        at
    }

    /// Hands the waiting rows of a partition to its row group.
    fn feed(&mut self, at: usize) -> Result<()> {
        self.feeds += 1;
        let threads = self.context.pool.current_num_threads();
        self.context.backpressure.wait_for_row_groups(self.limits.row_groups_in_work(threads))?;
        let partition = &mut self.partitions[at];
        self.waiting.remove(&(partition.waiting_bytes, Reverse(at)));
        self.idle.remove(&(partition.last_feed, at));
        partition.last_feed = self.feeds;
        self.waiting_bytes -= partition.waiting_bytes;
        partition.waiting_bytes = 0;
        partition.waiting_rows = 0;
        for batch in std::mem::take(&mut partition.waiting) {
            let mut start = 0;
            while start < batch.rows {
                let partition = &mut self.partitions[at];
                let row_group = match &mut partition.open {
                    Some(open) => open,
                    none => {
                        let table = &self.tables[&partition.table];
                        let sequence = partition.next_sequence;
                        partition.next_sequence += 1;
                        self.idle.remove(&(partition.last_feed, at));
                        self.open.push(at);
                        none.insert(table.open_row_group(&partition.appender, sequence, &self.context)?)
                    }
                };
                let rows = (batch.rows - start).min(ROW_GROUP_ROWS - row_group.rows());
                let slice = batch.slice(start..start + rows);
                self.open_bytes += slice.bytes;
                row_group.push(slice.columns, slice.bytes);
                start += rows;
                if row_group.rows() == ROW_GROUP_ROWS || row_group.bytes() >= ROW_GROUP_BYTES {
                    self.close(at);
                }
            }
        }
        if let Some(row_group) = &mut self.partitions[at].open {
            row_group.send();
        }
        self.make_room(at);
        Ok(())
    }

    fn close(&mut self, at: usize) {
        let partition = &mut self.partitions[at];
        if let Some(row_group) = partition.open.take() {
            self.open_bytes -= row_group.bytes();
            row_group.close();
            self.open.retain(|open| *open != at);
            self.idle.insert((partition.last_feed, at));
        }
    }

    /// Closes row groups until the limits are met: least recently fed first, since archives come in the order of
    /// their delivery and an old day seldom gets more; the current one last. Then sets parts aside.
    fn make_room(&mut self, at_hand: usize) {
        while self.open.len() > self.limits.open_row_groups || self.open_bytes > self.limits.open_bytes {
            let oldest = self.open.iter().min_by_key(|at| (**at == at_hand, self.partitions[**at].last_feed));
            let Some(oldest) = oldest.copied() else { return };
            self.close(oldest);
        }
        while self.idle.len() > self.limits.idle_parts
            && let Some((_, at)) = self.idle.pop_first()
        {
            let partition = &mut self.partitions[at];
            set_aside(&partition.appender, partition.next_sequence, &self.context);
            partition.next_sequence += 1;
        }
    }
}

impl TableWriter {
    fn new(table: Table, options: &WriteOptions) -> Result<Self> {
        let FileLayout { kept, schema, descriptor } = FileLayout::new(table, &options.partition_by)?;
        let properties = writer_properties(table, options.compression)?;
        let codec = codec(options.compression)?;
        let mut leaves = (0..descriptor.num_columns()).peekable();
        let columns: Vec<_> = kept
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let column = &table.columns()[*column];
                let first = leaves.peek().copied().ok_or_else(|| Error::internal("a column without leaves"))?;
                let mut count = 0;
                while leaves.next_if(|leaf| descriptor.get_column_root_idx(*leaf) == at).is_some() {
                    count += 1;
                }
                let text = || TextColumn {
                    descriptor: descriptor.column(first),
                    codec,
                    has_bloom_filter: has_bloom_filter(column),
                    has_bounds: has_bounds(column),
                };
                Ok(match column.kind {
                    Kind::Text | Kind::Json if column.is_dictionary_encoded() => KeptColumn::Dictionary(text()),
                    Kind::Text | Kind::Json => KeptColumn::Text(text()),
                    _ => KeptColumn::Other { field: Arc::clone(&schema.fields()[at]), leaves: count },
                })
            })
            .collect::<Result<_>>()?;
        let other = columns.iter().filter_map(|column| match column {
            KeptColumn::Other { field, .. } => Some(Arc::clone(field)),
            KeptColumn::Dictionary(_) | KeptColumn::Text(_) => None,
        });
        let other = Arc::new(Schema::new(other.collect::<Vec<_>>()));
        let other_descriptor = ArrowSchemaConverter::new().convert(&other).map_err(Error::internal)?;
        // The factory takes schema and properties from a writer; this one never writes.
        let template =
            SerializedFileWriter::new(Vec::new(), other_descriptor.root_schema_ptr(), Arc::clone(&properties))
                .map_err(Error::internal)?;
        let factory = ArrowRowGroupWriterFactory::new(&template, other);
        let parquet_schema = descriptor.root_schema_ptr();
        let format = Arc::new(PartFormat {
            disk: Disk::new(options.faults.clone()),
            parquet_schema,
            properties,
            target_part_bytes: options.target_part_bytes,
        });
        Ok(Self { lanes: lanes(table, &kept), format, factory, columns, kept })
    }

    fn open_row_group(
        &self,
        appender: &Arc<Mutex<PartAppender>>,
        sequence: u64,
        context: &Arc<EncodeContext>,
    ) -> Result<OpenRowGroup> {
        let mut leaf_writers = self.factory.create_column_writers(0).map_err(Error::internal)?.into_iter();
        let writers = self.columns.iter().map(|column| {
            Ok(match column {
                KeptColumn::Dictionary(text) => ColumnWriter::Dictionary(Box::new(DictionaryWriter::new(text.clone()))),
                KeptColumn::Text(column) => ColumnWriter::Text(Box::new(TextWriter::new(column.clone())?)),
                KeptColumn::Other { field, leaves } => {
                    ColumnWriter::Other(Arc::clone(field), leaf_writers.by_ref().take(*leaves).collect())
                }
            })
        });
        let (appender, context) = (Arc::clone(appender), Arc::clone(context));
        Ok(OpenRowGroup::new(writers.collect::<Result<_>>()?, &self.lanes, appender, sequence, context))
    }
}

/// Distributes the kept columns of a table: long text gets its own lane, the others share lanes. A lane's columns are
/// positions among the kept ones.
fn lanes(table: Table, kept: &[usize]) -> Vec<Vec<usize>> {
    const COLUMNS_PER_LANE: usize = 12;
    const HEAVY: [&str; 3] = ["request_parameters", "response_elements", "additional_event_data"];
    let is_heavy = |at: &usize| table == Table::Events && HEAVY.contains(&table.columns()[kept[*at]].name);
    let (heavy, light): (Vec<_>, Vec<_>) = (0..kept.len()).partition(is_heavy);
    let mut lanes: Vec<_> = heavy.into_iter().map(|at| vec![at]).collect();
    lanes.extend(light.chunks(COLUMNS_PER_LANE).map(<[usize]>::to_vec));
    lanes
}
