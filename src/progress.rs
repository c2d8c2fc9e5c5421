//! The progress line.
//!
//! In: live numbers. Out: one line on stderr while a run goes on, gone when it ends. Never: shown when stderr is no
//! terminal; nothing else knows it exists.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailmill::report::Progress;

const REDRAW: Duration = Duration::from_millis(100);

/// Draws until it is dropped.
pub(crate) struct ProgressLine {
    /// Dropping the sender ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressLine {
    /// Starts to draw, when stderr is a terminal and `is_wanted`.
    pub(crate) fn start(progress: &Arc<Progress>, is_wanted: bool) -> Self {
        if !is_wanted || !std::io::stderr().is_terminal() {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = channel::<()>();
        let progress = Arc::clone(progress);
        let thread = std::thread::spawn(move || {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let template = "{spinner} {elapsed_precise} {wide_bar} {percent}%  {msg}";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                let load = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
                let (done, total) = (load(&progress.compressed_bytes_done), load(&progress.compressed_bytes_total));
                if total > 0 {
                    bar.set_length(total);
                    bar.set_position(done);
                }
                bar.set_message(format!(
                    "{} of {} archives, {} events, {}",
                    HumanCount(load(&progress.archives_done)),
                    HumanCount(load(&progress.archives_total)),
                    HumanCount(load(&progress.events)),
                    HumanBytes(done),
                ));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A broken progress line is no reason to fail a run.
            let _ = thread.join();
        }
    }
}
