//! Files in order, on all threads.
//!
//! In: the files to read, and what to do with each. Out: the results, in order. Never: waits for an object that could have
//! been requested before: small ones are fetched ahead.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::input::{Archive, LARGE_BYTES};
use crate::pool::lock;
use crate::store::Prefetcher;

/// Files that are considered together; their names are kept meanwhile.
const CHUNK: usize = 4_096;

/// Bytes that are fetched ahead.
pub(super) const AHEAD_BYTES: u64 = 16 << 20;

/// Reads this many files on the current thread pool. `read` gets the position of a file and, if it is `wanted` and an object,
/// usually its bytes; they are taken in order, so that what is fetched ahead is what is needed next. `take` gets the results,
/// in order; only those of the files that are considered together are kept until then.
pub(super) fn read_in_order<'a, R: Send>(
    count: usize,
    file: impl Fn(usize) -> &'a Archive,
    ahead_bytes: u64,
    wanted: impl Fn(usize) -> bool,
    read: impl Fn(usize, Option<io::Result<Bytes>>) -> R + Sync,
    mut take: impl FnMut(R),
) {
    for first in (0..count).step_by(CHUNK) {
        let chunk = first..count.min(first + CHUNK);
        let version = |at: usize| {
            let archive = Some(file(at)).filter(|archive| archive.bytes < LARGE_BYTES)?;
            archive.version().filter(|_| wanted(at))
        };
        let prefetcher = Prefetcher::of(chunk.clone().map(version).collect(), ahead_bytes);
        let (next, done) = (AtomicUsize::new(chunk.start), Mutex::new(Vec::with_capacity(chunk.len())));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= chunk.end {
                    return;
                }
                let fetched = prefetcher.as_ref().and_then(|prefetcher| prefetcher.take(at - first));
                let result = read(at, fetched);
                lock(&done).push((at, result));
            }
        };
        rayon::scope(|scope| {
            for _ in 1..rayon::current_num_threads() {
                scope.spawn(|_| work());
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(at, _)| *at);
        for (_, result) in done {
            take(result);
        }
    }
}
