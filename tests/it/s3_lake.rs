//! Lakes in a bucket keep the promises of lakes in a folder: the same bytes, one writer, and a commit that is whole or
//! absent, whatever happens to requests and to the runs that send them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::{Workdir, event, files, records, say, text};
use crate::reference::Row;
use crate::s3::crash::kill_at_each_request;
use crate::s3::fault::{Fault, Operation, Request, Rule};
use crate::s3::proxy::Proxy;
use crate::s3::server::Server;
use crate::s3::store::{Environment, Store, on_every_store};

/// Requests that change something.
const CHANGES: [Operation; 7] = [
    Operation::Put,
    Operation::Delete,
    Operation::DeleteMany,
    Operation::Begin,
    Operation::Part,
    Operation::Complete,
    Operation::Abort,
];

const LAKE: &str = "s3://lakes/one/lake";

/// A run in two commits; others take it for dead after this many seconds of silence.
fn run(lease: f64) -> String {
    run_into("one", lease)
}

/// The same into another lake.
fn run_into(name: &str, lease: f64) -> String {
    format!("convert in --out s3://lakes/{name}/lake --step-size 400B --threads 2 -q --s3-lease {lease}")
}

/// Long enough for the heartbeat of any run here, short enough to wait for the lease of a killed one to expire.
const LEASE: f64 = 1.5;
/// Where nothing is killed, however slow the machine is.
const LONG: f64 = 120.0;

fn inputs() -> Workdir {
    let workdir = Workdir::new();
    for (number, day) in ["01", "02", "01"].into_iter().enumerate() {
        let dated = |id: String| event(&id, "").replace("2025-03-01", &format!("2025-03-{day}"));
        let events: Vec<String> = (0..20).map(|at| dated(format!("{number}-{at}"))).collect();
        workdir.gzip(&format!("in/{number}.json.gz"), records(&events));
    }
    workdir.file("in/3.json", "{\"Records\":[{]}");
    workdir
}

/// Part files except those of the manifest, and its rows without the time of day.
type Content = (BTreeMap<PathBuf, Vec<u8>>, Vec<Row>);

fn content(workdir: &Workdir, lake: &str) -> Content {
    let parts = ["events", "usage_records", "quarantine"].map(|table| {
        let files = workdir.snapshot(&format!("{lake}/{table}")).into_iter();
        files.map(move |(path, (bytes, _))| (PathBuf::from(table).join(path), bytes))
    });
    let mut manifest = crate::reference::read_table(&workdir.at(lake), "archives");
    for row in &mut manifest {
        row.remove("converted_at");
    }
    manifest.sort_by_key(|row| text(row, "archive").to_owned());
    (parts.into_iter().flatten().collect(), manifest)
}

/// The content of a lake in a bucket.
fn fetched(workdir: &Workdir, store: &dyn Store, name: &str) -> Content {
    let copy = format!("copy-{name}");
    let path = workdir.at(&copy);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("a copy");
    }
    store.get_tree("lakes", &format!("{name}/lake/"), &path);
    content(workdir, &copy)
}

/// Inputs, and the content of a lake in a folder with as many commits.
fn expected() -> (Workdir, Content) {
    let workdir = inputs();
    workdir.run("convert in --out lake --step-size 400B --threads 2 -q").expect(1);
    let commits = files(&workdir.at("lake/archives")).len();
    assert!(commits >= 2, "{commits} commits");
    let content = content(&workdir, "lake");
    (workdir, content)
}

#[track_caller]
fn same(found: &Content, expected: &Content, moment: &str) {
    let names = |content: &Content| content.0.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{moment}");
    assert!(found.0 == expected.0, "{moment}: files differ");
    assert_eq!(found.1, expected.1, "{moment}");
}

/// Lets another run finish, and checks its result and what it left.
fn check_recovery(workdir: &Workdir, store: &dyn Store, name: &str, expected: &Content, moment: &str) {
    let run = workdir.run_in(&store.environment(), &run_into(name, LEASE));
    assert!(run.code() == 1 || run.code() == 0, "{moment}: {}", run.dump());
    same(&fetched(workdir, store, name), expected, moment);
    let is_ours = |key: &String| key.starts_with(&format!("{name}/"));
    let left: Vec<String> = store.objects("lakes").into_iter().filter(is_ours).collect();
    assert!(!left.iter().any(|key| key.contains("/_trailmill/")), "{moment}: {left:?}");
    assert!(!store.uploads("lakes").iter().any(|(key, _)| is_ours(key)), "{moment}: uploads are left");
    workdir.run_in(&store.environment(), &format!("check s3://lakes/{name}/lake")).expect(0);
}

fn empty(store: &dyn Store) {
    for key in store.objects("lakes") {
        store.remove("lakes", &key);
    }
}

#[test]
fn a_lake_in_a_bucket_has_the_bytes_of_one_in_a_folder() {
    let (workdir, expected) = expected();
    on_every_store(|store| {
        store.create_bucket("lakes");
        let environment = store.environment();
        let first = workdir.run_in(&environment, &run(LEASE)).expect(1);
        same(&fetched(&workdir, store, "one"), &expected, store.name());
        let objects = store.objects("lakes");
        let again = workdir.run_in(&environment, &run(LEASE)).expect(0);
        assert_eq!(store.objects("lakes"), objects, "{} {}", first.dump(), again.dump());
        // Every reader of the lake gets the same.
        for command in ["check LAKE", "inspect LAKE", "restore LAKE", "restore LAKE --event-id 1-7 -q"] {
            let of = |lake: &str, run: crate::harness::Run| {
                let took = |line: &&str| !line.contains(" in ") && !line.contains("lake  ");
                let printed = run.stdout().lines().filter(took).collect::<Vec<_>>().join("\n");
                assert!(run.code() < 2 && !printed.is_empty(), "{lake}: {}", run.dump());
                printed
            };
            let remote = workdir.run_in(&environment, &command.replace("LAKE", LAKE));
            let local = workdir.run(&command.replace("LAKE", "lake"));
            assert_eq!(of(LAKE, remote), of("lake", local), "{}: {command}", store.name());
        }
    });
}

/// A run dies at each request that changes something, before or after the store has executed it; then another finishes.
#[test]
fn killed_at_any_request() {
    let (workdir, expected) = expected();
    let server = Server::with_bucket("lakes");
    let start = |environment: &Environment, name: &str| workdir.start_in(environment, &run_into(name, LEASE));
    let kills = kill_at_each_request(&server, &CHANGES, 1, start, |name, moment| {
        check_recovery(&workdir, &server, name, &expected, moment);
    });
    say(&format!("s3_lake: {kills} kills survived"));
    assert!(kills > 20, "{kills}");
}

/// A file of the lake that takes more than one request.
fn large_input() -> Workdir {
    let workdir = Workdir::new();
    let mut noise = 1_u64;
    let mut text = |bytes: usize| -> String {
        let mut next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from(noise >> 60).expect("four bits"))
        };
        (0..bytes).map(|_| next()).collect()
    };
    let events: Vec<String> = (0..18)
        .map(|at| event(&format!("e{at}"), &format!("\"requestParameters\":{{\"a\":\"{}\"}}", text(1 << 20))))
        .collect();
    workdir.file("in/large.json", records(&events));
    workdir
}

#[test]
fn a_large_part_is_uploaded_in_pieces_and_none_are_left() {
    let workdir = large_input();
    let run = |lease: f64| format!("convert in --out {LAKE} --compression none --threads 2 -q --s3-lease {lease}");
    workdir.run("convert in --out lake --compression none --threads 2 -q").expect(0);
    let expected = content(&workdir, "lake");
    let largest = expected.0.values().map(Vec::len).max().expect("a part");
    assert!(largest > 16 << 20, "{largest} bytes");
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    // Requests that fail, and answers that are lost, are sent again.
    for operation in [Operation::Begin, Operation::Part, Operation::Complete] {
        for fault in [Fault::Status(503), Fault::Reset, Fault::DropAfterForward] {
            proxy.heal();
            proxy.rule(Rule::of(&[operation]).times(1), fault.clone());
            let run = workdir.run_in(&proxy.environment(), &run(LEASE));
            assert_eq!(run.code(), 0, "{operation:?} {fault:?}: {} {}", run.dump(), proxy.dump());
            same(&fetched(&workdir, &server, "one"), &expected, &format!("{operation:?} {fault:?}"));
            assert!(server.uploads("lakes").is_empty(), "{operation:?} {fault:?}");
            empty(&server);
        }
    }
    let mut held = 0;
    for (operation, nth) in [(Operation::Begin, 1), (Operation::Part, 2), (Operation::Complete, 1)] {
        for fault in [Fault::HoldBefore, Fault::HoldAfter] {
            proxy.heal();
            proxy.rule(Rule::of(&[operation]).nth(nth), fault.clone());
            let started = workdir.start_in(&proxy.environment(), &run(LEASE));
            held += 1;
            assert!(proxy.wait_for_held(held, Duration::from_mins(1)), "{operation:?} {fault:?} {}", proxy.dump());
            started.signal("KILL");
            started.end();
            let is_over = matches!(
                (operation, &fault),
                (Operation::Complete, Fault::HoldAfter) | (Operation::Begin, Fault::HoldBefore)
            );
            assert_eq!(server.uploads("lakes").is_empty(), is_over, "{operation:?} {fault:?}");
            workdir.run_in(&server.environment(), &run(LEASE)).expect(0);
            same(&fetched(&workdir, &server, "one"), &expected, &format!("killed at {operation:?}, {fault:?}"));
            assert!(server.uploads("lakes").is_empty(), "{operation:?} {fault:?}");
            empty(&server);
        }
    }
}

/// Archives whose first day is a part of many pieces, which is at rest once there are as many other days as parts that may be
/// open; the last archive has other content.
fn many_days(last: &str) -> Workdir {
    let workdir = large_input();
    let large = std::fs::read_to_string(workdir.at("in/large.json")).expect("events");
    std::fs::remove_file(workdir.at("in/large.json")).expect("a file");
    for day in 1..=10 {
        let text = large.replace("2025-03-01", &format!("2025-03-{day:02}"));
        let text = text.replace("\"eventID\":\"e", &format!("\"eventID\":\"{day}-"));
        // A whole large archive, and then one event of each day.
        let end = text.match_indices("},{").next().map_or(text.len(), |(at, _)| at + 1);
        let text = if day == 1 { text } else { format!("{}]}}", &text[..end]) };
        workdir.file(&format!("in/{day:02}.json"), text);
    }
    workdir.file("in/99.json", last);
    workdir
}

/// Pieces of a part are in the bucket before the last archive was read: its store is busy until then. A run that fails does
/// not wait for those in flight.
#[test]
fn parts_are_uploaded_while_archives_are_converted() {
    let flags = "--compression none --threads 2 -q --s3-lease 120";
    for (last, flags_of_last, code) in [(records(&[event("last", "")]), "", 0), ("{".to_owned(), "--on-bad fail", 2)] {
        let workdir = many_days(&last);
        let server = Server::with_bucket("lakes");
        server.put_tree("lakes", "in", &workdir.at("in"));
        let proxy = Proxy::before(&server);
        let uploaded = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&uploaded);
        // It only notes that there was one.
        let note = move |_: &Request| {
            noted.store(true, Ordering::Relaxed);
            false
        };
        proxy.rule(Rule::of(&[Operation::Part]).when(note), Fault::Reset);
        if code != 0 {
            proxy.rule(Rule::of(&[Operation::Part]), Fault::Hang);
        }
        let waits = move |_: &Request| !uploaded.load(Ordering::Relaxed);
        proxy.rule(Rule::get().key_contains("in/99.json").when(waits), Fault::Status(503));
        let command = format!("convert s3://lakes/in --out {LAKE} {flags} {flags_of_last}");
        let run = workdir.run_in(&proxy.environment(), &command);
        assert_eq!(run.code(), code, "{} {}", run.dump(), proxy.dump());
        let requests = proxy.requests();
        let last =
            requests.iter().rposition(|request| request.path.contains("in/99.json") && request.status == Some(200));
        let first = requests.iter().position(|request| request.operation == Operation::Part);
        assert!(first.is_some() && first < last, "{}", proxy.dump());
        assert!(server.uploads("lakes").is_empty(), "{:?}", server.uploads("lakes"));
        let of_lake = server.objects("lakes").into_iter().filter(|key| key.starts_with("one/")).count();
        assert_eq!(of_lake > 0, code == 0, "{}", run.dump());
        if code == 0 {
            let begun = proxy.count(Operation::Begin);
            assert_eq!((begun, proxy.count(Operation::Complete)), (1, 1), "{}", proxy.dump());
            let local = Workdir::new();
            local.run_in(&server.environment(), &format!("convert s3://lakes/in --out lake {flags}")).expect(0);
            same(&fetched(&workdir, &server, "one"), &content(&local, "lake"), "uploaded early");
        }
    }
}

/// A run that ends before its commit, and whose uploads the store does not abort, says so. The next run learns of them from
/// the lease, which stays unless the store would refuse that again.
#[test]
fn uploads_that_are_not_aborted_are_reported() {
    let flags = "--compression none --threads 2 --s3-lease 1 --s3-retries 1";
    for (fault, leases) in [(Fault::Status(403), 0), (Fault::Status(500), 1)] {
        let workdir = large_input();
        let server = Server::with_bucket("lakes");
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::of(&[Operation::Abort]), fault.clone());
        proxy.rule(Rule::of(&[Operation::Complete]), Fault::Status(403));
        let run = workdir.run_in(&proxy.environment(), &format!("convert in --out {LAKE} {flags}"));
        assert_ne!(run.code(), 0, "{}", run.dump());
        assert!(run.stderr().contains("AbortIncompleteMultipartUpload"), "{fault:?} {}", run.dump());
        assert_eq!(server.uploads("lakes").len(), 1, "{}", proxy.dump());
        let found = server.objects("lakes").into_iter().filter(|key| key.contains("_trailmill/runs/")).count();
        assert_eq!(found, leases, "{}", run.dump());
        workdir.run_in(&server.environment(), &format!("convert in --out {LAKE} {flags}")).expect(0);
        assert!(server.uploads("lakes").is_empty(), "{}", proxy.dump());
    }
}

/// An upload whose id the dead run never learnt, on every store; other uploads there are left alone.
#[test]
fn an_upload_that_was_begun_and_not_noted_does_not_outlive_the_next_run() {
    let workdir = large_input();
    let run = format!("convert in --out {LAKE} --compression none --threads 2 --s3-lease {LEASE}");
    on_every_store(|store| {
        store.create_bucket("lakes");
        for (refusal, printed) in [
            (None, ""),
            (Some(Fault::Status(403)), "access denied (AccessDenied"),
            (Some(Fault::Answer(501, "NotImplemented")), "NotImplemented"),
        ] {
            let client = store.client("lakes");
            for key in ["one/lake/events/of-somebody-else", "one/lake/events", "one/elsewhere"] {
                assert_eq!(client.ask("POST", &format!("/lakes/{key}?uploads=")).0, 200, "{}", store.name());
            }
            let others = store.uploads("lakes");
            let proxy = Proxy::before(store);
            proxy.rule(Rule::of(&[Operation::Begin]).nth(1), Fault::HoldAfter);
            let started = workdir.start_in(&proxy.environment(), &run);
            assert!(proxy.wait_for_held(1, Duration::from_mins(1)), "{}", proxy.dump());
            started.signal("KILL");
            started.end();
            assert_eq!(store.uploads("lakes").len(), others.len() + 1, "{}", store.name());
            proxy.heal();
            if let Some(refusal) = &refusal {
                proxy.rule(Rule::of(&[Operation::ListUploads]), refusal.clone());
            }
            let next = workdir.run_in(&proxy.environment(), &run).expect(0);
            assert_eq!(store.uploads("lakes") == others, refusal.is_none(), "{}: {}", store.name(), next.dump());
            assert_eq!(next.stderr().contains("may have left uploads below"), refusal.is_some(), "{}", next.dump());
            assert!(next.stderr().contains(printed) && !next.stderr().contains("Signature"), "{}", next.dump());
            for (key, id) in store.uploads("lakes") {
                client.ask("DELETE", &format!("/lakes/{key}?uploadId={id}"));
            }
            empty(store);
        }
    });
}

/// If a request fails twice in any way, the run goes on, and the result is the same.
#[test]
fn requests_that_fail_are_sent_again() {
    let (workdir, expected) = expected();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    let operations = [Operation::Put, Operation::Delete, Operation::List, Operation::Get, Operation::Head];
    let faults = [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Reset,
        Fault::DropAfterForward,
        Fault::Truncate(3),
        Fault::ResetAfter(3),
    ];
    for operation in operations {
        for fault in &faults {
            proxy.heal();
            proxy.forget();
            proxy.rule(Rule::of(&[operation]).attempts(2), fault.clone());
            let run = workdir.run_in(&proxy.environment(), &run(LONG));
            assert_eq!(run.code(), 1, "{operation:?} {fault:?}: {} {}", run.dump(), proxy.dump());
            same(&fetched(&workdir, &server, "one"), &expected, &format!("{operation:?} {fault:?}"));
            empty(&server);
        }
    }
    // Another client was about to write the same object, and has not.
    proxy.heal();
    let conflict = Fault::Answer(409, "ConditionalRequestConflict");
    proxy.rule(Rule::put().when(|request| request.is_conditional).attempts(2), conflict);
    let run = workdir.run_in(&proxy.environment(), &run(LONG));
    assert_eq!(run.code(), 1, "{} {}", run.dump(), proxy.dump());
    assert!(proxy.faults() > 2, "{}", proxy.dump());
    same(&fetched(&workdir, &server, "one"), &expected, "409");
}

/// A permanent failure is reported with its place, and published commits stay.
#[test]
fn a_failed_write_is_reported_and_the_next_run_recovers() {
    let (workdir, expected) = expected();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    for word in ["_trailmill/runs", "events/event_date=2025-03-02", "archives/part-000001", "archives/part-000002"] {
        proxy.heal();
        proxy.rule(Rule::put().key_contains(word), Fault::Status(403));
        let run = workdir.run_in(&proxy.environment(), &run(LEASE));
        assert_eq!(run.code(), 2, "{word}: {}", run.dump());
        let printed = run.stderr();
        assert!(
            printed.contains("cannot write to the lake: s3://lakes/one/lake") && printed.contains("access denied"),
            "{printed}"
        );
        let shown = server.objects("lakes").into_iter().filter(|key| key.ends_with(".parquet")).count();
        assert_eq!(
            shown > 0,
            word == "archives/part-000002",
            "{word}: nothing of a commit stays that is not published"
        );
        check_recovery(&workdir, &server, "one", &expected, word);
        empty(&server);
    }
}

#[test]
fn unusable_lake_urls_are_refused() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    server.put("lakes", "one/lake/events/mine.parquet", b"mine");
    let run = workdir.run_in(&server.environment(), &run(LEASE)).expect(2);
    assert!(
        run.stderr().contains("events/mine.parquet") && run.stderr().contains("choose another --out"),
        "{}",
        run.dump()
    );
    assert_eq!(server.objects("lakes"), ["one/lake/events/mine.parquet"]);
    let run = workdir.run_in(&server.environment(), "convert in --out s3://nowhere/lake -q").expect(2);
    assert!(run.stderr().contains("NoSuchBucket"), "{}", run.dump());
    let run = workdir.run_in(&server.environment(), "check s3://lakes/empty").expect(2);
    assert!(run.stderr().contains("no run of trailmill has begun a lake there"), "{}", run.dump());
    let run = workdir.run_in(&Environment::new(), "convert in --out gs://lakes/lake -q").expect(2);
    assert!(run.stderr().contains("only s3:// URLs"), "{}", run.dump());
}

/// While a run is alive no other writes, even where the store ignores conditions.
#[test]
fn one_writer() {
    let (workdir, expected) = expected();
    for honours_conditions in [true, false] {
        let server = Server::with_bucket("lakes");
        if !honours_conditions {
            server.ignore_conditions();
        }
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::put().key_contains("archives/"), Fault::HoldBefore);
        let first = workdir.start_in(&proxy.environment(), &run(LEASE));
        assert!(proxy.wait_for_held(1, Duration::from_secs(20)), "{}", proxy.dump());
        let second = workdir.run_in(&server.environment(), &run(LEASE)).expect(75);
        assert!(second.stderr().contains("another run is using s3://lakes/one/lake"), "{}", second.dump());
        first.signal("KILL");
        first.end();
        check_recovery(&workdir, &server, "one", &expected, "the first run is dead");
    }
}

/// The first run has a long lease, and the second would take over after a moment of silence: it gives way within seconds,
/// and the first goes on.
#[test]
fn a_run_with_a_long_lease_is_not_taken_over_where_conditions_are_ignored() {
    for lease in [300.0, 90.0] {
        let (workdir, expected) = expected();
        let server = Server::with_bucket("lakes");
        server.ignore_conditions();
        let proxy = Proxy::before(&server);
        // Its test of conditional puts is slow, and then its publishing.
        let slow = |request: &crate::s3::fault::Request| request.is_conditional || request.path.contains("archives/");
        proxy.rule(Rule::put().when(slow).times(2), Fault::Delay(Duration::from_secs(12)));
        let first = workdir.start_in(&proxy.environment(), &run(lease));
        while !server.objects("lakes").iter().any(|key| key.contains("_trailmill/runs/")) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let second = workdir.run_in(&server.environment(), &run(3.0)).expect(75);
        assert!(second.stderr().contains("another run is using s3://lakes/one/lake"), "{}", second.dump());
        let first = first.end().expect(1);
        same(&fetched(&workdir, &server, "one"), &expected, &first.dump());
        assert!(!server.objects("lakes").iter().any(|key| key.contains("_trailmill")), "{:?}", server.objects("lakes"));
    }
}

/// The claim of a run counts for its whole lease, even if its object cannot be parsed.
#[test]
fn an_unreadable_claim_counts_for_as_long_as_its_lease() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::put().key_contains("archives/"), Fault::HoldBefore);
    let first = workdir.start_in(&proxy.environment(), &run(600.0));
    assert!(proxy.wait_for_held(1, Duration::from_secs(20)), "{}", proxy.dump());
    first.signal("KILL");
    first.end();
    let key = server.objects("lakes").into_iter().find(|key| key.contains("_trailmill/runs/")).expect("a claim");
    for bytes in ["", "{}", "{\"process\":1,\"lease_ms\":90", "no JSON"] {
        server.put("lakes", &key, bytes.as_bytes());
        let second = workdir.start_in(&server.environment(), &run(0.2));
        std::thread::sleep(Duration::from_secs(2));
        assert!(server.objects("lakes").contains(&key), "{bytes:?}: it was taken for dead");
        second.signal("KILL");
        second.end();
        for other in server.objects("lakes").into_iter().filter(|other| other.contains("_trailmill") && *other != key) {
            server.remove("lakes", &other);
        }
    }
}

/// A run that loses its claim ends soon, at any point, and says so.
#[test]
fn a_lost_claim_is_reported_wherever_the_run_waits() {
    let workdir = inputs();
    for (rule, place) in [
        (Rule::get().key_contains("in/"), "it reads"),
        // For the first two lists it has no claim yet.
        (Rule::list().query_contains("archives").skip(2), "it looks for commits"),
        (Rule::put().key_contains("archives/"), "it publishes"),
    ] {
        let server = Server::with_bucket("lakes");
        server.put_tree("lakes", "in", &workdir.at("in"));
        let proxy = Proxy::before(&server);
        proxy.rule(rule, Fault::HoldBefore);
        let command = format!("convert s3://lakes/in --out {LAKE} -q --s3-lease 1 --s3-timeout 600");
        let run = workdir.start_in(&proxy.environment(), &command);
        assert!(proxy.wait_for_held(1, Duration::from_secs(20)), "{place}: {}", proxy.dump());
        let claim = server.objects("lakes").into_iter().find(|key| key.contains("_trailmill/runs/"));
        server.remove("lakes", &claim.expect("a claim"));
        let run = run.end().expect(75);
        let printed = run.stderr();
        assert!(
            printed.contains("lake in use: s3://lakes/one/lake: another run has taken over"),
            "{place}: {}",
            run.dump()
        );
        assert!(!printed.contains("asked to stop"), "{place}: {}", run.dump());
    }
}

/// A run that was taken for dead, but only slept, changes nothing when it wakes: neither what another has published
/// meanwhile, nor what that one is writing.
#[test]
fn a_run_that_slept_too_long_gives_way() {
    let workdir = inputs();
    workdir.gzip("other/other.json.gz", records(&[event("other", "")]));
    // Before its first part, before the manifest, and with one in flight.
    let moments = ["events/event_date=2025-03-01", "events/event_date=2025-03-02", "archives/"];
    for (honours_conditions, moment) in [true, false].into_iter().flat_map(|it| moments.map(|moment| (it, moment))) {
        let server = Server::with_bucket("lakes");
        if !honours_conditions {
            server.ignore_conditions();
        }
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::put().key_contains(moment).times(1), Fault::Delay(Duration::from_secs(2)));
        let sleeper = workdir.start_in(&proxy.environment(), &run(0.5));
        let has_begun = || {
            proxy.requests().iter().any(|request| request.path.contains(moment) && request.operation == Operation::Put)
        };
        while !has_begun() {
            std::thread::sleep(Duration::from_millis(10));
        }
        sleeper.signal("STOP");
        // Its sent request arrives; then another run takes over, publishes one commit, and ends.
        std::thread::sleep(Duration::from_millis(2_500));
        let arrived = server.objects("lakes").iter().any(|key| key.contains("archives/"));
        let taken_over = format!("convert other --out {LAKE} -q --s3-lease 0.5");
        workdir.run_in(&server.environment(), &taken_over).expect(0);
        let before = fetched(&workdir, &server, "one");
        sleeper.signal("CONT");
        let woken = sleeper.end();
        let context = format!("{honours_conditions} {moment}: {}", woken.dump());
        assert_eq!(woken.code(), 75, "{context}");
        assert!(woken.stderr().contains("lake in use"), "{context}");
        // Its sent request may arrive; nothing of the other is touched, and the next run removes it.
        let after = fetched(&workdir, &server, "one");
        let kept: BTreeMap<_, _> = after.0.into_iter().filter(|(path, _)| before.0.contains_key(path)).collect();
        same(&(kept, after.1), &before, &context);
        let of_other = before.1.iter().any(|row| text(row, "archive").ends_with("other.json.gz"));
        assert!(of_other && arrived == (moment == "archives/"), "{context}");
        // Its own archives are not lost.
        workdir.run_in(&server.environment(), &run(LEASE)).expect(1);
        assert_eq!(fetched(&workdir, &server, "one").1.len(), 5, "{context}");
        workdir.run_in(&server.environment(), &format!("check {LAKE}")).expect(0);
    }
}

/// The holder's lease counts, however short that of the waiting run.
#[test]
fn another_runs_lease_is_heeded() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::put().key_contains("archives/"), Fault::HoldBefore);
    let first = workdir.start_in(&proxy.environment(), &run(6.0));
    assert!(proxy.wait_for_held(1, Duration::from_secs(20)), "{}", proxy.dump());
    let second = workdir.run_in(&server.environment(), &run(0.2)).expect(75);
    assert!(second.stderr().contains("another run is using"), "{}", second.dump());
    first.signal("KILL");
    first.end();
}

/// Many runs start at once, on as many machines: each converts its own archives or gives way.
#[test]
fn many_runs_start_at_once() {
    let workdir = Workdir::new();
    let all: Vec<String> = (0..6).map(|number| format!("n{number}")).collect();
    for id in &all {
        workdir.gzip(&format!("{id}/{id}.json.gz"), records(&[event(id, "")]));
    }
    let server = Server::with_bucket("lakes");
    server.ignore_conditions();
    let start = |id: &String| {
        let temporary = workdir.at(&format!("tmp-{id}"));
        std::fs::create_dir_all(&temporary).expect("a folder");
        let mut environment = server.environment();
        environment.push(("TMPDIR", temporary.display().to_string()));
        workdir.start_in(&environment, &format!("convert {id} --out {LAKE} -q --s3-lease 2"))
    };
    let mut left = all.clone();
    let mut attempts = 0;
    while !left.is_empty() {
        let started: Vec<_> = left.iter().map(start).collect();
        let ended: Vec<_> = started.into_iter().map(crate::harness::Started::end).collect();
        let mut refused = Vec::new();
        for (id, run) in left.iter().zip(&ended) {
            let is_refused = run.code() == 75 && run.stderr().contains("lake in use");
            assert!(run.code() == 0 || is_refused, "{}", run.dump());
            refused.extend(is_refused.then(|| id.clone()));
        }
        attempts += 1;
        assert!(refused.len() < left.len(), "all have given way to each other: {}", ended[0].dump());
        left = refused;
        assert!(attempts < 20);
    }
    workdir.run_in(&server.environment(), &format!("check {LAKE}")).expect(0);
    server.get_tree("lakes", "one/lake/", &workdir.at("copy"));
    let mut found: Vec<String> = crate::reference::read_table(&workdir.at("copy"), "events")
        .iter()
        .map(|row| text(row, "event_id").to_owned())
        .collect();
    found.sort();
    assert_eq!(found, all);
    say(&format!("s3_lake: {} runs at once, {attempts} attempts", all.len()));
}
