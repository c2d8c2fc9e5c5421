//! Where the time of a run goes.
//!
//! In: work, as it is done. Out: the CPU time of all threads by stage, and that of the longest chain of tasks. Never: counts
//! waiting as work.

pub(crate) mod logical;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rayon::ThreadPool;
use rustix::time::{ClockId, clock_gettime};
use serde::{Serialize, Serializer};

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading archives.
    Read,
    /// Gunzip.
    Inflate,
    /// Hashing texts, to compare them with digest files.
    Verify,
    /// Parsing, flattening and sorting into partitions.
    Transform,
    /// Parquet pages: encoding and compression.
    Encode,
    /// Writing row groups to files.
    Write,
    /// Work done once for all archives: listing, sorting, recovery, distributing work, counting, bookkeeping, reading
    /// back, publishing. One thread does it, or some while nothing else runs. It limits how many cores pay off.
    Coordinate,
}

impl Stage {
    /// Every stage in flow order.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Inflate, Self::Verify, Self::Transform, Self::Encode, Self::Write, Self::Coordinate];

    /// Its key in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Inflate => "inflate",
            Self::Verify => "verify",
            Self::Transform => "transform",
            Self::Encode => "encode",
            Self::Write => "write",
            Self::Coordinate => "coordinate",
        }
    }
}

/// CPU time of the calling thread so far.
pub(crate) fn thread_cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Adds up the CPU time that threads spend in each stage: waiting for the disk, a store, a lock or a core does not
/// count.
#[derive(Debug, Default)]
pub struct StageClock {
    nanos: [AtomicU64; Stage::ALL.len()],
}

impl StageClock {
    /// Runs `work` and adds its CPU time to a stage. The system is asked twice, which takes up to a microsecond: work that
    /// is done for each small archive uses a `TaskClock`.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let before = thread_cpu_time();
        let result = work();
        self.add(stage, thread_cpu_time().saturating_sub(before));
        result
    }

    /// Runs work on the threads of an idle pool, and adds its CPU time to [`Stage::Coordinate`].
    pub(crate) fn coordinate<T: Send>(&self, pool: &ThreadPool, work: impl FnOnce() -> T + Send) -> T {
        let spent = || pool.broadcast(|_| thread_cpu_time()).iter().sum::<Duration>();
        let before = spent();
        let result = logical::install(pool, work);
        self.add(Stage::Coordinate, spent().saturating_sub(before));
        result
    }

    /// Adds time to a stage.
    pub fn add(&self, stage: Stage, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos[stage as usize].fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn ms(&self) -> StageTimes {
        StageTimes(self.nanos.each_ref().map(|nanos| nanos.load(Ordering::Relaxed) / 1_000_000))
    }
}

/// The stages of one task of one thread that switches between them too often to ask the system for its CPU time each
/// time.
///
/// Wall-clock time is cheap; the task's CPU time is asked for once. The difference was waiting: it is taken from reading
/// first, since little else waits, and from the rest in proportion.
#[derive(Debug)]
pub(crate) struct TaskClock<'c> {
    clock: &'c StageClock,
    cpu_before: Duration,
    wall: [Duration; Stage::ALL.len()],
}

impl<'c> TaskClock<'c> {
    pub(crate) fn new(clock: &'c StageClock) -> Self {
        Self { clock, cpu_before: thread_cpu_time(), wall: [Duration::ZERO; Stage::ALL.len()] }
    }

    /// Runs `work` as part of a stage.
    pub(crate) fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.wall[stage as usize] += start.elapsed();
        result
    }
}

impl Drop for TaskClock<'_> {
    fn drop(&mut self) {
        let cpu = thread_cpu_time().saturating_sub(self.cpu_before);
        let worked = without_waits(self.wall, cpu);
        Stage::ALL.into_iter().zip(worked).for_each(|(stage, time)| self.clock.add(stage, time));
    }
}

/// The time of each stage without waits, when all of them together had so much CPU time.
fn without_waits(wall: [Duration; Stage::ALL.len()], cpu: Duration) -> [Duration; Stage::ALL.len()] {
    let mut worked = wall;
    let read = &mut worked[Stage::Read as usize];
    *read = read.saturating_sub(wall.iter().sum::<Duration>().saturating_sub(cpu));
    let total = worked.iter().sum::<Duration>();
    if total > cpu {
        // Nothing is left of reading then.
        worked = worked.map(|time| time.mul_f64(cpu.as_secs_f64() / total.as_secs_f64()));
    }
    worked
}

/// Milliseconds by stage, in the order of [`Stage::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(pub [u64; Stage::ALL.len()]);

impl Serialize for StageTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Stage::ALL.into_iter().map(Stage::as_str).zip(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(300);

    pub(super) fn spin(time: Duration) {
        let start = thread_cpu_time();
        while thread_cpu_time() < start + time {}
    }

    #[test]
    fn waiting_is_not_work() {
        let clock = StageClock::default();
        clock.time(Stage::Write, || std::thread::sleep(WAIT));
        let mut task = TaskClock::new(&clock);
        task.time(Stage::Read, || std::thread::sleep(WAIT));
        task.time(Stage::Inflate, || spin(WAIT / 10));
        drop(task);
        let StageTimes(ms) = clock.ms();
        assert!(ms.iter().sum::<u64>() < 200 && ms[Stage::Inflate as usize] > 10, "{ms:?}");
    }

    #[test]
    fn work_on_an_idle_pool_counts_as_coordination() {
        let clock = StageClock::default();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
        let answer = clock.coordinate(&pool, || {
            rayon::join(|| spin(WAIT / 10), || spin(WAIT / 10));
            7
        });
        assert_eq!(answer, 7);
        let StageTimes(ms) = clock.ms();
        assert!(ms[Stage::Coordinate as usize] >= 59, "{ms:?}");
    }

    #[test]
    fn waits_are_taken_from_reading_first() {
        let wall = |read: u64, inflate: u64, transform: u64| {
            let mut wall = [Duration::ZERO; Stage::ALL.len()];
            for (stage, ms) in [(Stage::Read, read), (Stage::Inflate, inflate), (Stage::Transform, transform)] {
                wall[stage as usize] = Duration::from_millis(ms);
            }
            wall
        };
        let worked = |cpu| without_waits(wall(500, 100, 300), Duration::from_millis(cpu));
        // A task consists of more than its stages.
        assert_eq!(worked(1_000), wall(500, 100, 300));
        assert_eq!(worked(700), wall(300, 100, 300));
        assert_eq!(worked(400), wall(0, 100, 300));
        assert_eq!(worked(200), wall(0, 50, 150));
        assert_eq!(worked(0), wall(0, 0, 0));
        assert_eq!(without_waits(wall(0, 0, 0), Duration::ZERO), wall(0, 0, 0));
    }
}
