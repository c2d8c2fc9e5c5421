//! The requests in flight to a bucket.
//!
//! In: requests that are about to be sent. Out: their turn, in the order in which they came. Never: sends one while there
//! are as many as [`RequestLimit`] allows; after that was halved, more are in flight until they have ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use object_store::Result;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::explain::{is_busy, is_unanswered};
use super::request_limit::RequestLimit;

/// Lets requests wait for each other.
#[derive(Debug)]
pub(super) struct InFlight {
    state: Mutex<InFlightState>,
    permits: Semaphore,
}

#[derive(Debug)]
struct InFlightState {
    limit: RequestLimit,
    /// Permits that exist: more than the limit for as long as requests hold them after it was halved.
    permits: usize,
}

/// A request's turn, which ends when it is dropped.
struct Turn<'a> {
    in_flight: &'a InFlight,
    permit: Option<SemaphorePermit<'a>>,
}

impl Default for InFlight {
    fn default() -> Self {
        let limit = RequestLimit::default();
        let permits = limit.limit();
        Self { state: Mutex::new(InFlightState { limit, permits }), permits: Semaphore::new(permits) }
    }
}

impl InFlight {
    /// Sends a request when it is its turn, and learns from the answer.
    pub(super) async fn send<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        // It is never closed.
        let turn = Turn { in_flight: self, permit: self.permits.acquire().await.ok() };
        let is_full = self.permits.available_permits() == 0;
        let (sent, halved) = (Instant::now(), self.state().limit.halved());
        let done = request.await;
        match &done {
            Ok(_) => self.change(|limit| limit.note_answer(sent.elapsed(), is_full)),
            Err(error) if is_busy(error) || is_unanswered(error) => self.change(|limit| limit.note_busy(halved)),
            Err(_) => {}
        }
        drop(turn);
        done
    }

    /// How many may be in flight at once.
    pub(super) fn limit(&self) -> usize {
        self.state().limit.limit()
    }

    fn state(&self) -> MutexGuard<'_, InFlightState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut RequestLimit)) {
        let mut state = self.state();
        change(&mut state.limit);
        let limit = state.limit.limit();
        if limit > state.permits {
            self.permits.add_permits(limit - state.permits);
            state.permits = limit;
        } else {
            state.permits -= self.permits.forget_permits(state.permits - limit);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut state = self.in_flight.state();
        if state.permits > state.limit.limit() {
            state.permits -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use object_store::Error;
    use object_store::client::{HttpError, HttpErrorKind};
    use reqwest::StatusCode;

    use super::super::answer::ErrorResponse;
    use super::super::explain::silent;
    use super::super::request_limit::MOST;
    use super::*;

    /// A store that can serve some requests at once, and is busy when there are more.
    async fn ask(in_flight: &InFlight, at_once: &AtomicUsize, bearable: usize) -> Result<()> {
        let request = async {
            let count = at_once.fetch_add(1, Ordering::Relaxed) + 1;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            at_once.fetch_sub(1, Ordering::Relaxed);
            if count <= bearable {
                return Ok(());
            }
            let answer = ErrorResponse::new(StatusCode::SERVICE_UNAVAILABLE, "<Error><Code>SlowDown</Code></Error>");
            let answer = HttpError::new(HttpErrorKind::Unknown, answer);
            Err(Error::Generic { store: "S3", source: Box::new(answer) })
        };
        in_flight.send(request).await
    }

    #[test]
    fn a_busy_store_gets_fewer_requests_at_once_until_it_bears_them() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (in_flight, at_once) = (Arc::new(InFlight::default()), Arc::new(AtomicUsize::new(0)));
        let all = |bearable: usize| {
            let asking: Vec<_> = (0..4 * MOST)
                .map(|_| {
                    let (in_flight, at_once) = (Arc::clone(&in_flight), Arc::clone(&at_once));
                    runtime.spawn(async move { ask(&in_flight, &at_once, bearable).await.is_ok() })
                })
                .collect();
            runtime.block_on(async {
                let mut answered = 0;
                for asked in asking {
                    answered += usize::from(asked.await.unwrap());
                }
                answered
            })
        };
        assert!(all(20) < 4 * MOST);
        let state = in_flight.state();
        let limit = state.limit.limit();
        assert!(limit <= 40 && state.permits == limit && in_flight.permits.available_permits() == limit, "{state:?}");
        drop(state);
        assert_eq!(all(usize::MAX), 4 * MOST, "they are served now");
    }

    #[test]
    fn a_silent_store_counts_as_busy() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let in_flight = InFlight::default();
        let before = in_flight.limit();
        runtime.block_on(in_flight.send(async { Err::<(), _>(silent()) })).unwrap_err();
        assert_eq!(in_flight.limit(), before / 2);
    }

    #[test]
    fn a_request_that_is_given_up_ends_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let in_flight = InFlight::default();
        let permits = in_flight.permits.available_permits();
        runtime.block_on(async {
            let mut asking = Box::pin(in_flight.send(std::future::pending::<Result<()>>()));
            assert!(
                std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context).is_pending()))
                    .await
            );
            assert_eq!(in_flight.permits.available_permits(), permits - 1);
        });
        assert_eq!(in_flight.permits.available_permits(), permits);
    }
}
