//! Default limits that requests share.
//!
//! In: nothing. Out: bytes and threads, each with its reason. Never: a limit of a single command.

/// Bytes in a mebibyte.
pub const MIB: u64 = 1 << 20;

/// Minimum memory of a request, in bytes.
pub(crate) const MIN_MEMORY: u64 = 64 * MIB;

/// Default memory of a request, in bytes.
pub(crate) const MEMORY: u64 = 192 * MIB;

/// Maximum size of an inflated archive, in bytes: CloudTrail closes files at 50 MB compressed, and JSON seldom deflates better
/// than 100:1.
pub(crate) const INFLATED_BYTES: u64 = 16 << 30;

/// Worker threads: one for each core.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
