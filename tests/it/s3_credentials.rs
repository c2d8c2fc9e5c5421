//! Credentials are found where AWS's own tools find them, and never shown.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use crate::harness::{Workdir, event, records};
use crate::s3::server::Server;
use crate::s3::store::{ACCESS_KEY, Environment, SECRET_KEY, Store};

const COMMAND: &str = "check s3://lakes/nothing";

/// A store that refuses every other key, and its variables without credentials.
fn store() -> (Server, Environment) {
    let server = Server::with_bucket("lakes");
    let mut environment = server.environment();
    environment.retain(|(name, _)| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(name));
    (server, environment)
}

fn set(environment: &Environment, more: &[(&'static str, String)]) -> Environment {
    let mut environment = environment.clone();
    environment.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    environment.extend(more.iter().cloned());
    environment
}

/// Runs with these variables and finds that there is no lake, which only valid credentials can find.
#[track_caller]
fn gets_in(workdir: &Workdir, environment: &Environment) {
    let run = workdir.run_in(environment, COMMAND).expect(2);
    assert!(run.stderr().contains("no run of trailmill has begun a lake there"), "{}", run.dump());
}

#[test]
fn profiles_of_every_kind() {
    let (_server, environment) = store();
    let workdir = Workdir::new();
    let keys = format!("aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    let shared = workdir
        .file("credentials", format!("[default]\n{keys}\n[other]\naws_access_key_id = x\naws_secret_access_key = y\n"));
    let process = format!(r#"printf {{"Version":1,"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{SECRET_KEY}"}}"#);
    let script =
        workdir.file("process", format!("#!/bin/sh\nprintf '%s' '{}'\n", process.trim_start_matches("printf ")));
    let config = workdir.file(
        "config",
        format!("[profile named]\n{keys}\n[profile spoken]\ncredential_process = /bin/sh {}\n", script.display()),
    );
    let files = set(
        &environment,
        &[
            ("AWS_SHARED_CREDENTIALS_FILE", shared.display().to_string()),
            ("AWS_CONFIG_FILE", config.display().to_string()),
        ],
    );
    gets_in(&workdir, &files);
    for profile in ["named", "spoken"] {
        gets_in(&workdir, &set(&files, &[("AWS_PROFILE", profile.to_owned())]));
    }
    let run = workdir.run_in(&set(&files, &[("AWS_PROFILE", "other".to_owned())]), COMMAND).expect(2);
    assert!(run.stderr().contains("access denied"), "{}", run.dump());
}

/// A service that gives containers credentials valid until a time, or refuses them: the function gets the request, in lower
/// case, and the number of earlier ones.
fn service(until: impl Fn(&str, usize) -> Option<String> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for (before, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..read]).to_ascii_lowercase();
            let body = until(&request, before).map(|until| {
                format!(
                    r#"{{"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{SECRET_KEY}","Token":"","Expiration":"{until}"}}"#
                )
            });
            let status = if body.is_some() { "200 OK" } else { "500 Internal Server Error" };
            let body = body.unwrap_or_default();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).expect("an answer");
        }
    });
    address
}

/// The time this many seconds from now.
fn in_seconds(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// They are renewed two minutes before they expire; the service of the container may be busy then.
#[test]
fn credentials_that_cannot_be_renewed_at_once_are_used_until_they_expire_and_then_awaited() {
    let (_server, environment) = store();
    let workdir = Workdir::new();
    // Valid for a minute, or only just.
    for first in [60, 2] {
        let address = service(move |_, before| match before {
            0 => Some(in_seconds(first)),
            1..4 => None,
            _ => Some(in_seconds(3600)),
        });
        let more = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/role")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        workdir.gzip("in/a.json.gz", records(&[event("a", "")]));
        let command = format!("convert in --out s3://lakes/lake-{first} -q");
        workdir.run_in(&set(&environment, &more), &command).expect(0);
    }
    // Without any credentials before, the error shows the service's answer.
    let address = service(|_, _| None);
    let more = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/role")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    let run = workdir.run_in(&set(&environment, &more), COMMAND).expect(2);
    let printed = run.stderr();
    assert!(printed.contains("no credentials of AWS were found") && printed.contains("ECS"), "{}", run.dump());
}

/// As ECS, EKS and similar services give credentials to containers.
#[test]
fn the_role_of_a_container() {
    let (_server, environment) = store();
    let workdir = Workdir::new();
    let address = service(|request, _| {
        let is_known = request.contains("authorization: let-me-in");
        is_known.then(|| "2099-01-01T00:00:00Z".to_owned())
    });
    let container = set(
        &environment,
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/role")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let-me-in".to_owned()),
        ],
    );
    gets_in(&workdir, &container);
}

#[test]
fn without_credentials_the_error_says_what_to_do() {
    let (_server, environment) = store();
    let workdir = Workdir::new();
    let run = workdir.run_in(&environment, COMMAND).expect(2);
    let printed = run.stderr();
    assert!(
        printed.contains("no credentials of AWS were found") && printed.contains("--s3-anonymous"),
        "{}",
        run.dump()
    );
    // Unsigned requests are sent, and this store refuses them.
    let run = workdir.run_in(&environment, &format!("{COMMAND} --s3-anonymous")).expect(2);
    assert!(run.stderr().contains("access denied"), "{}", run.dump());
}

#[test]
fn a_secret_is_never_shown() {
    let (_server, environment) = store();
    let workdir = Workdir::new();
    let secret = "s3cr3t/not/to/be/shown";
    let wrong = set(
        &environment,
        &[("AWS_ACCESS_KEY_ID", "AKIAWRONG".to_owned()), ("AWS_SECRET_ACCESS_KEY", secret.to_owned())],
    );
    let run = workdir.run_in(&wrong, COMMAND).expect(2);
    let printed = run.stderr();
    assert!(
        printed.contains("access denied") && !printed.contains(secret) && !printed.contains("Signature="),
        "{printed}"
    );
}
