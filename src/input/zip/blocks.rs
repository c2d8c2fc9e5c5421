//! Bytes of a zip, read in blocks.
//!
//! In: a region, and positions in it. Out: the bytes there. Never: a read for every few bytes, since the region may be an
//! object of S3.

use std::io;
use std::ops::Range;

use memchr::memmem;

use crate::input::region::{Region, RegionReader};

/// Bytes around a single record.
const RECORD_BLOCK: u64 = 4 << 10;
/// Bytes that are read at a time for a scan.
const SCAN_BLOCK: u64 = 256 << 10;
/// Bytes at the end of a stretch, where the end record usually is.
const END_BLOCK: u64 = 1 << 10;

/// Reads with random access.
#[derive(Debug)]
pub(super) struct BlockReader {
    reader: RegionReader,
    /// Bytes of the region.
    pub(super) bytes: u64,
    block: Vec<u8>,
    /// Where the block begins.
    start: u64,
}

impl BlockReader {
    pub(super) fn open(region: &Region) -> io::Result<Self> {
        Ok(Self { reader: region.open()?, bytes: region.bytes, block: Vec::new(), start: 0 })
    }

    /// This many bytes from a position on; fewer at the end of the region.
    pub(super) fn record(&mut self, at: u64, bytes: usize) -> io::Result<&[u8]> {
        let end = at.saturating_add(bytes as u64);
        self.get(at..end, at..end.max(at.saturating_add(RECORD_BLOCK)))
    }

    /// As [`BlockReader::record`], for sequential reading.
    pub(super) fn ahead(&mut self, at: u64, bytes: usize) -> io::Result<&[u8]> {
        let end = at.saturating_add(bytes as u64);
        self.get(at..end, at..end.max(at.saturating_add(SCAN_BLOCK)))
    }

    /// The bytes of a range; fewer at the end of the region. If they are not buffered, the surrounding range is
    /// read.
    fn get(&mut self, wanted: Range<u64>, around: Range<u64>) -> io::Result<&[u8]> {
        let clip = |range: Range<u64>| range.start.min(self.bytes)..range.end.min(self.bytes);
        let (wanted, around) = (clip(wanted), clip(around));
        if wanted.start < self.start || wanted.end > self.start + self.block.len() as u64 {
            self.block.resize(offset(around.end - around.start), 0);
            let read = self.reader.read_all_at(around.start, &mut self.block)?;
            self.block.truncate(read);
            self.start = around.start;
        }
        // A file may have been truncated since it was found.
        let place = |at: u64| offset(at - self.start).min(self.block.len());
        Ok(&self.block[place(wanted.start)..place(wanted.end)])
    }

    /// The first position of a signature in a stretch.
    pub(super) fn find(&mut self, signature: [u8; 4], stretch: Range<u64>) -> io::Result<Option<u64>> {
        let finder = memmem::Finder::new(&signature);
        let mut at = stretch.start;
        while at < stretch.end {
            let end = stretch.end.min(at.saturating_add(SCAN_BLOCK));
            let searched = self.get(at..end.saturating_add(3), at..end.saturating_add(3).max(at + RECORD_BLOCK))?;
            if let Some(found) = finder.find(searched) {
                return Ok(Some(at + found as u64));
            }
            at = end;
        }
        Ok(None)
    }

    /// The last position of a signature in a stretch.
    pub(super) fn find_last(&mut self, signature: [u8; 4], stretch: Range<u64>) -> io::Result<Option<u64>> {
        let finder = memmem::FinderRev::new(&signature);
        let (mut end, mut bytes) = (stretch.end, END_BLOCK);
        while end > stretch.start {
            let start = end.saturating_sub(bytes).max(stretch.start);
            let around = end.saturating_sub(bytes.max(RECORD_BLOCK));
            let searched = self.get(start..end.saturating_add(3), around..end.saturating_add(3))?;
            if let Some(found) = finder.rfind(searched) {
                return Ok(Some(start + found as u64));
            }
            (end, bytes) = (start, SCAN_BLOCK);
        }
        Ok(None)
    }
}

/// A distance within a block.
fn offset(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}
