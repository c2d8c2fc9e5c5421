//! How many requests may be in flight at once.
//!
//! In: answers and how long they took, and requests that a busy store has refused or not answered. Out: a number. Never: a
//! wait or a clock.
//!
//! The number doubles with each round of answers, except after rounds whose answers took much longer than the quickest: more
//! requests would only wait for each other. A busy store halves it, once for all that were in flight; from then on it grows
//! slowly, and what counts as quick is measured anew.

use std::time::Duration;

/// What a run begins with: at 30 ms each that is 4,000 requests a second.
const FIRST: usize = 128;

/// Many systems let a process have 1,024 open files, and each request has a connection. Each bucket has a limit of its own:
/// one stays within half of that, several that are read at once may need more together.
pub(super) const MOST: usize = 512;

/// Enough to notice that the store is no longer busy.
const FEWEST: usize = 4;

/// Growth by round once the store was busy.
const STEP: usize = 8;

/// Answers that take this many times as long as the quickest wait for each other.
const SLOWER: u32 = 2;

/// The limit, and what it is based on.
#[derive(Debug)]
pub(super) struct RequestLimit {
    limit: usize,
    /// How often it was halved.
    halved: u64,
    /// Answers since it was last reconsidered, and how long they took in total.
    answers: usize,
    took: Duration,
    /// Whether it was reached meanwhile.
    was_reached: bool,
    /// The lowest mean duration of the answers of a round since it was last halved.
    quickest: Option<Duration>,
}

impl Default for RequestLimit {
    fn default() -> Self {
        Self { limit: FIRST, halved: 0, answers: 0, took: Duration::ZERO, was_reached: false, quickest: None }
    }
}

impl RequestLimit {
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// How often it was halved; a request notes that when it is sent.
    pub(super) const fn halved(&self) -> u64 {
        self.halved
    }

    /// Notes an answer; `is_full` if no other request could be sent when this one was.
    pub(super) fn note_answer(&mut self, took: Duration, is_full: bool) {
        self.answers += 1;
        self.took += took;
        self.was_reached |= is_full;
        if self.answers < self.limit {
            return;
        }
        let mean = self.took / u32::try_from(self.answers).unwrap_or(u32::MAX);
        let quickest = self.quickest.map_or(mean, |quickest| quickest.min(mean));
        if self.was_reached && mean <= quickest * SLOWER {
            let more = if self.halved == 0 { self.limit } else { STEP };
            self.limit = (self.limit + more).min(MOST);
        }
        self.quickest = Some(quickest);
        self.begin_round();
    }

    /// Notes that the store was too busy for a request that was sent when the limit had been halved this many times.
    pub(super) fn note_busy(&mut self, halved: u64) {
        if halved == self.halved {
            self.limit = (self.limit / 2).max(FEWEST);
            self.halved += 1;
            // The store may have become slower for good.
            self.quickest = None;
            self.begin_round();
        }
    }

    fn begin_round(&mut self) {
        (self.answers, self.took, self.was_reached) = (0, Duration::ZERO, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(30);

    /// The limit after each of some rounds.
    fn rounds(limit: &mut RequestLimit, count: usize, took: Duration, is_full: bool) -> Vec<usize> {
        let mut round = || {
            for _ in 0..limit.limit() {
                limit.note_answer(took, is_full);
            }
            limit.limit()
        };
        (0..count).map(|_| round()).collect()
    }

    #[test]
    fn it_doubles_up_to_a_bound_while_it_is_reached() {
        let mut limit = RequestLimit::default();
        assert_eq!(rounds(&mut limit, 2, USUAL, false), [FIRST, FIRST]);
        assert_eq!(rounds(&mut limit, 4, USUAL, true), [2 * FIRST, MOST, MOST, MOST]);
    }

    #[test]
    fn it_stays_while_answers_wait_for_each_other() {
        let mut limit = RequestLimit::default();
        rounds(&mut limit, 1, USUAL, true);
        assert_eq!(rounds(&mut limit, 2, USUAL * 3, true), [2 * FIRST, 2 * FIRST]);
        assert_eq!(rounds(&mut limit, 1, USUAL, true), [4 * FIRST]);
    }

    #[test]
    fn it_grows_again_when_a_store_that_was_busy_is_slower_than_before() {
        let mut limit = RequestLimit::default();
        rounds(&mut limit, 1, USUAL, true);
        limit.note_busy(limit.halved());
        assert_eq!(rounds(&mut limit, 2, USUAL * 10, true), [FIRST + STEP, FIRST + 2 * STEP]);
    }

    #[test]
    fn a_busy_store_halves_it_once_for_all_that_were_in_flight() {
        let mut limit = RequestLimit::default();
        let sent = limit.halved();
        (0..FIRST).for_each(|_| limit.note_busy(sent));
        assert_eq!(limit.limit(), FIRST / 2);
        limit.note_busy(limit.halved());
        assert_eq!(limit.limit(), FIRST / 4);
        assert_eq!(rounds(&mut limit, 3, USUAL, true), [FIRST / 4 + STEP, FIRST / 4 + 2 * STEP, FIRST / 4 + 3 * STEP]);
        (0..100).for_each(|_| limit.note_busy(limit.halved()));
        assert_eq!(limit.limit(), FEWEST);
        assert_eq!(rounds(&mut limit, 1, USUAL, true), [FEWEST + STEP]);
    }
}
