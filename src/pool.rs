//! Threads, tasks that follow each other on them, and expensive resources that are kept from one task to the next.
//!
//! In: tasks, and resources that a task no longer needs. Out: the same resources for another task, whichever comes first. Never:
//! creates one itself, or shares one between two tasks.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::clock::logical::LogicalTime;
use crate::error::{Error, Result};

/// The worker threads of a request.
///
/// # Errors
///
/// When the system cannot start more threads.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool> {
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("trailmill-{index}"));
    builder.build().map_err(Error::internal)
}

/// Runs the work of a task. A panic is a bug, and an error like others: it neither ends the process nor leaves another thread
/// waiting for the result. The state that the work has changed must not be used afterwards.
///
/// # Errors
///
/// A panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Error::internal("a task panicked; please report it"))
}

/// Locks, also after a panic elsewhere: the state behind these locks is replaced as a whole or not at all.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs tasks that wait for something, a few at once on threads of their own; the results in order.
///
/// # Errors
///
/// The first error; no further tasks are begun then.
pub(crate) fn at_once<T: Send>(most: usize, count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..count.min(most) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    match caught(|| work(at)).flatten() {
                        Ok(result) => lock(&done).push((at, result)),
                        Err(error) => {
                            next.store(count, Ordering::Relaxed);
                            lock(&failed).get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Tasks that work on one state, one after the other, on the threads of a pool.
pub(crate) struct Strand<S> {
    queue: Mutex<StrandQueue<S>>,
    /// Whenever a task is done.
    advanced: Condvar,
}

type StrandTask<S> = Box<dyn FnOnce(&mut S) -> Result<()> + Send>;

struct StrandQueue<S> {
    /// Nothing while a task works on it, and after one that panicked.
    state: Option<S>,
    /// Each with the time at which it may begin.
    tasks: VecDeque<(StrandTask<S>, LogicalTime)>,
    is_running: bool,
    /// When the last task was done.
    done: LogicalTime,
    /// The first error of any task.
    error: Option<Error>,
}

impl<S: Send + 'static> Strand<S> {
    pub(crate) fn new(state: S) -> Arc<Self> {
        let (tasks, done) = (VecDeque::new(), LogicalTime::default());
        let queue = StrandQueue { state: Some(state), tasks, is_running: false, done, error: None };
        Arc::new(Self { queue: Mutex::new(queue), advanced: Condvar::new() })
    }

    /// Adds a task, which may begin at a time. It never is after one that has panicked.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        pool: &ThreadPool,
        start: LogicalTime,
        task: impl FnOnce(&mut S) -> Result<()> + Send + 'static,
    ) {
        let mut queue = lock(&self.queue);
        queue.tasks.push_back((Box::new(task), start));
        if !std::mem::replace(&mut queue.is_running, true) {
            drop(queue);
            let strand = Arc::clone(self);
            pool.spawn(move || strand.run());
        }
    }

    fn run(&self) {
        let mut queue = lock(&self.queue);
        while let Some((task, start)) = queue.tasks.pop_front() {
            let Some(mut state) = queue.state.take() else { continue };
            let start = queue.done.max(start);
            drop(queue);
            let (result, done) = start.run(|| caught(|| task(&mut state)));
            queue = lock(&self.queue);
            queue.done = done;
            // What a panic has left of the state must not be used.
            queue.state = result.is_ok().then_some(state);
            if let Err(error) = result.flatten() {
                queue.error.get_or_insert(error);
            }
            self.advanced.notify_all();
        }
        queue.is_running = false;
        self.advanced.notify_all();
    }

    /// Waits until at most so many tasks are not begun.
    ///
    /// # Errors
    ///
    /// The first error of a task.
    pub(crate) fn wait_below(&self, most: usize) -> Result<()> {
        self.wait_while(|queue| queue.tasks.len() > most).error.take().map_or(Ok(()), Err)
    }

    /// Waits until all tasks are done, whatever went wrong.
    pub(crate) fn wait(&self) {
        drop(self.wait_while(|queue| queue.is_running));
    }

    /// Waits until all tasks are done; the state.
    ///
    /// # Errors
    ///
    /// The first error of a task.
    pub(crate) fn finish(&self) -> Result<S> {
        let mut queue = self.wait_while(|queue| queue.is_running);
        queue.done.wait();
        match queue.error.take() {
            Some(error) => Err(error),
            None => queue.state.take().ok_or_else(|| Error::internal("a task panicked before")),
        }
    }

    fn wait_while(&self, mut is_busy: impl FnMut(&StrandQueue<S>) -> bool) -> MutexGuard<'_, StrandQueue<S>> {
        let queue = self.advanced.wait_while(lock(&self.queue), |queue| is_busy(queue));
        queue.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Idle resources.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Takes one out, if there is any.
    pub(crate) fn take(&self) -> Option<T> {
        lock(&self.0).pop()
    }

    /// Returns one.
    pub(crate) fn give(&self, idle: T) {
        lock(&self.0).push(idle);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn tasks_of_a_strand_follow_each_other() {
        let pool = thread_pool(3).unwrap();
        let strands: Vec<_> = (0..3).map(|_| Strand::new(Vec::new())).collect();
        for number in 0..300 {
            for strand in &strands {
                strand.spawn(&pool, LogicalTime::default(), move |numbers| {
                    numbers.push(number);
                    Ok(())
                });
                assert!(strand.wait_below(5).is_ok());
                assert!(lock(&strand.queue).tasks.len() <= 5);
            }
        }
        assert!(strands.iter().all(|strand| strand.finish().unwrap().into_iter().eq(0..300)));
    }

    #[test]
    fn the_first_error_of_a_strand_is_kept_and_nothing_follows_a_panic() {
        let pool = thread_pool(2).unwrap();
        let strand = Strand::new(0);
        for error in ["one", "two"] {
            strand.spawn(&pool, LogicalTime::default(), move |number| {
                *number += 1;
                Err(Error::internal(error))
            });
        }
        strand.wait();
        let error = strand.wait_below(0).unwrap_err().to_string();
        assert!(error.contains("one"), "{error}");
        assert_eq!(strand.finish().unwrap(), 2);

        let strand = Strand::new(0);
        strand.spawn(&pool, LogicalTime::default(), |_| resume_unwind(Box::new("a bug")));
        strand.spawn(&pool, LogicalTime::default(), |number| {
            *number += 1;
            Ok(())
        });
        assert_eq!(strand.finish().map_err(|error| error.kind()), Err(ErrorKind::Internal));
    }

    #[test]
    fn results_of_tasks_that_run_at_once_are_in_order() {
        let done = at_once(3, 100, |number| Ok(number + 1)).unwrap();
        assert!(done.into_iter().eq(1..=100));
        let failed = at_once(3, 100, |number| if number == 50 { Err(Error::internal("a bug")) } else { Ok(()) });
        assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::Internal));
    }

    #[test]
    fn a_task_that_panics_is_an_error() {
        let panicked = caught(|| resume_unwind(Box::new("a bug")));
        assert_eq!(panicked.map_err(|error: Error| error.kind()), Err::<(), _>(ErrorKind::Internal));
        assert!(matches!(caught(|| 1), Ok(1)));
    }
}
