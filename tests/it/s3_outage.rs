//! Lakes in a bucket through outages: a store that is down is waited for, one that refuses is not, and no run writes after its
//! claim has lapsed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::digests::{Bucket, Key, Trail, public_keys};
use crate::harness::{Started, Workdir, event, files, records};
use crate::reference::read_table;
use crate::s3::fault::{Fault, Operation, Request, Rule};
use crate::s3::proxy::Proxy;
use crate::s3::server::Server;
use crate::s3::store::{Environment, Store};

const LAKE: &str = "s3://lakes/lake";

/// Archives of a run in two commits.
fn inputs() -> Workdir {
    let workdir = Workdir::new();
    for number in 0..2 {
        let events: Vec<String> = (0..20).map(|at| event(&format!("{number}-{at}"), "")).collect();
        workdir.gzip(&format!("in/{number}.json.gz"), records(&events));
    }
    workdir
}

fn run(flags: &str) -> String {
    format!("convert in --out {LAKE} --step-size 200B --threads 2 {flags}")
}

fn server(honours_conditions: bool) -> Server {
    let server = Server::with_bucket("lakes");
    if !honours_conditions {
        server.ignore_conditions();
    }
    server
}

/// No request gets through for a while after the first put of this key.
fn away(moment: &str, during: Duration) -> Rule {
    let (moment, begun) = (moment.to_owned(), Arc::new(Mutex::new(None)));
    Rule::any().when(move |request| {
        let mut begun = begun.lock().expect("no panic");
        if request.operation == Operation::Put && request.path.contains(&moment) {
            begun.get_or_insert_with(Instant::now);
        }
        begun.is_some_and(|begun: Instant| begun.elapsed() < during)
    })
}

#[track_caller]
fn wait_for_fault(proxy: &Proxy) {
    let begun = Instant::now();
    while proxy.faults() == 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", proxy.dump());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// All events are there once, in whole commits, and nothing else.
#[track_caller]
fn check_whole(workdir: &Workdir, server: &Server, moment: &str) {
    workdir.run_in(&server.environment(), &format!("check {LAKE}")).expect(0);
    let copy = workdir.at("copy");
    let _ = std::fs::remove_dir_all(&copy);
    server.get_tree("lakes", "lake/", &copy);
    assert_eq!((read_table(&copy, "events").len(), files(&copy.join("archives")).len()), (40, 2), "{moment}");
    let left = server.objects("lakes");
    assert!(
        !left.iter().any(|key| key.contains("_trailmill")) && server.uploads("lakes").is_empty(),
        "{moment}: {left:?}"
    );
}

/// With a lease that outlasts the outage, and with one that lapses in it.
#[test]
fn a_store_that_is_away_for_four_seconds_is_waited_for() {
    let workdir = inputs();
    for (honours_conditions, lease) in [(true, 60.0), (false, 1.0)] {
        for (moment, fault) in [
            ("_trailmill/runs/", Fault::Reset),
            ("/events/", Fault::Status(503)),
            ("archives/part-000001", Fault::DropAfterForward),
            ("archives/part-000002", Fault::Reset),
        ] {
            let server = server(honours_conditions);
            let proxy = Proxy::before(&server);
            proxy.rule(away(moment, Duration::from_secs(4)), fault.clone());
            let run = workdir.run_in(&proxy.environment(), &run(&format!("--s3-lease {lease}")));
            let context = format!("{honours_conditions} {lease} {moment} {fault:?}: {} {}", run.dump(), proxy.dump());
            assert_eq!(run.code(), 0, "{context}");
            assert!(run.stderr().contains("waiting: s3://lakes does not answer ("), "{context}");
            check_whole(&workdir, &server, &context);
        }
    }
}

/// After its claim has lapsed a run writes nothing but the claim.
#[test]
fn a_run_that_was_silent_for_its_lease_claims_again_before_it_writes() {
    // More parts than are uploaded at once.
    let workdir = Workdir::new();
    for number in 0..2 {
        let dated = |at: usize| event(&format!("{number}-{at}"), "").replace("03-01", &format!("03-{:02}", at + 1));
        let events: Vec<String> = (0..20).map(dated).collect();
        workdir.gzip(&format!("in/{number}.json.gz"), records(&events));
    }
    for honours_conditions in [true, false] {
        let server = server(honours_conditions);
        let proxy = Proxy::before(&server);
        // From the first part on its claim cannot be written, while everything else could be.
        let begun = Arc::new(Mutex::new(false));
        let of_claim = Rule::any().when(move |request| {
            let mut begun = begun.lock().expect("no panic");
            *begun |= request.operation == Operation::Put && request.path.contains("/events/");
            *begun && request.path.contains("_trailmill/runs/")
        });
        proxy.rule(of_claim, Fault::Status(503));
        proxy.rule(Rule::put().key_contains("/events/").times(8), Fault::Delay(Duration::from_secs(3)));
        let started = workdir.start_in(&proxy.environment(), &run("-q --s3-lease 1"));
        wait_for_fault(&proxy);
        std::thread::sleep(Duration::from_secs(5));
        let put =
            proxy.requests().iter().filter(|it| it.operation == Operation::Put && it.path.contains("/events/")).count();
        assert!(put <= 8, "{}", proxy.dump());
        proxy.heal();
        started.end().expect(0);
        check_whole(&workdir, &server, &proxy.dump());
    }
}

/// A run that is cut off from the store for longer than its lease, when something happens there.
fn cut_off(workdir: &Workdir, server: &Server, happens: impl FnOnce(&Server)) -> crate::harness::Run {
    let proxy = Proxy::before(server);
    proxy.rule(away("archives/part-000002", Duration::from_hours(1)), Fault::Reset);
    let started: Started = workdir.start_in(&proxy.environment(), &run("-q --s3-lease 1"));
    wait_for_fault(&proxy);
    std::thread::sleep(Duration::from_secs(2));
    happens(server);
    proxy.heal();
    started.end()
}

#[test]
fn a_run_that_was_silent_for_its_lease_gives_way_to_another_claim_or_commit() {
    let workdir = inputs();
    let claim = |server: &Server| {
        let found = server.objects("lakes").into_iter().find(|key| key.contains("_trailmill/runs/"));
        found.expect("a claim")
    };
    for honours_conditions in [true, false] {
        for (what, words) in [
            ("claim", "another has acquired it meanwhile"),
            ("commit", "another has published a commit meanwhile"),
            ("gone", "another run has taken over"),
        ] {
            let server = server(honours_conditions);
            let run = cut_off(&workdir, &server, |server| match what {
                "claim" => server.put("lakes", "lake/_trailmill/runs/other-1000", b"{}"),
                "commit" => server.put("lakes", "lake/archives/part-000003-00000.parquet", b"of another"),
                _ => server.remove("lakes", &claim(server)),
            });
            assert_eq!(run.code(), 75, "{what}: {}", run.dump());
            assert!(
                run.stderr().contains(&format!("lake in use: {LAKE}: ")) && run.stderr().contains(words),
                "{}",
                run.dump()
            );
            let shown =
                server.objects("lakes").into_iter().filter(|key| key.contains("part-000002")).collect::<Vec<_>>();
            assert!(shown.iter().all(|key| !key.contains("archives/")), "{what}: {shown:?}");
        }
    }
}

/// No other run was there, so none is mentioned.
#[test]
fn a_refusal_of_the_store_ends_the_run_at_once_with_its_message() {
    let workdir = inputs();
    for moment in ["_trailmill/runs/", "/events/", "archives/part-000001", "archives/part-000002"] {
        for (fault, words) in [
            (Fault::Status(403), "access denied (AccessDenied: A fault of the proxy.)"),
            (Fault::Answer(400, "ExpiredToken"), "access denied (ExpiredToken: A fault of the proxy.)"),
        ] {
            let server = Server::with_bucket("lakes");
            let proxy = Proxy::before(&server);
            // From then on the client may no longer write.
            let begun = Arc::new(Mutex::new(false));
            let skip = if moment.contains("runs") { 3 } else { 0 };
            let seen = Arc::new(Mutex::new(0));
            let revoked = Rule::of(&[Operation::Put, Operation::Delete]).when(move |request| {
                let (mut begun, mut seen) = (begun.lock().expect("no panic"), seen.lock().expect("no panic"));
                *seen += usize::from(request.path.contains(moment));
                *begun |= *seen > skip;
                *begun
            });
            proxy.rule(revoked, fault.clone());
            // Even long patience does not help.
            let run = workdir.run_in(&proxy.environment(), &run("-q --s3-patience 24h --s3-lease 2")).expect(2);
            let printed = run.stderr();
            assert!(
                printed.contains(&format!("cannot write to the lake: {LAKE}")) && printed.contains(words),
                "{}",
                run.dump()
            );
            assert!(!printed.contains("another") && printed.lines().count() == 1, "{}", run.dump());
        }
    }
}

/// It does not go on to read what it may not write.
#[test]
fn a_claim_that_may_not_be_written_any_more_ends_a_run_that_reads() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    server.put_tree("lakes", "in", &workdir.at("in"));
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get().key_contains("in/"), Fault::HoldBefore);
    proxy.rule(Rule::put().key_contains("_trailmill/runs/").skip(3), Fault::Status(403));
    let command = format!("convert s3://lakes/in --out {LAKE} -q --s3-lease 2 --s3-timeout 600");
    let run = workdir.run_in(&proxy.environment(), &command).expect(2);
    assert!(run.stderr().contains("cannot write to the lake: s3://lakes/lake: access denied ("), "{}", run.dump());
}

#[test]
fn a_store_that_stays_away_ends_the_run_with_what_it_answered() {
    let workdir = inputs();
    // The answer to a HEAD has no message.
    let busy = ["SlowDown: A fault of the proxy.", "status 503 Service Unavailable"];
    for (fault, words) in [(Fault::Reset, ["onnection"; 2]), (Fault::Status(503), busy)] {
        for moment in ["_trailmill/runs/", "/events/", "archives/part-000002"] {
            for lease in [1, 60] {
                let server = Server::with_bucket("lakes");
                let proxy = Proxy::before(&server);
                proxy.rule(away(moment, Duration::from_hours(1)), fault.clone());
                let flags = format!("-q --s3-patience 2s --s3-lease {lease}");
                let run = workdir.run_in(&proxy.environment(), &run(&flags)).expect(2);
                let printed = run.stderr();
                assert!(
                    printed.contains("cannot write to the lake: s3://lakes/lake")
                        && words.iter().any(|words| printed.contains(words)),
                    "{}",
                    run.dump()
                );
                assert!(!printed.contains("another") && printed.lines().count() == 1, "{}", run.dump());
            }
        }
    }
}

/// After a typo in the store's name the wait is shorter than for a known store.
#[test]
fn a_store_that_has_never_answered_is_not_waited_for_long() {
    let workdir = inputs();
    let run = workdir.run(&run("-q --s3-patience 24h --s3-region a --s3-anonymous --s3-endpoint http://127.0.0.1:1"));
    let run = run.expect(2);
    assert!(run.stderr().contains("s3://lakes/lake") && run.stderr().contains("refused"), "{}", run.dump());
}

/// A run that waits for the lease of a dead one says so, and one that waits for a live run gets its turn.
#[test]
fn a_waiting_run_says_why_and_for_how_long() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::put().key_contains("archives/").times(1), Fault::HoldBefore);
    let first = workdir.start_in(&proxy.environment(), &run("-q --s3-lease 3"));
    assert!(proxy.wait_for_held(1, Duration::from_secs(20)), "{}", proxy.dump());
    let environment = elsewhere(&workdir, server.environment());
    let refused = workdir.run_in(&environment, &run("-q --s3-lease 3 --wait 1")).expect(75);
    assert!(refused.stderr().contains("lake in use: another run is using s3://lakes/lake"), "{}", refused.dump());
    let waiting = workdir.start_in(&environment, &run("--s3-lease 3 --wait 1h"));
    std::thread::sleep(Duration::from_secs(4));
    first.signal("KILL");
    first.end();
    let waited = waiting.end().expect(0);
    for words in ["waiting: another run is using s3://lakes/lake; giving up in 59m", "it is presumed dead in "] {
        assert!(waited.stderr().contains(words), "{}", waited.dump());
    }
    check_whole(&workdir, &server, &waited.dump());
}

/// The environment of another machine: it stages its files elsewhere.
fn elsewhere(workdir: &Workdir, mut environment: Environment) -> Environment {
    let temporary = workdir.at("tmp");
    std::fs::create_dir_all(&temporary).expect("a folder");
    environment.push(("TMPDIR", temporary.display().to_string()));
    environment
}

/// The store is down for both.
#[test]
fn a_run_that_only_waits_takes_nothing_from_one_that_rides_out_an_outage() {
    let workdir = inputs();
    for honours_conditions in [true, false] {
        let server = server(honours_conditions);
        let proxy = Proxy::before(&server);
        proxy.rule(away("archives/part-000001", Duration::from_secs(3)), Fault::Reset);
        proxy.rule(Rule::put().key_contains("/events/"), Fault::Delay(Duration::from_millis(1500)));
        let holder = workdir.start_in(&proxy.environment(), &run("-q --s3-lease 1"));
        wait_for_fault(&proxy);
        let environment = elsewhere(&workdir, proxy.environment());
        let waiter = workdir.start_in(&environment, &run("-q --s3-lease 1 --wait 1h"));
        let ended = holder.end().expect(0);
        waiter.end().expect(0);
        check_whole(&workdir, &server, &ended.dump());
    }
}

#[test]
fn a_run_that_cannot_remove_its_claim_says_so_and_ends() {
    let workdir = inputs();
    let removes = |request: &Request| request.operation == Operation::Delete && request.path.contains("/runs/");
    for (during, patience) in [(2, "3m"), (3600, "2s")] {
        let server = Server::with_bucket("lakes");
        let proxy = Proxy::before(&server);
        let begun = Arc::new(Mutex::new(None));
        let away = Rule::any().when(move |request| {
            let mut begun = begun.lock().expect("no panic");
            if removes(request) {
                begun.get_or_insert_with(Instant::now);
            }
            begun.is_some_and(|begun: Instant| begun.elapsed() < Duration::from_secs(during))
        });
        proxy.rule(away, Fault::Reset);
        let run = workdir.run_in(&proxy.environment(), &run(&format!("--s3-lease 1 --s3-patience {patience}")));
        let run = run.expect(0);
        let said = run.stdout() + &run.stderr();
        let words = "the lease of this run on s3://lakes/lake could not be removed: ";
        let is_left = server.objects("lakes").iter().any(|key| key.contains("_trailmill"));
        assert_eq!((is_left, said.contains(words)), (during > 60, during > 60), "{}", run.dump());
    }
}

/// No other run was there.
#[test]
fn a_run_that_was_suspended_for_longer_than_its_patience_goes_on() {
    let workdir = inputs();
    for lease in [1, 60] {
        let server = Server::with_bucket("lakes");
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::put().key_contains("/events/"), Fault::Delay(Duration::from_millis(500)));
        let flags = format!("-q --s3-patience 1s --s3-lease {lease}");
        let started = workdir.start_in(&proxy.environment(), &run(&flags));
        wait_for_fault(&proxy);
        started.signal("STOP");
        std::thread::sleep(Duration::from_secs(2));
        started.signal("CONT");
        let run = started.end().expect(0);
        check_whole(&workdir, &server, &run.dump());
    }
}

/// A missing signature looks like one that proves nothing.
#[test]
fn metadata_that_a_busy_store_does_not_return_at_once_is_requested_again() {
    let mut bucket = Bucket::default();
    Trail::new("111122223333", "us-east-1").hour(&mut bucket, 1);
    let server = Server::with_bucket("trail-bucket");
    for (key, stored) in &bucket.objects {
        let signature = bucket.signatures.get(key).map(String::as_str);
        let metadata = signature.map(|text| [("signature", text), ("signature-algorithm", "SHA256withRSA")]);
        server.put_with("trail-bucket", key, stored, metadata.as_ref().map_or(&[], |metadata| metadata.as_slice()));
    }
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::of(&[Operation::Head]).times(2), Fault::Status(503));
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
    let command = "verify s3://trail-bucket --public-keys keys.json --format json";
    let run = workdir.run_in(&proxy.environment(), command).expect(0);
    assert!(run.stdout().contains("\"digest_valid\""), "{}", run.dump());
    assert_eq!(proxy.faults(), 2, "{}", proxy.dump());
}

/// With any patience.
#[test]
fn an_object_that_always_fails_is_given_up_while_others_are_delivered() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    server.put_tree("lakes", "in", &workdir.at("in"));
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get().key_contains("in/1.json.gz"), Fault::Status(500));
    let command = "convert s3://lakes/in --out lake --s3-patience 24h --report report.json";
    let run = workdir.run_in(&proxy.environment(), command).expect(1);
    assert!(
        run.stderr().contains("waiting: s3://lakes/in/1.json.gz does not answer (InternalError: "),
        "{}",
        run.dump()
    );
    assert_eq!(read_table(&workdir.at("lake"), "events").len(), 20, "{}", run.dump());
}

#[test]
fn a_run_that_waits_for_a_store_can_be_interrupted() {
    let workdir = inputs();
    let moments =
        [("_trailmill/runs/", Fault::Reset), ("archives/part-000002", Fault::Status(503)), ("/events/", Fault::Hang)];
    std::thread::scope(|scope| {
        for (number, (moment, fault)) in moments.into_iter().enumerate() {
            let workdir = &workdir;
            scope.spawn(move || {
                let server = Server::with_bucket("lakes");
                let proxy = Proxy::before(&server);
                proxy.rule(away(moment, Duration::from_hours(1)), fault.clone());
                // Each attempt would wait for a store that does not answer.
                let flags = format!("-q --s3-patience 24h --s3-timeout 600 --s3-lease {}", 30 + number);
                let started = workdir.start_in(&proxy.environment(), &run(&flags));
                wait_for_fault(&proxy);
                std::thread::sleep(Duration::from_secs(1));
                // A test in the background may ignore interrupts.
                started.signal("TERM");
                let run = started.end();
                assert_eq!(run.code(), 143, "{moment} {fault:?}: {}", run.dump());
                assert!(run.stderr().contains("stopped: "), "{}", run.dump());
            });
        }
    });
}

/// Even for one with a much longer lease.
#[test]
fn no_run_waits_for_another_longer_than_requested() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    server.put("lakes", "lake/_trailmill/runs/dead-600000", br#"{"process":1,"beat":1,"uploads":[],"holds":true}"#);
    let run = workdir.run_in(&server.environment(), &run("-q --s3-lease 1 --wait 1s")).expect(75);
    assert!(run.stderr().contains("and the wait for it to end is over"), "{}", run.dump());
}

#[test]
fn a_dry_run_waits_for_another_run_as_well() {
    let workdir = inputs();
    workdir.run("convert in --out lake").expect(0);
    let state = workdir.at("lake/_trailmill");
    std::fs::create_dir_all(&state).expect("a folder");
    let lock = std::fs::File::create(state.join("lock")).expect("a file");
    lock.lock().expect("a lock");
    workdir.run("convert in --out lake --dry-run").expect(75);
    let waiting = workdir.start("convert in --out lake --dry-run --wait 1h", "");
    std::thread::sleep(Duration::from_secs(1));
    lock.unlock().expect("no lock");
    waiting.end().expect(0);
}

/// It has not been read.
#[test]
fn a_refused_object_is_not_called_damaged() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    workdir.run_in(&server.environment(), &run("")).expect(0);
    let proxy = Proxy::before(&server);
    for place in ["lake/events/", "lake/archives/"] {
        proxy.heal();
        proxy.rule(Rule::get().key_contains(place), Fault::Status(403));
        let run = workdir.run_in(&proxy.environment(), &format!("check {LAKE}")).expect(2);
        let printed = run.stderr() + &run.stdout();
        assert!(printed.contains("access denied (AccessDenied: A fault of the proxy.)"), "{}", run.dump());
        assert!(
            !printed.contains("External") && !printed.contains("damaged") && !printed.contains("rows"),
            "{}",
            run.dump()
        );
    }
}

#[test]
fn a_store_that_takes_connections_and_never_answers_is_not_waited_for_long() {
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::any(), Fault::Hang);
    let command = "inspect s3://lakes/lake --s3-patience 24h --s3-timeout 600";
    let run = Workdir::new().run_in(&proxy.environment(), command).expect(2);
    let printed = run.stderr();
    assert!(printed.contains("waiting: s3://lakes does not answer (no answer yet)"), "{}", run.dump());
    assert!(printed.contains("cannot read from the store: s3://lakes/lake: no answer in time"), "{}", run.dump());
}

/// The key does not exist, so no other run has written it.
#[test]
fn a_persistent_conflict_is_reported_with_the_stores_message() {
    let workdir = inputs();
    let server = Server::with_bucket("lakes");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::put().key_contains("archives/part-000001"), Fault::Status(409));
    let run = workdir.run_in(&proxy.environment(), &run("-q")).expect(2);
    assert!(run.stderr().contains("ConditionalRequestConflict: A fault of the proxy."), "{}", run.dump());
}
