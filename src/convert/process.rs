//! What the operating system reports about this process.
//!
//! In: nothing. Out: numbers, or nothing where the system does not report them without unsafe code, which is everywhere
//! but on Linux. Never: an error; a report can do without them.

/// Peak resident set size of this process; only Linux reports it without unsafe code.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}
