//! What the shell or the system asks a run to do by signals.
//!
//! In: signals. Out: a run that is asked to stop, and the signal that did. Never: work done in a handler.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use trailmill::report::Progress;

/// Signals as they come in.
pub(crate) struct Signals {
    /// The last that asked to stop.
    received: Arc<AtomicUsize>,
}

/// Signals that this process had to ignore when it began, a bit each; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

impl Signals {
    /// Lets a run end in good order when it is interrupted; a second signal ends it at once.
    ///
    /// # Errors
    ///
    /// When the system does not let handlers be set.
    pub(crate) fn that_stop(progress: &Progress) -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let ignored = ignored();
        // Who has to ignore a signal, because of `nohup` or by a shell in the background, goes on ignoring it.
        for signal in [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            flag::register_conditional_shutdown(signal, 128 + signal, progress.stop_flag())?;
            flag::register_usize(signal, Arc::clone(&received), usize::try_from(signal).unwrap_or_default())?;
            flag::register(signal, progress.stop_flag())?;
        }
        // Of a file that grows too large the process would die; with a handler, writing fails and says why.
        flag::register_usize(SIGXFSZ, Arc::new(AtomicUsize::new(0)), 0)?;
        Ok(Self { received })
    }

    /// The signal that asked the run to stop; 0 when none did.
    pub(crate) fn received(&self) -> u8 {
        u8::try_from(self.received.load(Ordering::Relaxed)).unwrap_or_default()
    }
}
