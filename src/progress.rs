//! The progress line, and lines about waits.
//!
//! In: live numbers. Out: one line on stderr during a run, removed at its end; if stderr is not a terminal, only waits.
//! Never: a line in a quiet run; nothing else depends on it.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::mem::Discriminant;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailmill::report::{Awaited, Progress};

use crate::terminal;

const REDRAW: Duration = Duration::from_millis(100);

/// The interval after which a wait is shown again.
const SHOW_AGAIN: Duration = Duration::from_secs(30);

/// A run that is alive sends a heartbeat within this time.
const SOON_HEARD: Duration = Duration::from_secs(6);

/// Draws until it is dropped.
pub(crate) struct ProgressLine {
    /// Dropping the sender ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressLine {
    /// Starts to draw, when stderr is a terminal and `is_wanted`; otherwise only reports waits.
    pub(crate) fn start(progress: &Arc<Progress>, is_wanted: bool, is_quiet: bool) -> Self {
        if is_quiet {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = channel::<()>();
        let progress = Arc::clone(progress);
        let draw = if is_wanted && std::io::stderr().is_terminal() { draw } else { show_waits };
        let thread = std::thread::spawn(move || draw(&progress, &stopped));
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// Runs work, and removes the line at its end.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> T) -> T {
        let done = work();
        drop(self);
        done
    }
}

fn draw(progress: &Progress, stopped: &Receiver<()>) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{spinner} {elapsed_precise} {wide_bar} {percent}%  {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut shown = ShownWaits::default();
    while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
        if let Some(line) = shown.next(progress) {
            bar.suspend(|| terminal::waiting(&line));
        }
        let load = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let (done, total) = (load(&progress.compressed_bytes_done), load(&progress.compressed_bytes_total));
        if total > 0 {
            bar.set_length(total);
            bar.set_position(done);
        }
        bar.set_message(format!(
            "archives {} of {}, events {}, {}",
            HumanCount(load(&progress.archives_done)),
            HumanCount(load(&progress.archives_total)),
            HumanCount(load(&progress.events)),
            HumanBytes(done),
        ));
        bar.tick();
    }
    bar.finish_and_clear();
}

fn show_waits(progress: &Progress, stopped: &Receiver<()>) {
    let mut shown = ShownWaits::default();
    while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
        if let Some(line) = shown.next(progress) {
            terminal::waiting(&line);
        }
    }
}

/// Which waits were shown, and when.
#[derive(Default)]
struct ShownWaits(HashMap<Discriminant<Awaited>, Instant>);

impl ShownWaits {
    /// The message about a wait: when it has become relevant, and again when it goes on.
    fn next(&mut self, progress: &Progress) -> Option<String> {
        let wait = progress.waiting()?;
        let least = match wait.what {
            // A run that is alive sends a heartbeat soon.
            Awaited::SilentRun => SOON_HEARD.min(wait.until.saturating_duration_since(wait.since) / 2),
            _ => Duration::from_secs(1),
        };
        let kind = std::mem::discriminant(&wait.what);
        let is_shown = self.0.get(&kind).is_some_and(|shown| shown.elapsed() < SHOW_AGAIN);
        if wait.since.elapsed() < least || is_shown {
            return None;
        }
        self.0.insert(kind, Instant::now());
        Some(terminal::describe_wait(&wait))
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A failed progress line does not fail a run.
            let _ = thread.join();
        }
    }
}
