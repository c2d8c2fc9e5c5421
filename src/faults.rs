//! Faults at a chosen change on disk, so that tests can examine what a dying machine or a full disk leaves behind.
//!
//! In: a fault such as `signal 17 9`. Out: the [`FaultInjector`] for it. Never: a fault in an optimised build.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use trailmill::disk::{Effect, FaultInjector};

/// The effect of a fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process gets a signal.
    Signal(i32),
    /// The change fails with an error of the operating system.
    Error(i32),
    /// The disk is full from then on.
    Full,
}

#[derive(Debug)]
struct FaultAt {
    /// Number of the change, from 1.
    number: u64,
    fault: Fault,
    changes: AtomicU64,
}

const NO_SPACE_LEFT: i32 = 28;

/// Parses a fault: `signal N SIGNAL`, `error N ERRNO` or `full N`, at the Nth change.
pub(crate) fn parse(fault: &str) -> Option<Arc<dyn FaultInjector>> {
    let words: Vec<&str> = fault.split(' ').collect();
    let (fault, number) = match words.as_slice() {
        ["signal", number, signal] => (Fault::Signal(signal.parse().ok()?), number),
        ["error", number, error] => (Fault::Error(error.parse().ok()?), number),
        ["full", number] => (Fault::Full, number),
        _ => return None,
    };
    Some(Arc::new(FaultAt { number: number.parse().ok()?, fault, changes: AtomicU64::new(0) }))
}

impl FaultInjector for FaultAt {
    fn before(&self, effect: Effect, _path: &Path) -> io::Result<()> {
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault {
            Fault::Signal(signal) if number == self.number => signal_hook::low_level::raise(signal),
            Fault::Error(error) if number == self.number => Err(io::Error::from_raw_os_error(error)),
            Fault::Full
                if number >= self.number
                    && matches!(effect, Effect::CreateFolder | Effect::CreateFile | Effect::Write) =>
            {
                Err(io::Error::from_raw_os_error(NO_SPACE_LEFT))
            }
            _ => Ok(()),
        }
    }
}
