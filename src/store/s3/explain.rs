//! What went wrong with a request, in a sentence.
//!
//! In: an error of the client library, which prints requests and documents. Out: an error with the store's own code and
//! words, and what kind of failure it is. Never: a URL with a signature.

use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Error as KeyError;
use reqwest::StatusCode;

use super::answer::{ErrorResponse, cause, innermost};
use crate::error::{printable, printable_path};
use crate::store::failure::failed;

/// The error of an answer that makes no sense.
pub(super) fn broken(words: &str) -> io::Error {
    failed(io::ErrorKind::Other, words.to_owned())
}

/// The error of a request that has come upon a bug.
pub(super) fn panicked() -> io::Error {
    broken("a task panicked; please report it")
}

/// The error of a key that the client library cannot ask for.
pub(super) fn not_a_key(error: &KeyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, printable(&format!("a key that cannot be asked for: {error}")))
}

/// A message of our own as the cause of an error: it is printed whole, and nothing is retried.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct PlainMessage(String);

/// An error of ours for who expects one of the client library.
pub(super) fn own(words: impl Into<String>) -> Error {
    Error::Generic { store: "S3", source: Box::new(PlainMessage(words.into())) }
}

/// The error of a store that says nothing.
pub(super) fn silent() -> Error {
    let late = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    Error::Generic { store: "S3", source: Box::new(HttpError::new(HttpErrorKind::Timeout, late)) }
}

/// A message of our own for what may pass: it is retried for as long as an unreachable store is waited for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Transient(#[source] PlainMessage);

/// An error of ours that may pass.
pub(super) fn passing(words: impl Into<String>) -> Error {
    Error::Generic { store: "S3", source: Box::new(Transient(PlainMessage(words.into()))) }
}

/// The same when there are no credentials.
pub(super) fn unauthenticated(words: impl Into<String>) -> Error {
    Error::Unauthenticated { path: String::new(), source: Box::new(PlainMessage(words.into())) }
}

/// A request that was tried more than once, and what came of the last time.
#[derive(Debug, thiserror::Error)]
#[error("{last}")]
struct Retried {
    times: usize,
    #[source]
    last: Error,
}

/// The same error, which says how often the request was tried.
pub(super) fn tried(last: Error, times: usize) -> Error {
    match last {
        Error::Generic { store, .. } if times > 1 => {
            Error::Generic { store, source: Box::new(Retried { times, last }) }
        }
        last => last,
    }
}

/// Codes of a store that does not know who asks, whatever that is for (Amazon S3 API Reference, error responses; AWS
/// Security Token Service). A signature that does not match may be for the sake of an odd key.
const SESSION_CODES: [&str; 8] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
];

/// Codes of a store that has too much to do.
const BUSY_CODES: [&str; 3] = ["ServiceUnavailable", "SlowDown", "Throttling"];

/// A failure that need not be that of the one object which was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The store refuses, whoever asks by its own words or not.
    Denied { is_of_session: bool },
    /// The store does not answer, or only that it cannot, however often it is asked.
    Unreachable,
}

/// What kind of failure an error is; `None` when it is that of the request or its object.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    if let Some(is_of_session) = denial(error) {
        return Some(Failure::Denied { is_of_session });
    }
    match ErrorResponse::of(error).as_deref() {
        // The answer to a request for the head of an object has no words: this is what AWS says of an expired session.
        Some(ErrorResponse { status: StatusCode::BAD_REQUEST, code: None, .. }) => {
            Some(Failure::Denied { is_of_session: false })
        }
        Some(answer) => answer.is_passing().then_some(Failure::Unreachable),
        None => matches!(error, Error::Generic { .. }).then_some(Failure::Unreachable),
    }
}

/// Whether an error is a refusal, and then whether it is for who asks, whatever that is for.
fn denial(error: &Error) -> Option<bool> {
    let Some(answer) = ErrorResponse::of(error) else {
        return matches!(error, Error::Unauthenticated { .. }).then_some(true);
    };
    let is_of_session = answer.status == StatusCode::UNAUTHORIZED
        || answer.code.as_deref().is_some_and(|code| SESSION_CODES.contains(&code));
    (is_of_session || answer.status == StatusCode::FORBIDDEN).then_some(is_of_session)
}

/// For how long a failed request is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// The answer would be the same.
    Never,
    /// Some times: what came makes no sense.
    Briefly,
    /// As long as anybody waits for a store that is away.
    Patiently,
}

/// Whether a store says that it has too much to do, which is not for the sake of one object.
pub(super) fn is_busy(error: &Error) -> bool {
    let answer = ErrorResponse::of(error);
    answer.is_some_and(|answer| {
        [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&answer.status)
            || answer.code.as_deref().is_some_and(|code| BUSY_CODES.contains(&code))
    })
}

/// Whether a request has not come through to AWS, of those that the library sends on its own account.
pub(super) fn is_lost(error: &Error) -> bool {
    cause::<reqwest::Error>(error).is_some()
}

/// Whether a request is retried after this error.
pub(super) fn retry(error: &Error) -> Retry {
    if let Some(answer) = ErrorResponse::of(error) {
        return if answer.is_passing() { Retry::Patiently } else { Retry::Never };
    }
    if cause::<Transient>(error).is_some() {
        return Retry::Patiently;
    }
    if cause::<PlainMessage>(error).is_some() {
        return Retry::Never;
    }
    match cause::<HttpError>(error).map(HttpError::kind) {
        Some(HttpErrorKind::Unknown) => Retry::Briefly,
        Some(_) => Retry::Patiently,
        None if is_lost(error) => Retry::Patiently,
        None if matches!(error, Error::Generic { .. }) => Retry::Briefly,
        None => Retry::Never,
    }
}

/// The store's answer in words. Its own are cut when they are long, and what follows them is not.
pub(super) fn explain(error: &Error) -> io::Error {
    let (answer, denial) = (ErrorResponse::printed(error), denial(error));
    let kind = match (error, &answer) {
        _ if denial.is_some() => io::ErrorKind::PermissionDenied,
        (Error::NotFound { .. }, _) => io::ErrorKind::NotFound,
        (Error::AlreadyExists { .. }, _) => io::ErrorKind::AlreadyExists,
        (Error::NotSupported { .. }, _) => io::ErrorKind::Unsupported,
        (_, Some(answer)) if answer.status == StatusCode::NOT_IMPLEMENTED => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    let description = match (error, &answer, cause::<PlainMessage>(error)) {
        (Error::NotFound { .. }, Some(answer), _) if answer.code.is_none() => "there is no such object".to_owned(),
        (_, Some(answer), _) => printable(&answer.to_string()),
        (.., Some(own)) => printable_path(&own.0),
        _ => printable(&innermost(error)),
    };
    let words = match error {
        Error::Precondition { .. } => "it has changed since it was listed".to_owned(),
        _ if answer.as_deref().is_some_and(is_elsewhere) => {
            format!("{description}; the bucket may be in another Region: name it with --s3-region")
        }
        _ if denial.is_some() => format!("access denied ({description})"),
        _ => description,
    };
    let words = match cause::<Retried>(error) {
        Some(Retried { times, .. }) => format!("{words} (tried {times} times)"),
        None => words,
    };
    failed(kind, words)
}

/// Whether a store says that a bucket is not where it was asked for.
fn is_elsewhere(answer: &ErrorResponse) -> bool {
    match answer.code.as_deref() {
        Some(code) => ["PermanentRedirect", "AuthorizationHeaderMalformed"].contains(&code),
        None => answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED,
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::parse;
    use super::*;

    fn answered(status: StatusCode, body: &str) -> Error {
        let answer = HttpError::new(HttpErrorKind::Unknown, ErrorResponse::new(status, body));
        Error::Generic { store: "S3", source: Box::new(answer) }
    }

    #[track_caller]
    fn check(status: u16, body: &str, words: &str) {
        let error = answered(StatusCode::from_u16(status).unwrap(), body);
        assert_eq!(explain(&error).to_string(), words);
        assert_eq!(explain(&tried(error, 3)).to_string(), format!("{words} (tried 3 times)"));
    }

    const ELSEWHERE: &str = "; the bucket may be in another Region: name it with --s3-region";

    #[test]
    fn another_region_is_told_by_the_code_alone() {
        let document =
            |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message><Key>redirect</Key></Error>");
        check(301, &document("PermanentRedirect"), &format!("PermanentRedirect: no{ELSEWHERE}"));
        check(400, &document("NoSuchKey"), "NoSuchKey: no");
        check(301, "", &format!("status 301 Moved Permanently{ELSEWHERE}"));
        check(400, "a redirect", "status 400 Bad Request");
    }

    #[test]
    fn advice_is_whole_however_long_the_words_of_the_store_are() {
        let long = "x".repeat(500);
        let body = format!("<Error><Code>PermanentRedirect</Code><Message>{long}</Message></Error>");
        let description = explain(&answered(StatusCode::MOVED_PERMANENTLY, &body)).to_string();
        assert!(description.ends_with(ELSEWHERE) && description.contains('…'), "{description}");
        let description = explain(&unauthenticated(format!("{long}, use --s3-anonymous"))).to_string();
        assert!(description.ends_with("use --s3-anonymous)"), "{description}");
    }

    #[test]
    fn what_is_tried_again_is_told_by_types() {
        let words = "<Code>SlowDown</Code> status code: 503, after 9 retries";
        for (error, expected) in [
            (answered(StatusCode::SERVICE_UNAVAILABLE, ""), Retry::Patiently),
            (answered(StatusCode::BAD_REQUEST, words), Retry::Never),
            (Error::NotFound { path: String::new(), source: words.into() }, Retry::Never),
            (Error::Generic { store: "S3", source: words.into() }, Retry::Briefly),
            (own(words), Retry::Never),
            (passing(words), Retry::Patiently),
        ] {
            assert_eq!(retry(&error), expected, "{error}");
            assert_eq!(retry(&tried(error, 2)), expected);
        }
    }

    #[test]
    fn keys_that_cannot_be_asked_for_are_told_without_control_characters() {
        let error = parse("a/\u{1b}[31m").unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
}
