//! A program that dies at any of its requests to a store.
//!
//! In: functions that start the program and check what it left behind. Out: the number of kills. Never: a request left
//! out – it is killed at the first, the second and so on until it has no more, each time before the store has received the
//! request, and each time after the store has executed it.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::path::Path;
use object_store::{ObjectStore as _, PutMode, PutOptions};

use super::fault::{Moment, Operation};
use super::proxy::Proxy;
use super::server::Server;
use super::store::{Client, Environment, Store};
use crate::crash::for_each_number;
use crate::harness::{Started, Workdir, say};

/// Kills a program at each of its requests of these kinds, or at each request if there are none.
///
/// `start` gets the environment variables with which it reaches the store, and a name unique to the attempt, for a lake or
/// a folder. `check` gets that name, and the moment of the death for messages; it checks what is there, lets another run
/// finish, and checks again. A program that is not killed has to end with `code`. Returns the number of kills.
pub fn kill_at_each_request(
    store: &dyn Store,
    operations: &[Operation],
    code: i32,
    start: impl Fn(&Environment, &str) -> Started + Sync,
    check: impl Fn(&str, &str) + Sync,
) -> usize {
    let kills = AtomicUsize::new(0);
    for moment in [Moment::Before, Moment::After] {
        for_each_number(|number, name| {
            let name = format!("{name}-{moment:?}").to_lowercase();
            let proxy = Proxy::before(store);
            proxy.hold(operations, usize::try_from(number).expect("a small number"), moment);
            let run = proxy.kill_when_held(start(&proxy.environment(), &name));
            if !run.was_killed() {
                run.expect(code);
                return false;
            }
            kills.fetch_add(1, Ordering::Relaxed);
            check(&name, &format!("killed {moment:?} request {number} of {operations:?}\n{}", proxy.dump()));
            true
        });
    }
    kills.into_inner()
}

const BUCKET: &str = "lake";
/// Set in the process that plays a program.
const ROLE: &str = "TRAILMILL_TEST_COMMIT";
const PARTS: usize = 3;

/// A minimal program: parts first, then, if it does not exist yet, the object that lists them.
#[test]
fn a_program_that_commits() {
    let Ok(name) = std::env::var(ROLE) else { return };
    let client = Client::new(&std::env::var("AWS_ENDPOINT_URL").expect("an endpoint"), BUCKET, 0);
    let put = |below: &str, mode: PutMode| {
        let path = Path::from(format!("{name}/{below}"));
        client.wait(client.s3.put_opts(&path, "x".into(), PutOptions { mode, ..PutOptions::default() }))
    };
    for part in 0..PARTS {
        put(&format!("part-{part}"), PutMode::Overwrite).expect("a part");
    }
    match put("manifest", PutMode::Create) {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fn program(workdir: &Workdir, environment: &Environment, name: &str) -> Started {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "s3::crash::a_program_that_commits"]).env(ROLE, name);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Started::other(&mut command, workdir.path())
}

#[test]
fn a_program_is_killed_at_each_of_its_requests() {
    let server = Server::with_bucket(BUCKET);
    let workdir = Workdir::new();
    let stages = std::sync::Mutex::new(Vec::new());
    let start = |environment: &Environment, name: &str| program(&workdir, environment, name);
    let kills = kill_at_each_request(&server, &[Operation::Put], 0, start, |name, moment| {
        let below = |server: &Server| {
            let keys = server.objects(BUCKET).into_iter();
            keys.filter(|key| key.starts_with(&format!("{name}/"))).collect::<Vec<_>>()
        };
        let left = below(&server);
        assert!(left.len() > PARTS || !left.contains(&format!("{name}/manifest")), "{moment}\n{left:?}");
        stages.lock().expect("no panic").push((name.ends_with("after"), left.len()));
        program(&workdir, &server.environment(), name).end().expect(0);
        assert_eq!(below(&server).len(), PARTS + 1, "{moment}");
    });
    // Before the first request nothing is there, after the last all.
    let mut stages = stages.into_inner().expect("no panic");
    stages.sort_unstable();
    let expected = [false, true].map(|is_after| (0..=PARTS).map(move |at| (is_after, at + usize::from(is_after))));
    assert_eq!(stages, expected.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(kills, 2 * (PARTS + 1));
    say(&format!("s3: {kills} kills at requests"));
}
