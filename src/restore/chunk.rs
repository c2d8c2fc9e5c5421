//! A piece of a part to events, a chunk at a time.
//!
//! In: a piece. Out: chunks of events, in the order of its rows. Never: a chunk much larger than it has to be: others wait
//! in memory for their turn.

use std::sync::mpsc::SyncSender;

use super::filter::Filter;
use super::json::{EventShape, EventWriter};
use super::key::{FolderKey, FolderKeyColumns, FolderKeys};
use super::part::{Part, RowSlice};
use crate::error::{Error, Result};
use crate::lake::file::damaged;

/// Bytes of events from which on a chunk is passed on.
pub(super) const CHUNK_BYTES: usize = 512 << 10;

/// Events as JSON, each followed by a line end.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) json: Vec<u8>,
    pub(super) events: Vec<ChunkEvent>,
    /// Keys of the events, if they were asked for.
    pub(super) keys: Vec<FolderKey>,
}

/// An event of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkEvent {
    /// Where its line ends.
    pub(super) end: usize,
    /// Milliseconds since 1970.
    pub(super) time: i64,
    /// Index of its key.
    pub(super) key: u32,
}

/// Writes the events of a piece, until the receiver is gone.
pub(super) struct PieceWriter<'w> {
    pub(super) part: &'w Part,
    pub(super) filter: &'w Filter,
    pub(super) shape: &'w std::sync::Arc<EventShape>,
    /// Whether keys of events are wanted.
    pub(super) has_keys: bool,
    pub(super) sender: &'w SyncSender<Result<Chunk>>,
}

impl PieceWriter<'_> {
    /// Reads the piece and sends its events.
    ///
    /// # Errors
    ///
    /// [`LakeInvalid`](crate::ErrorKind::LakeInvalid) when the part is damaged.
    pub(super) fn write(&self, piece: &RowSlice) -> Result<()> {
        let source = self.part.task.folder.source();
        let mut writer = EventWriter::new(self.shape.clone(), source.as_deref());
        let mut keys = FolderKeys::default();
        let mut chunk = Chunk::default();
        for batch in self.part.read(piece, self.filter)? {
            let batch = batch.map_err(|error| self.damaged(error))?;
            let rows = writer.rows(&batch).ok_or_else(|| self.damaged("a column is not what it should be"))?;
            let key_columns = self.has_keys.then(|| FolderKeyColumns::of(&batch));
            for row in 0..batch.num_rows() {
                let written = writer.push(&rows, row, &mut chunk.json);
                written.ok_or_else(|| self.damaged("a value of `unmapped` is not what it should be"))?;
                chunk.json.push(b'\n');
                let key_of = |columns: &FolderKeyColumns<'_>| columns.key(row, rows.unmapped(row), &mut keys);
                let (time, key) = key_columns.as_ref().map(key_of).unwrap_or_default();
                chunk.events.push(ChunkEvent { end: chunk.json.len(), time, key });
                if chunk.json.len() >= CHUNK_BYTES && !self.send(&mut chunk, &mut keys) {
                    return Ok(());
                }
            }
        }
        if !chunk.events.is_empty() {
            self.send(&mut chunk, &mut keys);
        }
        Ok(())
    }

    /// `false` when the receiver is gone.
    fn send(&self, chunk: &mut Chunk, keys: &mut FolderKeys) -> bool {
        let mut full = std::mem::take(chunk);
        full.keys = keys.take();
        chunk.json.reserve(CHUNK_BYTES + CHUNK_BYTES / 8);
        self.sender.send(Ok(full)).is_ok()
    }

    fn damaged(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        damaged(&self.part.task.path, error)
    }
}
