//! That an error is one of a store.
//!
//! In: what came of a request, in words. Out: an error that can be told from others, whatever is around it. Never: decides on
//! the words.

use std::error::Error as StdError;
use std::io;

/// What came of a request, as the cause of an error: whoever unpacks bytes can tell it from damage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct StoreFailure(String);

/// The error of a request.
pub(super) fn failed(kind: io::ErrorKind, words: String) -> io::Error {
    io::Error::new(kind, StoreFailure(words))
}

/// Whether an error is what a store answered, or that it did not.
pub(crate) fn is_of_store(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<StoreFailure>)
}

impl crate::error::Error {
    /// The store's part in it, whatever is around that, when it is of a store.
    pub(crate) fn of_store(&self) -> Option<&io::Error> {
        let mut cause = self.get_ref().map(|error| error as &(dyn StdError + 'static));
        while let Some(error) = cause {
            match error.downcast_ref::<io::Error>() {
                Some(found) if is_of_store(found) => return Some(found),
                _ => cause = error.source(),
            }
        }
        None
    }
}
