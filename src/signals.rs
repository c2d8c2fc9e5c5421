//! Signals from the shell or the system.
//!
//! In: signals. Out: a run that is asked to stop, and the signal. Never: work done in a handler.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use trailmill::report::Progress;

/// Signals as they arrive.
pub(crate) struct Signals {
    /// The last one that asked to stop.
    received: Arc<AtomicUsize>,
}

/// Signals that were ignored when this process began, a bit each; none where the system does not report them.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

impl Signals {
    /// Lets an interrupted run end cleanly; a second signal ends it at once.
    ///
    /// # Errors
    ///
    /// When the system does not allow handlers to be set.
    pub(crate) fn that_stop(progress: &Progress) -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let ignored = ignored();
        // Signals that are ignored, because of `nohup` or a background shell, stay ignored.
        for signal in [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            flag::register_conditional_shutdown(signal, 128 + signal, progress.stop_flag())?;
            flag::register_usize(signal, Arc::clone(&received), usize::try_from(signal).unwrap_or_default())?;
            flag::register(signal, progress.stop_flag())?;
        }
        // The process would die of a file that grows too large; with a handler, writing fails with an error.
        flag::register_usize(SIGXFSZ, Arc::new(AtomicUsize::new(0)), 0)?;
        Ok(Self { received })
    }

    /// The signal that asked the run to stop; 0 when none did.
    pub(crate) fn received(&self) -> u8 {
        u8::try_from(self.received.load(Ordering::Relaxed)).unwrap_or_default()
    }
}
