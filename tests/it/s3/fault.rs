//! Faults between a client and a store, and when they happen.
//!
//! In: a request. Out: the fault that it gets. Never: chance without a seed – what happens to a request depends on the
//! request and on how often it has come before, not on the order in which threads send theirs.

use std::collections::HashMap;
use std::time::Duration;

use twox_hash::XxHash3_128;

/// The operation of a request, by its method and its query (Amazon S3 API Reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `GetObject`.
    Get,
    /// `HeadObject` or `HeadBucket`.
    Head,
    /// `ListObjectsV2`.
    List,
    /// `PutObject`.
    Put,
    /// `CopyObject`.
    Copy,
    /// `DeleteObject`.
    Delete,
    /// `DeleteObjects`.
    DeleteMany,
    /// `CreateMultipartUpload`.
    Begin,
    /// `UploadPart`.
    Part,
    /// `CompleteMultipartUpload`.
    Complete,
    /// `AbortMultipartUpload`.
    Abort,
    /// `ListMultipartUploads`.
    ListUploads,
    /// Anything else.
    Other,
}

/// A request as the proxy saw it.
#[derive(Debug, Clone)]
pub struct Request {
    /// 0 for the first.
    pub number: usize,
    pub operation: Operation,
    pub method: String,
    /// `/bucket/key`, decoded.
    pub path: String,
    /// The query after `?`, as sent.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// Whether it has `If-Match` or `If-None-Match`.
    pub is_conditional: bool,
    /// Whether it has an `Authorization` header.
    pub is_signed: bool,
    /// The key in that header.
    pub access_key: Option<String>,
    /// Bytes of its body.
    pub body_bytes: usize,
    /// Requests under way when it came, itself included.
    pub in_flight: usize,
    /// The status that the client got, if any.
    pub status: Option<u16>,
    /// The fault that it got, as `Debug` shows it.
    pub fault: Option<String>,
}

impl Request {
    /// A request by its method, target and headers with lower-case names.
    pub fn new(number: usize, method: &str, target: &str, headers: &[(String, String)], body_bytes: usize) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let has = |wanted: &str| query.split('&').any(|pair| pair.split('=').next() == Some(wanted));
        let is_copy = header("x-amz-copy-source").is_some();
        let operation = match method {
            "GET" if has("uploads") => Operation::ListUploads,
            "GET" if has("list-type") => Operation::List,
            "GET" if query.is_empty() || has("x-id") || has("versionId") => Operation::Get,
            "HEAD" => Operation::Head,
            "PUT" if has("partNumber") => Operation::Part,
            "PUT" if is_copy => Operation::Copy,
            "PUT" if query.is_empty() || has("x-id") => Operation::Put,
            "DELETE" if has("uploadId") => Operation::Abort,
            "DELETE" => Operation::Delete,
            "POST" if has("uploads") => Operation::Begin,
            "POST" if has("uploadId") => Operation::Complete,
            "POST" if has("delete") => Operation::DeleteMany,
            _ => Operation::Other,
        };
        Self {
            number,
            operation,
            method: method.to_owned(),
            path: decoded(path),
            query: query.to_owned(),
            range: header("range"),
            is_conditional: header("if-match").is_some() || header("if-none-match").is_some(),
            is_signed: header("authorization").is_some(),
            access_key: header("authorization").and_then(|header| {
                let (_, credential) = header.split_once("Credential=")?;
                credential.split('/').next().map(str::to_owned)
            }),
            body_bytes,
            in_flight: 0,
            status: None,
            fault: None,
        }
    }

    /// The identity of a request that is sent again.
    fn identity(&self) -> String {
        format!("{} {}?{} {}", self.method, self.path, self.query, self.range.as_deref().unwrap_or_default())
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is forwarded after a while.
    Delay(Duration),
    /// It is not forwarded, and the connection is reset.
    Reset,
    /// It is forwarded; the connection is reset after this many bytes of the answer's body.
    ResetAfter(usize),
    /// It is forwarded; the connection is closed cleanly after this many bytes of the answer's body.
    Truncate(usize),
    /// It is forwarded; the answer's body comes in pieces of this many bytes, one per interval.
    Trickle(usize, Duration),
    /// It is not forwarded; the answer is an error of S3 with its usual code, such as 503 `SlowDown`.
    Status(u16),
    /// It is not forwarded; the answer is 503 `SlowDown`, after a while.
    SlowDown(Duration),
    /// It is not forwarded; the answer is an error of S3 with this status and code, such as 400 `ExpiredToken`, or
    /// 200 `InternalError`, which S3 returns when a multipart upload cannot be completed.
    Answer(u16, &'static str),
    /// It is not forwarded and never answered.
    Hang,
    /// The store executes it, and the client sees a reset.
    DropAfterForward,
    /// The store executes it and ignores `If-Match` and `If-None-Match`.
    IgnoreConditions,
    /// It is not forwarded, and waits until its client is dead: see [`super::proxy::Proxy::wait_for_held`].
    HoldBefore,
    /// The store executes it, and the answer waits until the client is dead.
    HoldAfter,
}

/// When a client is killed at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The store never receives the request.
    Before,
    /// The store has executed it, and the client never gets the answer.
    After,
}

/// The code that S3 returns with a status (Amazon S3 API Reference, error responses).
pub fn code(status: u16) -> &'static str {
    match status {
        400 => "InvalidRequest",
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "ConditionalRequestConflict",
        412 => "PreconditionFailed",
        503 => "SlowDown",
        _ => "InternalError",
    }
}

/// Which requests get a fault.
pub struct Rule {
    operations: Vec<Operation>,
    words: Vec<String>,
    query_words: Vec<String>,
    #[expect(clippy::type_complexity, reason = "a closure over requests")]
    when: Option<Box<dyn Fn(&Request) -> bool + Send>>,
    skip: usize,
    times: usize,
    attempts: usize,
    chance: Option<(f64, u64)>,
    matches: usize,
    fired: usize,
    /// How often each request has come.
    seen: HashMap<String, usize>,
}

impl Rule {
    /// Requests of one of these kinds, or of all if there are none.
    pub fn of(operations: &[Operation]) -> Self {
        Self {
            operations: operations.to_vec(),
            words: Vec::new(),
            query_words: Vec::new(),
            when: None,
            skip: 0,
            times: usize::MAX,
            attempts: usize::MAX,
            chance: None,
            matches: 0,
            fired: 0,
            seen: HashMap::new(),
        }
    }

    /// All requests.
    pub fn any() -> Self {
        Self::of(&[])
    }

    /// Reads of objects.
    pub fn get() -> Self {
        Self::of(&[Operation::Get])
    }

    /// Objects that are put in one piece.
    pub fn put() -> Self {
        Self::of(&[Operation::Put])
    }

    /// Listings.
    pub fn list() -> Self {
        Self::of(&[Operation::List])
    }

    /// Requests whose decoded `/bucket/key` contains this.
    pub fn key_contains(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    /// Requests whose query, as sent, contains this.
    pub fn query_contains(mut self, word: &str) -> Self {
        self.query_words.push(word.to_owned());
        self
    }

    /// Requests that match this predicate.
    pub fn when(mut self, when: impl Fn(&Request) -> bool + Send + 'static) -> Self {
        self.when = Some(Box::new(when));
        self
    }

    /// Skips the first of those that match.
    pub fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// At most this many.
    pub fn times(mut self, requests: usize) -> Self {
        self.times = requests;
        self
    }

    /// The `nth` of those that match, 1 for the first, and no other.
    pub fn nth(self, nth: usize) -> Self {
        self.skip(nth - 1).times(1)
    }

    /// Only the first times that the same request comes: enough retries get through.
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }

    /// Each with this probability.
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.chance = Some((probability, seed));
        self
    }

    /// Whether this request gets the fault; it is counted.
    pub fn fires(&mut self, request: &Request) -> bool {
        let is_wanted = (self.operations.is_empty() || self.operations.contains(&request.operation))
            && self.words.iter().all(|word| request.path.contains(word))
            && self.query_words.iter().all(|word| request.query.contains(word))
            && self.when.as_ref().is_none_or(|when| when(request));
        if !is_wanted {
            return false;
        }
        self.matches += 1;
        let identity = request.identity();
        let attempt = self.seen.entry(identity.clone()).or_default();
        *attempt += 1;
        let is_drawn = self.chance.is_none_or(|(probability, seed)| draw(seed, &identity, *attempt) < probability);
        let fires = self.matches > self.skip && self.fired < self.times && *attempt <= self.attempts && is_drawn;
        self.fired += usize::from(fires);
        fires
    }
}

/// A number from 0 up to 1.
fn draw(seed: u64, identity: &str, attempt: usize) -> f64 {
    let hash = XxHash3_128::oneshot_with_seed(seed, format!("{attempt} {identity}").as_bytes());
    let bits = u32::try_from(hash >> 96).expect("32 bits");
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// Percent-decoded.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]),
            None => (bytes.push(first), rest = after),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
