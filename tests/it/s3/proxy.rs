//! An HTTP/1.1 proxy between a client and a store that injects faults by rules.
//!
//! In: a client's requests. Out: the store's answers, or faults; a list of all requests, and the most at once. Never: a
//! byte changed without a rule. Requests are forwarded as they were signed, with the `Host` that the client sent; each has a
//! connection of its own to the store, so that the end of an answer is clear.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::fault::{Fault, Moment, Operation, Request, Rule, code};
use super::shelf::IGNORE_CONDITIONS;
use super::store::{Client, Environment, Store, environment};
use crate::harness::{Run, Started};

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    /// `host:port` of the store.
    store: String,
    checks_signatures: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rules: Vec<(Rule, Fault)>,
    requests: Vec<Request>,
    in_flight: usize,
    most_in_flight: usize,
    held: usize,
    connections: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Starts a proxy before a store.
    pub fn before(store: &dyn Store) -> Self {
        let shared = Arc::new(Shared {
            store: store.endpoint().trim_start_matches("http://").to_owned(),
            checks_signatures: store.checks_signatures(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("proxy").enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepting.state().connections += 1;
                tokio::spawn(serve(client, Arc::clone(&accepting)));
            }
        });
        Self { address, shared, runtime: Some(runtime) }
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables with which a command reaches the store through it.
    pub fn environment(&self) -> Environment {
        environment(&self.endpoint())
    }

    /// A client of a bucket without retries.
    pub fn client(&self, bucket: &str) -> Client {
        Client::new(&self.endpoint(), bucket, 0)
    }

    /// From now on, requests that match get the fault. The first rule that fires counts.
    pub fn rule(&self, rule: Rule, fault: Fault) {
        self.shared.state().rules.push((rule, fault));
    }

    /// Forgets all rules.
    pub fn heal(&self) {
        self.shared.state().rules.clear();
    }

    /// Forgets all requests, and the most at once.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.requests.clear();
        state.most_in_flight = state.in_flight;
    }

    /// All requests in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// The number of requests of a kind.
    pub fn count(&self, operation: Operation) -> usize {
        self.shared.state().requests.iter().filter(|request| request.operation == operation).count()
    }

    /// The number of requests that got a fault.
    pub fn faults(&self) -> usize {
        self.shared.state().requests.iter().filter(|request| request.fault.is_some()).count()
    }

    /// The most requests that were under way at the same time.
    pub fn most_in_flight(&self) -> usize {
        self.shared.state().most_in_flight
    }

    /// How many connections clients have opened.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until this many requests are held by [`Fault::HoldBefore`] or [`Fault::HoldAfter`]; returns whether they are.
    pub fn wait_for_held(&self, requests: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.shared.state();
        while state.held < requests {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Holds the `nth` request of these kinds, 1 for the first, or of any kind if there are none.
    pub fn hold(&self, operations: &[Operation], nth: usize, moment: Moment) {
        let fault = match moment {
            Moment::Before => Fault::HoldBefore,
            Moment::After => Fault::HoldAfter,
        };
        self.rule(Rule::of(operations).nth(nth), fault);
    }

    /// Kills a program when one of its requests is held, and waits until the store has executed all earlier ones. A program
    /// without a held request ends by itself.
    pub fn kill_when_held(&self, mut program: Started) -> Run {
        while program.child.try_wait().expect("a program").is_none() {
            if self.wait_for_held(1, Duration::from_millis(10)) {
                program.child.kill().expect("it is there");
                break;
            }
        }
        let run = program.end();
        let mut state = self.shared.state();
        state.held = 0;
        while state.in_flight > 0 {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        run
    }

    /// One line for each request, for messages.
    pub fn dump(&self) -> String {
        let line = |request: &Request| {
            let Request { number, method, path, query, range, status, fault, .. } = request;
            let status = status.map_or("–".to_owned(), |status| status.to_string());
            let more = [range, fault].map(|text| text.as_deref().unwrap_or_default());
            format!("{number:>5} {status:>3} {method} {path}?{query} {} {}", more[0], more[1])
        };
        self.requests().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One message of HTTP/1.1: its first line, its headers with lower-case names, its body as framed.
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    fn remove(&mut self, unwanted: &str) {
        self.headers.retain(|(name, _)| name != unwanted);
    }

    fn head(&self) -> Vec<u8> {
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}\r\n", self.first, lines.collect::<String>()).into_bytes()
    }

    /// Takes first line and headers from the front of `bytes`, if they are there in full; headers may hold any bytes.
    fn parse_head(bytes: &mut Vec<u8>) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        // Latin-1, so that every byte is unchanged.
        let head: String = bytes.drain(..end).map(char::from).collect();
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next()?.to_owned();
        let split =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Some(Self { first, headers: lines.filter_map(split).collect(), body: Vec::new() })
    }

    fn error(status: u16, code: &str, resource: &str) -> Self {
        let resource = resource.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>A fault of the proxy.</Message>\
             <Resource>{resource}</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>"
        );
        let headers = [("content-type", "application/xml".to_owned()), ("content-length", body.len().to_string())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Self { first: format!("HTTP/1.1 {status} {code}"), headers, body: body.into_bytes() }
    }
}

/// Counts a request as long as it is under way.
struct InFlight<'s>(&'s Shared);

impl<'s> InFlight<'s> {
    fn new(shared: &'s Shared) -> Self {
        let mut state = shared.state();
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        self.0.changed.notify_all();
    }
}

/// What happens to a connection after a request.
enum Next {
    Request,
    Close,
    Reset,
}

/// Serves a client until one of both is gone. Only the client sees errors of its connection.
async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let mut read = Vec::new();
    loop {
        match serve_one(&mut client, &mut read, &shared).await {
            Ok(Next::Request) => {}
            Ok(Next::Reset) => {
                let _ = client.set_zero_linger();
                return;
            }
            Ok(Next::Close) | Err(_) => {
                let _ = client.shutdown().await;
                return;
            }
        }
    }
}

async fn serve_one(client: &mut TcpStream, read: &mut Vec<u8>, shared: &Shared) -> io::Result<Next> {
    let Some(mut request) = read_request(client, read).await? else { return Ok(Next::Close) };
    let in_flight = InFlight::new(shared);
    let mut words = request.first.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let (number, path, fault) = {
        let mut state = shared.state();
        let number = state.requests.len();
        let mut seen = Request::new(number, &method, &target, &request.headers, request.body.len());
        seen.in_flight = state.in_flight;
        let fault = state.rules.iter_mut().find_map(|(rule, fault)| rule.fires(&seen).then(|| fault.clone()));
        seen.fault = fault.as_ref().map(|fault| format!("{fault:?}"));
        let path = seen.path.clone();
        state.requests.push(seen);
        (number, path, fault)
    };
    let is_head = method == "HEAD";
    match fault {
        Some(Fault::Delay(duration)) => tokio::time::sleep(duration).await,
        Some(Fault::Reset) => return Ok(Next::Reset),
        Some(Fault::Hang) => return wait_for_end(client).await,
        Some(Fault::HoldBefore) => return hold(client, shared).await,
        Some(Fault::SlowDown(duration)) => {
            tokio::time::sleep(duration).await;
            return answer(client, Message::error(503, code(503), &path), is_head, number, in_flight).await;
        }
        Some(Fault::Status(status)) => {
            return answer(client, Message::error(status, code(status), &path), is_head, number, in_flight).await;
        }
        Some(Fault::Answer(status, code)) => {
            return answer(client, Message::error(status, code, &path), is_head, number, in_flight).await;
        }
        Some(Fault::IgnoreConditions) if shared.checks_signatures => {
            request.headers.push((IGNORE_CONDITIONS.to_owned(), "1".to_owned()));
        }
        Some(Fault::IgnoreConditions) => {
            request.remove("if-match");
            request.remove("if-none-match");
        }
        _ => {}
    }
    let response = forward(&request, shared).await?;
    match fault {
        Some(Fault::DropAfterForward) => Ok(Next::Reset),
        Some(Fault::HoldAfter) => hold(client, shared).await,
        Some(Fault::ResetAfter(bytes)) => {
            send_part(client, &response, bytes).await?;
            Ok(Next::Reset)
        }
        Some(Fault::Truncate(bytes)) => {
            send_part(client, &response, bytes).await?;
            Ok(Next::Close)
        }
        Some(Fault::Trickle(bytes, interval)) => {
            client.write_all(&response.head()).await?;
            for piece in response.body.chunks(bytes.max(1)) {
                client.write_all(piece).await?;
                tokio::time::sleep(interval).await;
            }
            Ok(Next::Request)
        }
        _ => answer(client, response, is_head, number, in_flight).await,
    }
}

/// A client's next request, if there is one.
async fn read_request(client: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Message>> {
    let mut request = loop {
        if let Some(request) = Message::parse_head(read) {
            break request;
        }
        if client.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    if request.header("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        request.remove("expect");
    }
    assert!(request.header("transfer-encoding").is_none(), "S3 wants to know the length of a body: {}", request.first);
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while read.len() < length {
        if client.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
    request.body = read.drain(..length).collect();
    Ok(Some(request))
}

/// The store's answer to a request.
async fn forward(request: &Message, shared: &Shared) -> io::Result<Message> {
    let mut store = TcpStream::connect(&shared.store).await?;
    store.set_nodelay(true)?;
    let last = request.headers.iter().filter(|(name, _)| name != "connection").cloned();
    let headers = last.chain([("connection".to_owned(), "close".to_owned())]).collect();
    let head = Message { first: request.first.clone(), headers, body: Vec::new() }.head();
    store.write_all(&head).await?;
    store.write_all(&request.body).await?;
    let mut read = Vec::new();
    store.read_to_end(&mut read).await?;
    let response = Message::parse_head(&mut read);
    let mut response = response.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    response.remove("connection");
    response.body = read;
    Ok(response)
}

/// Answers in full. The request is over before its last byte goes, or the client's next one might seem to overlap it.
async fn answer(
    client: &mut TcpStream,
    mut response: Message,
    is_head: bool,
    number: usize,
    in_flight: InFlight<'_>,
) -> io::Result<Next> {
    let status: u16 = response.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    if is_head {
        response.body.clear();
    } else if response.header("content-length").or(response.header("transfer-encoding")).is_none() && status != 204 {
        response.headers.push(("content-length".to_owned(), response.body.len().to_string()));
    }
    if let Some(request) = in_flight.0.state().requests.get_mut(number) {
        request.status = Some(status);
    }
    let message = [response.head(), response.body].concat();
    let (most, last) = message.split_at(message.len() - 1);
    client.write_all(most).await?;
    drop(in_flight);
    client.write_all(last).await?;
    Ok(Next::Request)
}

async fn send_part(client: &mut TcpStream, response: &Message, bytes: usize) -> io::Result<()> {
    client.write_all(&response.head()).await?;
    client.write_all(&response.body[..bytes.min(response.body.len())]).await?;
    client.flush().await
}

async fn hold(client: &mut TcpStream, shared: &Shared) -> io::Result<Next> {
    shared.state().held += 1;
    shared.changed.notify_all();
    wait_for_end(client).await
}

/// Waits until the client is gone.
async fn wait_for_end(client: &mut TcpStream) -> io::Result<Next> {
    let mut more = [0; 1024];
    while client.read(&mut more).await? > 0 {}
    Ok(Next::Close)
}
