//! Error responses of a store, as types.
//!
//! In: responses of a store. Out: their status, code and message, as the cause of the client library's error. Never:
//! decides on the words of a message.
//!
//! The client library keeps status and document of most failures only as text. So they are read here, where
//! responses arrive, and passed on as an error that can be found among its causes.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::{ClientOptions, Error};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

/// Statuses for which the client library has its own errors, and on which it acts.
const KNOWN_TO_THE_LIBRARY: [StatusCode; 4] =
    [StatusCode::NOT_MODIFIED, StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED];

/// Codes of a store that is busy or failing, whatever the status (Amazon S3 API Reference, error responses).
const PASSING_CODES: [&str; 5] = ["InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"];

/// An error response of a store.
#[derive(Clone, Debug)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    /// The store's error code; the answer to a HEAD request has none.
    pub(super) code: Option<String>,
    pub(super) message: String,
}

/// An error document of S3 (Amazon S3 API Reference, error responses).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDocument {
    code: String,
    #[serde(default)]
    message: String,
}

impl ErrorResponse {
    /// A response with this body.
    pub(super) fn new(status: StatusCode, body: &str) -> Self {
        match quick_xml::de::from_str(body) {
            Ok(ErrorDocument { code, message }) => Self { status, code: Some(code), message },
            Err(_) => Self { status, code: None, message: String::new() },
        }
    }

    /// The response that caused an error, if there is one.
    pub(super) fn of(error: &Error) -> Option<Cow<'_, Self>> {
        if let Some(answer) = cause(error) {
            return Some(Cow::Borrowed(answer));
        }
        Some(Cow::Owned(Self::new(known_status(error)?, "")))
    }

    /// The same, including responses that the client library has only as text; for messages, not for decisions.
    pub(super) fn printed(error: &Error) -> Option<Cow<'_, Self>> {
        let answer = Self::of(error)?;
        let is_of_library = matches!(answer, Cow::Owned(_));
        Some(if is_of_library { Cow::Owned(Self::new(answer.status, document(&innermost(error)))) } else { answer })
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_passing(&self) -> bool {
        let is_of_server = self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED;
        is_of_server
            || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&self.status)
            || self.code.as_deref().is_some_and(|code| PASSING_CODES.contains(&code))
    }
}

/// The status for which the client library has its own error.
fn known_status(error: &Error) -> Option<StatusCode> {
    match error {
        Error::NotModified { .. } => Some(StatusCode::NOT_MODIFIED),
        Error::NotFound { .. } => Some(StatusCode::NOT_FOUND),
        Error::AlreadyExists { .. } => Some(StatusCode::CONFLICT),
        Error::Precondition { .. } => Some(StatusCode::PRECONDITION_FAILED),
        _ => None,
    }
}

/// The document in the text of an error of the client library, at its end. Nothing else is assumed about these texts.
fn document(text: &str) -> &str {
    text.find('<').map_or("", |at| &text[at..])
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) if self.message.is_empty() => f.write_str(code),
            Some(code) => write!(f, "{code}: {}", self.message),
            None => write!(f, "status {}", self.status),
        }
    }
}

impl StdError for ErrorResponse {}

/// The first cause of a type, including the error itself.
pub(super) fn cause<T: StdError + 'static>(error: &Error) -> Option<&T> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The text of the last cause of an error: the others repeat it.
pub(super) fn innermost(error: &Error) -> String {
    let mut last: &(dyn StdError + 'static) = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// Connects as the client library does, and reads the responses.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(TypedClient(ReqwestConnector::default().connect(options)?)))
    }
}

/// Returns failures as types.
#[derive(Debug)]
struct TypedClient(HttpClient);

#[async_trait]
impl HttpService for TypedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // S3 may report that an upload cannot be completed after it has sent a success status.
        let may_fail_late = request.method() == Method::POST;
        let response = self.0.execute(request).await?;
        let status = response.status();
        if KNOWN_TO_THE_LIBRARY.contains(&status) || status.is_success() && !may_fail_late {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = body.bytes().await?;
        let answer = ErrorResponse::new(status, &String::from_utf8_lossy(&body));
        if status.is_success() && answer.code.is_none() {
            return Ok(HttpResponse::from_parts(parts, body.into()));
        }
        // The library does not retry this kind: the caller decides.
        Err(HttpError::new(HttpErrorKind::Unknown, answer))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;
    use object_store::aws::AmazonS3Builder;
    use object_store::path::Path as Key;

    use super::*;

    /// A store that always returns the same response.
    #[derive(Clone, Debug)]
    struct Always(StatusCode, &'static str);

    impl HttpConnector for Always {
        fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
            Ok(HttpClient::new(TypedClient(HttpClient::new(self.clone()))))
        }
    }

    #[async_trait]
    impl HttpService for Always {
        async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
            let mut response = HttpResponse::new(self.1.to_owned().into());
            *response.status_mut() = self.0;
            Ok(response)
        }
    }

    /// What the client library makes of a response to a request for an object.
    fn refused(status: StatusCode, body: &'static str) -> Error {
        let builder =
            AmazonS3Builder::new().with_bucket_name("bucket").with_region("eu-west-1").with_skip_signature(true);
        let client = builder.with_http_connector(Always(status, body)).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(client.get(&Key::from("a"))).unwrap_err()
    }

    #[test]
    fn errors_and_texts_of_the_client_library_are_as_assumed() {
        let body = "<Error><Code>Its&lt;Code</Code><Message>words</Message></Error>";
        for status in KNOWN_TO_THE_LIBRARY {
            let error = refused(status, body);
            let answer = ErrorResponse::of(&error).unwrap();
            assert_eq!((answer.status, &answer.code), (status, &None), "{error:?}");
            // For a 304 the library keeps no body.
            let words = if status == StatusCode::NOT_MODIFIED { "status 304 Not Modified" } else { "Its<Code: words" };
            assert_eq!(ErrorResponse::printed(&error).unwrap().to_string(), words, "{error:?}");
        }
        for status in [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::SERVICE_UNAVAILABLE] {
            let error = refused(status, body);
            let answer = ErrorResponse::of(&error).unwrap();
            assert_eq!((answer.status, answer.code.as_deref()), (status, Some("Its<Code")), "{error:?}");
            assert!(matches!(error, Error::Generic { .. }), "{error:?}");
        }
        // The library's own words contain no document.
        assert_eq!(ErrorResponse::printed(&refused(StatusCode::NOT_FOUND, "")).unwrap().code, None);
    }

    #[test]
    fn entities_of_an_error_document_are_decoded() {
        let body = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>User &quot;a&amp;b&quot; may not &#x27;put&#39; &lt;this&gt;</Message></Error>";
        let answer = ErrorResponse::new(StatusCode::FORBIDDEN, body);
        assert_eq!(answer.to_string(), "AccessDenied: User \"a&b\" may not 'put' <this>");
        assert_eq!(ErrorResponse::new(StatusCode::BAD_GATEWAY, "<html>").to_string(), "status 502 Bad Gateway");
    }

    #[test]
    fn transient_errors_are_recognised_by_status_and_code() {
        let answer = |status, code: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            ErrorResponse::new(status, &format!("<Error><Code>{code}</Code><Message>InternalError</Message></Error>"))
        };
        for (status, code) in
            [(500, "X"), (503, "SlowDown"), (200, "InternalError"), (400, "RequestTimeout"), (429, "X")]
        {
            assert!(answer(status, code).is_passing(), "{status} {code}");
        }
        for (status, code) in [(400, "X"), (403, "AccessDenied"), (501, "NotImplemented"), (200, "NoSuchUpload")] {
            assert!(!answer(status, code).is_passing(), "{status} {code}");
        }
    }
}
