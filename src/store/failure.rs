//! Errors that were caused by a store.
//!
//! In: the result of a request, in words. Out: an error that can be recognised inside others. Never: decides on the words.

use std::error::Error as StdError;
use std::io;

/// The result of a request, as the cause of an error: code that decompresses can distinguish it from damage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct StoreFailure(String);

/// The error of a request.
pub(super) fn failed(kind: io::ErrorKind, words: String) -> io::Error {
    io::Error::new(kind, StoreFailure(words))
}

/// Whether an error comes from a store: an answer, or the lack of one.
pub(crate) fn is_of_store(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<StoreFailure>)
}

impl crate::error::Error {
    /// The store's error inside this one, if there is one.
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
