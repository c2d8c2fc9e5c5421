//! Files in order, on all threads.
//!
//! In: the files to read, and what to do with each. Out: the results, in order. Never: waits for an object that could have
//! been requested before: small ones are fetched ahead.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::input::{Archive, LARGE_BYTES};
use crate::store::Prefetcher;

/// Files that are considered together; their names are kept meanwhile.
const CHUNK: usize = 4_096;

/// Bytes that are fetched ahead.
const AHEAD_BYTES: u64 = 16 << 20;

/// Reads files on the current thread pool. `read` gets the position of a file and, if it is `wanted` and an object, usually
/// its bytes; they are taken in order, so that what is fetched ahead is what is needed next.
pub(super) fn read_in_order<R: Send>(
    files: &[&Archive],
    wanted: impl Fn(usize) -> bool + Sync,
    read: impl Fn(usize, Option<io::Result<Bytes>>) -> R + Sync,
) -> Vec<R> {
    let mut results = Vec::with_capacity(files.len());
    for (first, chunk) in (0..).step_by(CHUNK).zip(files.chunks(CHUNK)) {
        let version = |(at, archive): (usize, &&Archive)| {
            let is_fetched = archive.bytes < LARGE_BYTES && wanted(first + at);
            is_fetched.then(|| archive.version()).flatten()
        };
        let prefetcher = Prefetcher::of(chunk.iter().enumerate().map(version).collect(), AHEAD_BYTES);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(chunk.len())));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= chunk.len() {
                    return;
                }
                let fetched = prefetcher.as_ref().and_then(|prefetcher| prefetcher.take(at));
                let result = read(first + at, fetched);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
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
        results.extend(done.into_iter().map(|(_, result)| result));
    }
    results
}
