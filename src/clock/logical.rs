//! How long a run would take with any number of cores: the longest chain of tasks of which each waits for the one before.
//!
//! In: where tasks begin, and which results are waited for. Out: logical times. Never: counts waiting for a core, a disk or a
//! store.
//!
//! Each thread has a logical clock, which runs while the thread works. A task begins at the logical time of whoever spawned
//! it; whoever uses its result waits until the logical time at which it ended. (Work and span, as in Cormen and others,
//! Introduction to Algorithms, chapter on parallel algorithms.)

use std::cell::Cell;
use std::time::Duration;

use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::thread_cpu_time;

/// CPU time of the longest chain of tasks up to some point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogicalTime(Duration);

thread_local! {
    /// The logical time of the thread when it had used so much CPU time.
    static CLOCK: Cell<(Duration, Duration)> = const { Cell::new((Duration::ZERO, Duration::ZERO)) };
}

impl LogicalTime {
    /// That of the current thread.
    pub(crate) fn now() -> Self {
        Self::at(thread_cpu_time())
    }

    /// That of the current thread when it has used so much CPU time.
    fn at(cpu: Duration) -> Self {
        let (time, cpu_before) = CLOCK.get();
        Self(time + cpu.saturating_sub(cpu_before))
    }

    /// Lets the current thread go on at this time, or at its own when that is later.
    pub(crate) fn wait(self) {
        let cpu = thread_cpu_time();
        CLOCK.set((self.max(Self::at(cpu)).0, cpu));
    }

    /// How much later it is than another.
    pub(crate) fn since(self, start: Self) -> Duration {
        self.0.saturating_sub(start.0)
    }

    /// Runs a task that begins at this time on the current thread, whose own clock stands still: the result, and the time at
    /// which it ended.
    pub(crate) fn run<R>(self, task: impl FnOnce() -> R) -> (R, Self) {
        let cpu = thread_cpu_time();
        let outer = Self::at(cpu);
        CLOCK.set((self.0, cpu));
        let result = task();
        let cpu = thread_cpu_time();
        let end = Self::at(cpu);
        CLOCK.set((outer.0, cpu));
        (result, end)
    }
}

/// Runs work on a pool and waits for it.
pub(crate) fn install<T: Send>(pool: &ThreadPool, work: impl FnOnce() -> T + Send) -> T {
    let start = LogicalTime::now();
    let (result, end) = pool.install(|| start.run(work));
    end.wait();
    result
}

/// Works on all items at once, on the current thread pool: the results in the order of the items.
pub(crate) fn map<T: Send, R: Send>(
    items: impl IntoParallelIterator<Item = T, Iter: rayon::iter::IndexedParallelIterator>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let start = LogicalTime::now();
    let ((results, end), _) = start.run(|| {
        let ended = items.into_par_iter().map(|item| start.run(|| work(item)));
        let (results, ends): (Vec<R>, Vec<LogicalTime>) = ended.unzip();
        (results, ends.into_iter().max().unwrap_or(start))
    });
    end.wait();
    results
}

#[cfg(test)]
mod tests {
    use super::super::tests::spin;
    use super::*;

    const TASK: Duration = Duration::from_millis(30);

    /// Whether something took about so many tasks' time.
    #[track_caller]
    fn took(start: LogicalTime, tasks: u32) {
        let passed = LogicalTime::now().since(start);
        assert!(passed >= TASK * tasks && passed < TASK * (tasks + 1), "{passed:?} of {tasks}");
    }

    #[test]
    fn a_chain_is_as_long_as_its_tasks() {
        let start = LogicalTime::now();
        spin(TASK);
        let ((), end) = LogicalTime::now().run(|| spin(TASK));
        took(start, 1);
        end.wait();
        took(start, 2);
        std::thread::sleep(TASK);
        start.wait();
        took(start, 2);
    }

    #[test]
    fn tasks_beside_each_other_count_once() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
        let start = LogicalTime::now();
        let numbers = install(&pool, || {
            spin(TASK);
            map((0..8).collect::<Vec<u32>>(), |number| {
                spin(if number == 3 { TASK * 2 } else { TASK });
                number
            })
        });
        assert!(numbers.into_iter().eq(0..8));
        took(start, 3);
    }
}
