//! Archives looked at and not written.
//!
//! In: the same archives as of a conversion. Out: whoever observes is told of their rows and verdicts, in the order of the
//! archives. Never: a lake, or an observer that was told of rows which turned out to be worthless.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::ending::Ending;
use super::run::{Run, Shared};
use super::worklist::open_containers;
use super::{expect_archives, find_archives};
use crate::config::Config;
use crate::error::Result;
use crate::input::{Search, Worthless};
use crate::pool::thread_pool;
use crate::report::{Progress, StageClock, Summary};
use crate::rows::{Batch, Verdict};
use crate::store::{Session, Stop};

/// Is told of rows and archives.
pub(crate) trait Observer {
    /// Rows of a table. An archive's rows come before its verdict.
    ///
    /// # Errors
    ///
    /// When the rows are not what their table declares, which is a bug.
    fn see_rows(&mut self, batch: &Batch) -> Result<()>;

    /// What an archive is, and how it ended.
    fn see_archive(&mut self, verdict: &Verdict);
}

/// Converts archives for an observer alone; nothing is written, and no event is compared with another.
///
/// # Errors
///
/// Inputs that cannot be listed or that are no more, and whoever asked to stop.
pub(crate) fn observe<O: Observer>(
    config: &Config,
    progress: &Progress,
    new_observer: impl Fn() -> O,
) -> Result<(Summary, O)> {
    let started = Instant::now();
    let clock = Arc::new(StageClock::default());
    let pool = Arc::new(thread_pool(config.threads)?);
    let session = Session::new(&config.store).stopped_by(Stop::default().or_when(progress.stop_flag()));
    let session = session.watched_by(progress.waits());
    let search = Search { lake: None, selection: &config.selection, session: &session, is_new: &|_| true };
    let folder = config.scratch.clone().unwrap_or_default();
    let found = find_archives(config, progress, (&pool, &clock), &search, &folder, &mut Summary::default())?;
    let archives = Arc::new(pool.install(|| open_containers(found, |_| true, &config.selection)));
    expect_archives(progress, &archives);
    let step = &(0..archives.len());
    let mut refused: Arc<HashMap<usize, Worthless>> = Arc::default();
    loop {
        let mut summary = Summary::default();
        summary.archives.seen = archives.len() as u64;
        let mut observer = new_observer();
        let (clock, pool, archives) = (&clock, &pool, &archives);
        let (claims, replacement, proofs) = (None, None, None);
        let session = &session;
        let shared = Shared { config, progress, session, clock, pool, archives, step, claims, replacement, proofs };
        let run = Run::new(shared, None, Arc::clone(&refused))?.observed_by(&mut observer);
        match run.convert_all(&mut summary)? {
            Ending::Refused(found) => Arc::make_mut(&mut refused).extend(found),
            Ending::Counted | Ending::Staged(_) => {
                summary.close(started, clock, None);
                return Ok((summary, observer));
            }
        }
        progress.go_back_to(&Summary::default());
    }
}
