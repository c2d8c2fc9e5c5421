//! Archives in a bucket against the same archives in a folder: how much of the speed is left.
//!
//! `cargo bench --bench objects` measures at full size; with `-- --smoke` it only checks that everything works. The store is
//! this process, which answers from memory after a delay, like a distant one; it shares the cores with the measured run, so
//! its own CPU time is printed, too. Runs of both kinds alternate, and medians are printed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its figures")]

mod generated;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use generated::generate;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Runs of each case.
const RUNS: usize = 5;
/// How long the store takes to answer.
const LATENCY: Duration = Duration::from_millis(30);
/// Requests at once that a busy store bears; it answers 503 `SlowDown` to others.
const BEARABLE: usize = 64;
/// Keys on a page of a list (Amazon S3 API Reference, `ListObjectsV2`).
const PAGE_KEYS: usize = 1_000;

const BUCKET: &str = "trail";

/// Numbers of archives, and of events in each, and the requests at once that their store bears.
struct Input {
    name: &'static str,
    mix: &'static str,
    sizes: (usize, usize),
    bearable: usize,
}

const INPUTS: [Input; 3] = [
    // Half a megabyte each.
    Input { name: "org", mix: "org", sizes: (300, 2_500), bearable: usize::MAX },
    Input { name: "tiny", mix: "tiny", sizes: (20_000, 5), bearable: usize::MAX },
    Input { name: "tiny, busy store", mix: "tiny", sizes: (5_000, 5), bearable: BEARABLE },
];

fn main() -> ExitCode {
    let is_smoke = std::env::args().any(|argument| argument == "--smoke" || argument == "--test");
    match run(is_smoke) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_smoke: bool) -> Result<()> {
    println!(
        "| input | archives | KB each | local s | from S3 s | speed | local CPU s | from S3 CPU s | store CPU s | objects / s | requests | SlowDown | most at once |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    for Input { name, mix, sizes, bearable } in &INPUTS {
        let folder = tempfile::tempdir()?;
        let archives = folder.path().join("archives");
        let sizes = if is_smoke { (20, 5) } else { *sizes };
        let [count, events, _] = generate(mix, Some(sizes), &archives)?;
        let store = Store::start(&archives, *bearable)?;
        let mut figures = [Vec::new(), Vec::new()];
        let (own_before, runs) = (cpu_ms(Whose::Own)?, if is_smoke { 1 } else { RUNS });
        for _ in 0..runs {
            for (input, figures) in [archives.display().to_string(), format!("s3://{BUCKET}")].iter().zip(&mut figures)
            {
                figures.push(convert(input, &store.endpoint, folder.path(), events)?);
            }
        }
        let [local, remote] = figures.map(|mut figures| {
            figures.sort_unstable();
            figures[figures.len() / 2]
        });
        println!(
            "| {name} | {} | {} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {} | {} | {} | {} |",
            count,
            store.bytes / count / 1_000,
            seconds(local.0),
            seconds(remote.0),
            seconds(local.0) / seconds(remote.0) * 100.0,
            seconds(local.1),
            seconds(remote.1),
            seconds((cpu_ms(Whose::Own)? - own_before) / runs as u64),
            count * 1_000 / remote.0.max(1),
            store.counts.requests.load(Ordering::Relaxed) / runs,
            store.counts.refused.load(Ordering::Relaxed) / runs,
            store.counts.most_at_once.load(Ordering::Relaxed),
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn seconds(ms: u64) -> f64 {
    ms.max(1) as f64 / 1_000.0
}

/// Converts once, in a process of its own: its wall time and CPU time in milliseconds.
fn convert(input: &str, endpoint: &str, folder: &Path, events: u64) -> Result<(u64, u64)> {
    let (lake, report) = (folder.join("lake"), folder.join("report.json"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
    command.args(["convert", input, "-q", "--threads", "2", "--s3-anonymous", "--s3-endpoint", endpoint, "--out"]);
    let (started, cpu_before) = (Instant::now(), cpu_ms(Whose::Children)?);
    let status = command.arg(&lake).arg("--report").arg(&report).env("AWS_REGION", "us-east-1").status()?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis())?;
    let report: Json = serde_json::from_slice(&std::fs::read(report)?)?;
    std::fs::remove_dir_all(lake)?;
    let found = report.pointer("/events/seen").and_then(Json::as_u64);
    if (status.code(), found) != (Some(0), Some(events)) {
        return Err(format!("{input}: exit code and events are {status} and {found:?}, not 0 and {events}").into());
    }
    Ok((elapsed_ms, cpu_ms(Whose::Children)? - cpu_before))
}

/// Whose CPU time is measured.
#[derive(Clone, Copy)]
enum Whose {
    Own,
    /// Of processes that have ended.
    Children,
}

/// CPU time so far, as Linux reports it; zero elsewhere.
fn cpu_ms(whose: Whose) -> Result<u64> {
    /// Milliseconds of a clock tick, which is the same on all common systems.
    const TICK_MS: u64 = 10;
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return Ok(0) };
    // After the name, which may hold spaces: proc(5).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let first = match whose {
        Whose::Own => 11,
        Whose::Children => 13,
    };
    let ticks =
        |at: usize| fields.get(at).ok_or("a short line")?.parse::<u64>().map_err(Box::<dyn std::error::Error>::from);
    Ok((ticks(first)? + ticks(first + 1)?) * TICK_MS)
}

/// Objects by key.
type Objects = BTreeMap<String, Vec<u8>>;

/// What a store received.
#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    /// Requests beyond those that it bears.
    refused: AtomicUsize,
}

/// A store with as much of the S3 API as a conversion uses.
struct Store {
    endpoint: String,
    /// Of all objects.
    bytes: u64,
    counts: Arc<Counts>,
    _runtime: tokio::runtime::Runtime,
}

impl Store {
    /// Serves the files below a folder, some requests at once.
    fn start(folder: &Path, bearable: usize) -> Result<Self> {
        let mut objects = Objects::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(folder)?.to_str().ok_or("a path that is not UTF-8")?.to_owned();
                    objects.insert(key, std::fs::read(path)?);
                }
            }
        }
        let bytes = objects.values().map(|object| object.len() as u64).sum();
        let (objects, counts) = (Arc::new(objects), Arc::new(Counts::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let counted = Arc::clone(&counts);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (objects, counts) = (Arc::clone(&objects), Arc::clone(&counted));
                tokio::spawn(async move {
                    // A client that disconnects has all it wants.
                    let _ = serve(client, &objects, &counts, bearable).await;
                });
            }
        });
        Ok(Self { endpoint, bytes, counts, _runtime: runtime })
    }
}

async fn serve(mut client: TcpStream, objects: &Objects, counts: &Counts, bearable: usize) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        let end = loop {
            match received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None if client.read_buf(&mut received).await? == 0 => return Ok(()),
                None => {}
            }
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        received.drain(..end);
        let at_once = counts.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        counts.requests.fetch_add(1, Ordering::Relaxed);
        counts.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        tokio::time::sleep(LATENCY).await;
        let (answer, body) = if at_once <= bearable {
            answer(&head, objects)
        } else {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            let body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
            (format!("HTTP/1.1 503 Slow Down\r\nContent-Length: {}\r\n\r\n", body.len()), body.to_vec())
        };
        client.write_all(answer.as_bytes()).await?;
        client.write_all(&body).await?;
        counts.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(head: &str, objects: &Objects) -> (String, Vec<u8>) {
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = |status: &str, length: usize, more: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nLast-Modified: Sat, 01 Mar 2025 00:00:00 GMT\r\n{more}\r\n"
        )
    };
    let key = decoded(path.trim_start_matches('/').strip_prefix(BUCKET).unwrap_or_default().trim_start_matches('/'));
    if query.contains("list-type") {
        let body = list(query, objects).into_bytes();
        return (headers("200 OK", body.len(), "Content-Type: application/xml\r\n"), body);
    }
    let Some(bytes) = objects.get(&key) else { return (headers("404 Not Found", 0, ""), Vec::new()) };
    let etag = format!("ETag: \"{:032x}\"\r\n", bytes.len());
    if method == "HEAD" {
        return (headers("200 OK", bytes.len(), &etag), Vec::new());
    }
    let range =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let range = range.and_then(|range| {
        let (start, end) = range.trim().split_once('-')?;
        Some((start.parse::<usize>().ok()?, end.parse::<usize>().ok()?.min(bytes.len() - 1)))
    });
    match range {
        Some((start, end)) => {
            let more = format!("{etag}Content-Range: bytes {start}-{end}/{}\r\n", bytes.len());
            (headers("206 Partial Content", end + 1 - start, &more), bytes[start..=end].to_vec())
        }
        None => (headers("200 OK", bytes.len(), &etag), bytes.clone()),
    }
}

/// A page of `ListObjectsV2`; the token is the last key or folder of the page before.
fn list(query: &str, objects: &Objects) -> String {
    let parameter = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        decoded(pair.unwrap_or_default())
    };
    let (prefix, delimiter, token) = (parameter("prefix"), parameter("delimiter"), parameter("continuation-token"));
    let after = if token.is_empty() { parameter("start-after") } else { token };
    let (mut contents, mut folders, mut last, mut is_truncated) = (String::new(), Vec::<&str>::new(), "", false);
    let mut count = 0;
    for (key, bytes) in objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
        let folder = key[prefix.len()..].find('/').filter(|_| !delimiter.is_empty());
        let told = folder.map_or(key.as_str(), |at| &key[..=prefix.len() + at]);
        if told <= after.as_str() || folders.last() == Some(&told) {
            continue;
        }
        if count == PAGE_KEYS {
            is_truncated = true;
            break;
        }
        (count, last) = (count + 1, told);
        if folder.is_some() {
            folders.push(told);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(
                contents,
                "<Contents><Key>{key}</Key><LastModified>2025-03-01T00:00:00.000Z</LastModified><ETag>\"{:032x}\"</ETag><Size>{}</Size></Contents>",
                bytes.len(),
                bytes.len()
            );
        }
    }
    for folder in folders {
        let _ = write!(contents, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
    }
    let next =
        if is_truncated { format!("<NextContinuationToken>{last}</NextContinuationToken>") } else { String::new() };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>{BUCKET}</Name><IsTruncated>{is_truncated}</IsTruncated>{next}{contents}</ListBucketResult>"
    )
}

/// Percent-decoded; generated keys hold nothing else that is special.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.map_or('%', char::from));
        out.push_str(part.get(2..).unwrap_or_default());
    }
    out
}
