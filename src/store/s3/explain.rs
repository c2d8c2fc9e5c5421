//! Explains the failure of a request in a sentence.
//!
//! In: an error of the client library, which prints requests and documents. Out: an error with the store's own code and
//! words, and the kind of failure. Never: a URL with a signature.

use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Error as KeyError;
use reqwest::StatusCode;

use super::answer::{ErrorResponse, cause, innermost};
use crate::error::{printable, printable_path};
use crate::store::failure::failed;

/// The error of a malformed answer.
pub(super) fn broken(words: &str) -> io::Error {
    failed(io::ErrorKind::Other, words.to_owned())
}

/// The error of a request that hit a bug.
pub(super) fn panicked() -> io::Error {
    broken("a task panicked; please report it")
}

/// The error of a key that the client library cannot request.
pub(super) fn not_a_key(error: &KeyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, printable(&format!("a key that cannot be asked for: {error}")))
}

/// A message of our own as the cause of an error: it is printed in full, and not retried.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct PlainMessage(String);

/// Our own error as one of the client library.
pub(super) fn own(words: impl Into<String>) -> Error {
    Error::Generic { store: "S3", source: Box::new(PlainMessage(words.into())) }
}

/// The error of a store that does not answer.
pub(super) fn silent() -> Error {
    let late = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    Error::Generic { store: "S3", source: Box::new(HttpError::new(HttpErrorKind::Timeout, late)) }
}

/// A message of our own for a transient failure: it is retried for as long as an unreachable store is waited for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Transient(#[source] PlainMessage);

/// Our own transient error.
pub(super) fn passing(words: impl Into<String>) -> Error {
    Error::Generic { store: "S3", source: Box::new(Transient(PlainMessage(words.into()))) }
}

/// The same when there are no credentials.
pub(super) fn unauthenticated(words: impl Into<String>) -> Error {
    Error::Unauthenticated { path: String::new(), source: Box::new(PlainMessage(words.into())) }
}

/// A request that was retried, and its last error.
#[derive(Debug, thiserror::Error)]
#[error("{last}")]
struct Retried {
    times: usize,
    #[source]
    last: Error,
}

/// The same error with the number of attempts.
pub(super) fn tried(last: Error, times: usize) -> Error {
    match last {
        Error::Generic { store, .. } if times > 1 => {
            Error::Generic { store, source: Box::new(Retried { times, last }) }
        }
        last => last,
    }
}

/// Codes of a store that does not recognise the caller, for any request (Amazon S3 API Reference, error responses; AWS
/// Security Token Service). A signature mismatch may be due to an odd key.
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

/// Codes of an overloaded store.
const BUSY_CODES: [&str; 3] = ["ServiceUnavailable", "SlowDown", "Throttling"];

/// A failure that may not be specific to the requested object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The store refuses; `is_of_session` if its code says that it refuses the caller.
    Denied { is_of_session: bool },
    /// The store does not answer, or answers only that it cannot, after all retries.
    Unreachable,
}

/// The kind of a failure; `None` when it is specific to the request or its object.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    if let Some(is_of_session) = denial(error) {
        return Some(Failure::Denied { is_of_session });
    }
    match ErrorResponse::of(error).as_deref() {
        // The answer to a HEAD request has no code: this is what AWS returns for an expired session.
        Some(ErrorResponse { status: StatusCode::BAD_REQUEST, code: None, .. }) => {
            Some(Failure::Denied { is_of_session: false })
        }
        Some(answer) => answer.is_passing().then_some(Failure::Unreachable),
        None => matches!(error, Error::Generic { .. }).then_some(Failure::Unreachable),
    }
}

/// Whether an error is a refusal, and if so whether it refuses the caller.
fn denial(error: &Error) -> Option<bool> {
    let Some(answer) = ErrorResponse::of(error) else {
        return matches!(error, Error::Unauthenticated { .. }).then_some(true);
    };
    let is_of_session = answer.status == StatusCode::UNAUTHORIZED
        || answer.code.as_deref().is_some_and(|code| SESSION_CODES.contains(&code));
    (is_of_session || answer.status == StatusCode::FORBIDDEN).then_some(is_of_session)
}

/// How long a failed request is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// The answer would be the same.
    Never,
    /// A few times: the answer was malformed.
    Briefly,
    /// As long as an unreachable store is waited for.
    Patiently,
}

/// Whether a store says that it is overloaded, which is not specific to one object.
pub(super) fn is_busy(error: &Error) -> bool {
    let answer = ErrorResponse::of(error);
    answer.is_some_and(|answer| {
        [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&answer.status)
            || answer.code.as_deref().is_some_and(|code| BUSY_CODES.contains(&code))
    })
}

/// Whether a store did not accept a connection, or did not answer in time.
pub(super) fn is_unanswered(error: &Error) -> bool {
    let kind = cause::<HttpError>(error).map(HttpError::kind);
    matches!(kind, Some(HttpErrorKind::Connect | HttpErrorKind::Timeout))
}

/// Whether a request did not reach AWS, of those that the library sends itself.
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

/// The store's answer in words. Its own are truncated when they are long, our advice after them is not.
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

/// Whether a store says that the bucket is somewhere else.
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
    fn another_region_is_recognised_by_the_code_alone() {
        let document =
            |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message><Key>redirect</Key></Error>");
        check(301, &document("PermanentRedirect"), &format!("PermanentRedirect: no{ELSEWHERE}"));
        check(400, &document("NoSuchKey"), "NoSuchKey: no");
        check(301, "", &format!("status 301 Moved Permanently{ELSEWHERE}"));
        check(400, "a redirect", "status 400 Bad Request");
    }

    #[test]
    fn advice_is_never_truncated() {
        let long = "x".repeat(500);
        let body = format!("<Error><Code>PermanentRedirect</Code><Message>{long}</Message></Error>");
        let description = explain(&answered(StatusCode::MOVED_PERMANENTLY, &body)).to_string();
        assert!(description.ends_with(ELSEWHERE) && description.contains('…'), "{description}");
        let description = explain(&unauthenticated(format!("{long}, use --s3-anonymous"))).to_string();
        assert!(description.ends_with("use --s3-anonymous)"), "{description}");
    }

    #[test]
    fn retries_are_decided_by_types() {
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
    fn keys_that_cannot_be_requested_are_shown_without_control_characters() {
        let error = parse("a/\u{1b}[31m").unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
}
