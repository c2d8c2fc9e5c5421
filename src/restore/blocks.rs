//! Growing text, in blocks of one size that are reused.
//!
//! In: bytes to append. Out: any range of them. Never: more memory than its bytes take plus one block: buffers
//! that double when they are full take twice as much, and fragment the heap.

use std::ops::Range;
use std::sync::Arc;

use crate::pool::Pool;

/// Bytes of a block.
const BLOCK_BYTES: usize = 16 << 10;

/// Idle blocks.
pub(super) type IdleBlocks = Arc<Pool<Vec<u8>>>;

/// Bytes in blocks.
pub(super) struct Blocks {
    used: Vec<Vec<u8>>,
    bytes: usize,
    idle: IdleBlocks,
}

impl Blocks {
    pub(super) fn new(idle: &IdleBlocks) -> Self {
        Self { used: Vec::new(), bytes: 0, idle: Arc::clone(idle) }
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes
    }

    /// Its memory in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.used.len() * BLOCK_BYTES
    }

    /// Appends bytes.
    pub(super) fn extend(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            match self.used.last_mut().filter(|block| block.len() < BLOCK_BYTES) {
                Some(block) => {
                    let (fitting, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - block.len()));
                    block.extend_from_slice(fitting);
                    bytes = rest;
                }
                None => self.used.push(self.idle.take().unwrap_or_else(|| Vec::with_capacity(BLOCK_BYTES))),
            }
        }
    }

    /// Appends a range of the bytes to `out`.
    pub(super) fn copy(&self, mut range: Range<usize>, out: &mut Vec<u8>) {
        while let Some(block) = self.used.get(range.start / BLOCK_BYTES).filter(|_| !range.is_empty()) {
            let start = range.start % BLOCK_BYTES;
            let end = (start + range.len()).min(block.len());
            out.extend_from_slice(&block[start..end]);
            range.start += end - start;
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for mut block in self.used.drain(..) {
            block.clear();
            self.idle.give(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_from_reused_blocks() {
        let idle = IdleBlocks::default();
        for round in 0..3_u32 {
            let bytes: Vec<u8> = (0..100_000_u32).map(|at| ((at * 7 + round) % 251) as u8).collect();
            let mut blocks = Blocks::new(&idle);
            bytes.chunks(7_000).for_each(|chunk| blocks.extend(chunk));
            assert_eq!((blocks.len(), blocks.memory()), (100_000, 7 * BLOCK_BYTES));
            for range in [0..0, 0..1, 5..100_000, BLOCK_BYTES - 1..BLOCK_BYTES + 1, BLOCK_BYTES..3 * BLOCK_BYTES] {
                let mut out = Vec::new();
                blocks.copy(range.clone(), &mut out);
                assert!(out == bytes[range.clone()], "{range:?}");
            }
        }
    }
}
