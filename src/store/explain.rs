//! What went wrong with a request, in a sentence.
//!
//! In: an error of the client library, which prints requests and documents. Out: an error with the store's own code and
//! words. Never: a URL with a signature.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::Error;
use object_store::path::Error as KeyError;

use crate::error::printable;

/// What a store answered, as the cause of an error: whoever unpacks bytes can tell it from damage.
#[derive(Debug)]
struct Answer(String);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Answer {}

/// Whether an error is what a store answered, or that it did not.
pub(crate) fn is_of_store(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<Answer>)
}

/// The error of a wait that ended before its time. It is not [`io::ErrorKind::Interrupted`]: readers would try again.
pub(super) fn cut_short(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, Answer(why.to_owned()))
}

/// The error of an answer that makes no sense.
pub(super) fn broken(words: &str) -> io::Error {
    io::Error::other(Answer(words.to_owned()))
}

/// The error of a key that the client library cannot ask for.
pub(super) fn not_a_key(error: &KeyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, printable(&format!("a key that cannot be asked for: {error}")))
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
    let told = innermost(error);
    let code = between(&told, "<Code>", "</Code>");
    let is_of_session =
        code.is_some_and(|code| SESSION_CODES.contains(&code)) || matches!(error, Error::Unauthenticated { .. });
    if is_of_session || is_denied(error, &told) {
        return Some(Failure::Denied { is_of_session });
    }
    let Error::Generic { .. } = error else { return None };
    // The library tells it in words only.
    let status = told.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)?.parse::<u16>().ok());
    match status {
        // The answer to a request for the head of an object has no words: this is what AWS says of an expired session.
        Some(400) if code.is_none() => Some(Failure::Denied { is_of_session: false }),
        Some(400..500) if !matches!(status, Some(408 | 429)) => None,
        _ => Some(Failure::Unreachable),
    }
}

/// Whether an error is a refusal. The library does not tell it apart in all requests.
fn is_denied(error: &Error, told: &str) -> bool {
    matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
        || ["status code: 401", "status code: 403"].iter().any(|status| told.contains(status))
        || between(told, "<Code>", "</Code>").is_some_and(|code| SESSION_CODES.contains(&code))
}

/// The store's answer in words.
pub(super) fn explain(error: &Error) -> io::Error {
    let told = innermost(error);
    let is_denied = is_denied(error, &told);
    let kind = match error {
        _ if is_denied => io::ErrorKind::PermissionDenied,
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
        Error::NotSupported { .. } => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    let code = between(&told, "<Code>", "</Code>");
    let is_elsewhere = match code {
        Some(code) => ["PermanentRedirect", "AuthorizationHeaderMalformed"].contains(&code),
        // What the library says of a redirect that does not tell where to.
        None => told.contains("redirect without LOCATION"),
    };
    let answer = code.map(|code| {
        let message = between(&told, "<Message>", "</Message>").unwrap_or_default();
        format!("{code}: {message}")
    });
    let answer = answer.unwrap_or_else(|| match error {
        Error::NotFound { .. } => "there is no such object".to_owned(),
        _ => told.clone(),
    });
    let words = match error {
        Error::Precondition { .. } => "it has changed since it was listed".to_owned(),
        _ if is_elsewhere => {
            format!("{answer}; the bucket may be in another Region: name it with --s3-region")
        }
        _ if is_denied => format!("access denied ({answer})"),
        _ => answer,
    };
    let words = match retries(error) {
        Some(retries) => format!("{words} (tried {} times)", retries + 1),
        None => words,
    };
    io::Error::new(kind, Answer(printable(&words)))
}

/// Whether an answer broke off or made no sense, and was not tried again: the library does that for bytes of objects only.
pub(super) fn is_broken_off(error: &Error) -> bool {
    let is_answer = || between(&innermost(error), "<Code>", "</Code>").is_some();
    matches!(error, Error::Generic { .. }) && retries(error).is_none() && !is_answer()
}

/// The texts of an error and its causes, without what a text repeats of its cause.
fn innermost(error: &Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = error.to_string();
        cause = error.source();
    }
    told
}

/// How often a request was tried again in vain: the library says it in words only.
fn retries(error: &Error) -> Option<u32> {
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        let told = error.to_string();
        if let Some(retries) = between(&told, "after ", " retries") {
            return retries.parse().ok().filter(|retries| *retries > 0);
        }
        cause = error.source();
    }
    None
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(between, _)| between)
}

#[cfg(test)]
mod tests {
    use super::super::bucket::parse;
    use super::*;

    #[track_caller]
    fn check(answer: &str, words: &str) {
        let error = Error::Generic { store: "S3", source: answer.into() };
        assert_eq!(explain(&error).to_string(), words);
    }

    #[test]
    fn another_region_is_told_by_the_code_alone() {
        let elsewhere = "; the bucket may be in another Region: name it with --s3-region";
        check("<Code>PermanentRedirect</Code><Message>no</Message>", &format!("PermanentRedirect: no{elsewhere}"));
        check("<Code>NoSuchKey</Code><Message>no</Message><Key>redirect</Key>", "NoSuchKey: no");
        check("<Code>NoSuchKey</Code><Message>no</Message><Key>PermanentRedirect</Key>", "NoSuchKey: no");
        let bare = "Received redirect without LOCATION, this normally indicates an incorrectly configured region";
        check(bare, &format!("{bare}{elsewhere}"));
        check("a redirect", "a redirect");
    }

    #[test]
    fn keys_that_cannot_be_asked_for_are_told_without_control_characters() {
        let error = parse("a/\u{1b}[31m").unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
}
