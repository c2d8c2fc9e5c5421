//! `trailmill restore` with what people type: the names they know, in any case, addresses and times of day; and its messages
//! when nothing is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use trailmill::restore::{RestoreConfig, RestoreFilter, restore};

use crate::harness::{Run, Workdir, data, event, files, inflated, records};
use crate::reference::{json, source_events};

/// The value of a member of an event; the path has points between its names.
fn said(event: &str, path: &str) -> Option<String> {
    let mut value = event;
    for name in path.split('.') {
        value = json::member(value, name)?;
    }
    json::text(value)
}

/// Every name for the caller of an event, in lower case.
fn names(event: &str) -> BTreeSet<String> {
    let identity = |path: &str| said(event, &format!("userIdentity.{path}"));
    let issuer = |path: &str| said(event, &format!("userIdentity.sessionContext.sessionIssuer.{path}"));
    let mut names: BTreeSet<String> = [
        identity("userName"),
        identity("accessKeyId"),
        identity("invokedBy"),
        identity("credentialId"),
        identity("onBehalfOf.userId"),
        said(event, "userIdentity.sessionContext.sourceIdentity"),
        identity("type").filter(|kind| kind == "Root"),
        identity("accountId").filter(|account| account.len() == 12),
        issuer("userName"),
        issuer("principalId"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(id) = identity("principalId") {
        // A role's id and a session, or an account and a name.
        let colons = id.match_indices(':').map(|(at, _)| at);
        names.extend(colons.flat_map(|at| [id[..at].to_owned(), id[at + 1..].to_owned()]));
        names.insert(id);
    }
    for arn in [identity("arn"), issuer("arn")].into_iter().flatten() {
        names.extend(arn.match_indices([':', '/']).map(|(at, _)| arn[at + 1..].to_owned()));
        names.insert(arn);
    }
    if let Some(arn) = identity("arn") {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        names.extend(parts.get(4).filter(|account| account.len() == 12).map(|account| (*account).to_owned()));
        if let ["arn", partition, "sts", _, account, resource] = parts[..]
            && let ["assumed-role", role, _] = resource.split('/').collect::<Vec<_>>()[..]
        {
            names.insert(role.to_owned());
            names.insert(format!("arn:{partition}:iam::{account}:role/{role}"));
            names.insert(format!("arn:{partition}:sts::{account}:assumed-role/{role}"));
        }
    }
    names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// Whether a word means a caller with these names. A session does not have the path of its role.
fn is_one_of(names: &BTreeSet<String>, word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let without_path = word.split_once(":role/").map(|(start, path)| {
        let name = path.rsplit('/').next().unwrap_or_default();
        format!("{start}:role/{name}")
    });
    let is_session = |name: &String| names.iter().any(|arn| arn.contains(":assumed-role/")) && names.contains(name);
    names.contains(&word) || without_path.is_some_and(|name| is_session(&name))
}

/// Ids of the events that a filter selects, in order.
fn found(workdir: &Workdir, filter: RestoreFilter) -> Vec<String> {
    let mut config = RestoreConfig::new(workdir.at("lake"));
    config.filter = filter;
    let mut lines = Vec::new();
    restore(&config, &mut lines).expect("a lake");
    let lines = String::from_utf8(lines).expect("UTF-8");
    let mut ids: Vec<String> = lines.lines().filter_map(|line| said(line, "eventID")).collect();
    ids.sort();
    ids
}

/// Ids of the expected events, in order.
fn expected(events: &[String], is_wanted: impl Fn(&String) -> bool) -> Vec<String> {
    let mut ids: Vec<String> =
        events.iter().filter(|event| is_wanted(event)).filter_map(|event| said(event, "eventID")).collect();
    ids.sort();
    ids
}

fn source_texts(folder: &Path) -> Vec<String> {
    let texts = files(folder).into_iter().map(|path| inflated(&fs::read(folder.join(path)).expect("an archive")));
    texts.collect::<Vec<_>>().iter().flat_map(|text| source_events(text)).collect()
}

/// Events with callers of all kinds, as the user guides of CloudTrail and IAM show them.
fn callers() -> Vec<String> {
    let issuer = |name: &str, path: &str| {
        format!(
            r#""sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAI3FHNTUD3XMDE2RFF","arn":"arn:aws:iam::111122223333:role{path}/{name}","accountId":"111122223333","userName":"{name}"}},"sourceIdentity":"Carol"}}"#
        )
    };
    let assumed = |name: &str, session: &str| {
        format!(
            r#""type":"AssumedRole","principalId":"AROAI3FHNTUD3XMDE2RFF:{session}","arn":"arn:aws:sts::111122223333:assumed-role/{name}/{session}","accountId":"111122223333","accessKeyId":"ASIAI44QH8DHBEXAMPLE""#
        )
    };
    let identities = [
        r#""type":"Root","principalId":"444455556666","arn":"arn:aws:iam::444455556666:root","accountId":"444455556666","accessKeyId":"AKIAIOSFODNN7EXAMPLE""#.to_owned(),
        r#""type":"Root","accountId":"444455556666""#.to_owned(),
        r#""type":"IAMUser","principalId":"AIDACKCEVSQ6C2EXAMPLE","arn":"arn:aws:iam::111122223333:user/staff/Alice","accountId":"111122223333","userName":"Alice","accessKeyId":"AKIAI44QH8DHBEXAMPLE""#.to_owned(),
        r#""type":"IAMUser","principalId":"AIDACKCEVSQ6C3EXAMPLE","userName":"Admin""#.to_owned(),
        format!("{},{}", assumed("Admin", "alice"), issuer("Admin", "/path")),
        format!("{},{}", assumed("Admin", "bob@example.com"), issuer("Admin", "/path")),
        // The beginning of another name.
        format!("{},{}", assumed("AdminRead", "alice2"), issuer("AdminRead", "")),
        assumed("Admin", "i-0382fdfc946af2c17"),
        // Names that look like access keys.
        assumed("AsiaPacificAdminRole", "AKIAPACIFICSESSIONAB"),
        r#""type":"IAMUser","principalId":"AIDACKCEVSQ6C4EXAMPLE","userName":"ASIAPACIFICUSERNAMES""#.to_owned(),
        r#""type":"FederatedUser","principalId":"111122223333:Dave","arn":"arn:aws:sts::111122223333:federated-user/Dave","accountId":"111122223333""#.to_owned(),
        r#""type":"WebIdentityUser","principalId":"cognito-identity.amazonaws.com:us-east-1_a:b-c","userName":"b-c""#.to_owned(),
        r#""type":"AWSService","invokedBy":"lambda.amazonaws.com""#.to_owned(),
        r#""type":"AWSAccount","principalId":"AROAI3FHNTUD3XMDE2RFF:alice","accountId":"777788889999""#.to_owned(),
        r#""type":"IdentityCenterUser","accountId":"111122223333","onBehalfOf":{"userId":"94482488-3041-7026","identityStoreArn":"arn:aws:identitystore::111122223333:identitystore/d-1"},"credentialId":"c-1""#.to_owned(),
        r#""type":"Unknown","arn":"arn:","principalId":":""#.to_owned(),
        r#""type":"Unknown","arn":"é/é:é","userName":"É""#.to_owned(),
        String::new(),
    ];
    let event_of =
        |(at, identity): (usize, String)| event(&at.to_string(), &format!("\"userIdentity\":{{{identity}}}"));
    identities.into_iter().enumerate().map(event_of).collect()
}

#[test]
fn a_caller_is_found_by_each_of_its_names() {
    let workdir = Workdir::new();
    workdir.run("generate --out in/org --mix org --archives 6 --events-per-archive 150 --days 3 --seed 5").expect(0);
    workdir.file("in/callers.json", records(&callers()));
    workdir.convert("in", "--no-dedup");
    let events = source_texts(&workdir.at("in"));
    let known: Vec<(&String, BTreeSet<String>)> = events.iter().map(|event| (event, names(event))).collect();
    let mut words: BTreeSet<String> = callers().iter().flat_map(|event| names(event)).collect();
    let others: BTreeSet<&String> = known.iter().flat_map(|(_, names)| names).collect();
    words.extend(others.into_iter().step_by(37).cloned());
    words.extend(["ROOT", "ADMIN", "nobody", "ali", "arn:aws:iam::111122223333:role/Adm"].map(str::to_owned));
    for word in ["root", "admin", "alice", "aroai3fhntud3xmde2rff", "arn:aws:iam::111122223333:role/path/admin"] {
        assert!(words.contains(word), "{word} is asked for");
    }
    for word in words.iter().filter(|word| !word.is_empty()) {
        let wanted = known.iter().filter(|(_, names)| is_one_of(names, word));
        let mut ids: Vec<String> = wanted.filter_map(|(event, _)| said(event, "eventID")).collect();
        ids.sort();
        for word in [word.clone(), word.to_ascii_uppercase()] {
            let filter = RestoreFilter { principals: vec![word.clone()], ..RestoreFilter::default() };
            assert_eq!(found(&workdir, filter), ids, "{word}");
        }
    }
}

#[test]
fn names_are_found_in_any_case() {
    for partitions in ["event_date", "account,region,event_source"] {
        let workdir = Workdir::new();
        workdir.run("generate --out in --mix org --archives 8 --events-per-archive 150 --days 3 --seed 6").expect(0);
        workdir.convert("in", &format!("--no-dedup --partition-by {partitions}"));
        let events = source_texts(&workdir.at("in"));
        let check = |member: &str, typed: &str, value: &str, filter: RestoreFilter| {
            let ids = expected(&events, |event| said(event, member).as_deref() == Some(value));
            assert!(!ids.is_empty() && ids.len() < events.len(), "{member} {value}");
            assert_eq!(found(&workdir, filter), ids, "{partitions} {typed}");
        };
        let of = |values: &str| vec![values.to_owned()];
        let none = RestoreFilter::default;
        for typed in ["decrypt", "DECRYPT", "Decrypt"] {
            check("eventName", typed, "Decrypt", RestoreFilter { event_names: of(typed), ..none() });
        }
        for typed in ["S3.amazonaws.COM", "s3", "S3"] {
            check("eventSource", typed, "s3.amazonaws.com", RestoreFilter { event_sources: of(typed), ..none() });
        }
        let region = said(&events[5], "awsRegion").expect("a Region");
        let typed = region.to_ascii_uppercase();
        check("awsRegion", &typed, &region, RestoreFilter { regions: of(&typed), ..none() });
        let id = said(&events[9], "eventID").expect("an id");
        let typed = id.to_ascii_uppercase();
        check("eventID", &typed, &id, RestoreFilter { event_ids: of(&typed), ..none() });
    }
}

#[test]
fn addresses_are_found_alone_by_network_and_as_text() {
    let addresses = [
        "198.51.100.7",
        "198.51.100.70",
        "198.51.101.7",
        "198.5.100.7",
        "10.0.0.1",
        "2600:1f18::1",
        "2600:1F18:0::1",
        "2600:1f19::1",
        "s3.amazonaws.com",
        "AWS Internal",
        "999.1.1.1",
        "",
    ];
    let events: Vec<String> = addresses
        .iter()
        .enumerate()
        .map(|(at, address)| event(&format!("{at:02}"), &format!("\"sourceIPAddress\":\"{address}\"")))
        .chain([event("99", "")])
        .collect();
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&events));
    workdir.convert("in", "--no-dedup");
    for (typed, wanted) in [
        ("198.51.100.7", &["198.51.100.7"][..]),
        ("198.51.100.0/24", &["198.51.100.7", "198.51.100.70"]),
        ("198.51.100.99/23", &["198.51.100.7", "198.51.100.70", "198.51.101.7"]),
        ("198.0.0.0/8", &["198.51.100.7", "198.51.100.70", "198.51.101.7", "198.5.100.7"]),
        ("0.0.0.0/0", &["198.51.100.7", "198.51.100.70", "198.51.101.7", "198.5.100.7", "10.0.0.1"]),
        ("198.51.100.70/32", &["198.51.100.70"]),
        ("2600:1f18:0:0::1", &["2600:1f18::1", "2600:1F18:0::1"]),
        ("2600:1f18::/31", &["2600:1f18::1", "2600:1F18:0::1", "2600:1f19::1"]),
        ("S3.amazonaws.com", &["s3.amazonaws.com"]),
        ("aws internal", &["AWS Internal"]),
        ("203.0.113.0/24", &[]),
    ] {
        let filter = RestoreFilter { source_ips: vec![typed.to_owned()], ..RestoreFilter::default() };
        let ids: Vec<String> = found(&workdir, filter);
        let texts: Vec<&str> = ids.iter().map(|id| addresses[id.parse::<usize>().expect("a number")]).collect();
        assert_eq!(texts, wanted, "{typed}");
    }
    for typed in ["198.51.100.0/33", "198.51.100/24", "s3/x"] {
        let run = workdir.run_with(["restore", "lake", "--source-ip", typed]).expect(2);
        assert!(run.stderr().contains("--source-ip") && run.stderr().contains("198.51.100.0/24"), "{}", run.dump());
    }
}

#[test]
fn times_of_day_are_moments_of_utc() {
    let times = [
        "2025-02-28T23:59:59Z",
        "2025-03-01T00:00:00Z",
        "2025-03-01T07:59:59Z",
        "2025-03-01T08:00:00Z",
        "2025-03-01T08:00:01Z",
        "2025-03-01T23:59:59.999Z",
        "2025-03-02T00:00:00Z",
    ];
    let events: Vec<String> = times.iter().map(|time| event(time, "").replace("2025-03-01T08:15:00Z", time)).collect();
    for partitions in ["event_date", "event_month", "region"] {
        let workdir = Workdir::new();
        workdir.file("in/a.json", records(&events));
        workdir.convert("in", &format!("--no-dedup --partition-by {partitions}"));
        for (from, to, wanted) in [
            ("2025-03-01", "2025-03-01", &times[1..6]),
            ("2025-03-01T08:00", "2025-03-01", &times[3..6]),
            ("2025-03-01T08:00:00Z", "2025-03-01T08:00", &times[3..4]),
            ("2025-03-01T09:00:01+01:00", "2025-03-02", &times[4..7]),
            ("2025-02-28 23:59:59", "2025-03-01T00:00", &times[..2]),
        ] {
            let run = workdir.run_with(["restore", "lake", "-q", "--from", from, "--to", to]).expect(0);
            let mut ids: Vec<String> = run.stdout().lines().filter_map(|line| said(line, "eventID")).collect();
            ids.sort();
            assert_eq!(ids, wanted, "{partitions} {from} {to}");
        }
        let run = workdir.run("restore lake --from 2025-03-01T09:00 --to 2025-03-01T08:00").expect(2);
        assert!(run.stderr().contains("--from is later than --to"), "{}", run.dump());
    }
    // Other commands select whole days; a time is not ignored.
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&events));
    for command in ["convert in --out other", "inspect in"] {
        let run = workdir.run(&format!("{command} --from 2025-03-01T18:00")).expect(2);
        assert!(run.stderr().contains("whole days"), "{}", run.dump());
    }
}

/// Restores nothing; returns the run.
#[track_caller]
fn nothing(workdir: &Workdir, flags: &[&str]) -> Run {
    let run = workdir.run_with(["restore", "lake"].iter().chain(flags).copied()).expect(0);
    assert!(run.stdout().is_empty() && run.stderr().contains("no event of the lake"), "{}", run.dump());
    run
}

#[test]
fn similar_values_are_named_when_nothing_is_found() {
    for partitions in ["event_date", "event_source"] {
        let workdir = Workdir::new();
        workdir.copy(&data("sample"), "in");
        workdir.convert("in", &format!("--partition-by {partitions}"));
        for (flag, value, hint) in [
            ("--event-name", "StartQueryExecutions", "did you mean StartQueryExecution"),
            ("--event-name", "startqueryexecuton", "did you mean StartQueryExecution"),
            ("--event-source", "lamda.amazonaws.com", "did you mean lambda.amazonaws.com"),
            ("--event-source", "lamda", "did you mean lambda.amazonaws.com"),
            ("--principal", "rossa", "did you mean rosa"),
            ("--principal", "session-deploy", "session-deploy-dev"),
            ("--principal", "arn:aws:iam::262454269434:user/rossa", "arn:aws:iam::262454269434:user/rosa"),
            ("--principal", "AKIAIS7TV353UEXAMPLF", "AKIAIS7TV353UEXAMPLE"),
            ("--account", "26245426943", "did you mean 262454269434"),
            ("--region", "us-east1", "us-east-1"),
            ("--source-ip", "68.223.30.6", "68.223.30.5"),
            ("--principal", "rooot", "did you mean root"),
            ("--principal", "zzzzzzzzzzzz", "nothing like it was seen"),
        ] {
            let run = nothing(&workdir, &[flag, value]);
            let line = run.stderr().lines().find(|line| line.contains(&format!("{flag} {value}"))).map(str::to_owned);
            assert!(line.is_some_and(|line| line.contains(hint)), "{partitions}: {flag} {value}: {}", run.dump());
        }
        // A value that exists is not the wrong one.
        let both = nothing(&workdir, &["--principal", "rosa", "--event-name", "startqueryexecuton"]);
        assert!(both.stderr().contains("--principal rosa alone would find something"), "{}", both.dump());
        let late = nothing(&workdir, &["--principal", "rosa", "--from", "2031-01-01"]);
        assert!(late.stderr().contains("--principal rosa alone"), "{}", late.dump());
        let has_dates = late.stderr().contains("events of the lake are from 2018-04-19 to 2025-06-03");
        assert_eq!(has_dates, partitions == "event_date", "{}", late.dump());
        // Ambiguous values are in quotes; advice never repeats what was typed.
        for (value, shown) in [(" ", "--event-name \" \": nothing"), ("", "--event-name \"\": nothing")] {
            let run = nothing(&workdir, &["--event-name", value]);
            assert!(run.stderr().contains(shown), "{}", run.dump());
        }
        let many: Vec<String> = (0..2_000).map(|number| format!("--principal=zzzz{number}")).collect();
        let run = nothing(&workdir, &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(run.stderr().matches("nothing like it was seen").count(), 10, "{}", run.dump());
        assert!(run.stderr().contains("hint  1,990 other values not looked for one by one"), "{}", run.dump());
        let id = nothing(&workdir, &["--event-id", "nothing"]);
        assert!(!id.stderr().contains("hint"), "{}", id.dump());
        let quiet = workdir.run("restore lake --principal rossa -q").expect(0);
        assert_eq!((quiet.stdout(), quiet.stderr()), (String::new(), String::new()), "{}", quiet.dump());
    }
}

/// It has a bloom filter, which is case-sensitive.
#[test]
fn an_id_is_found_as_typed_and_in_lower_case() {
    let workdir = Workdir::new();
    let (id, other) = ("ABCDEF12-0000-4000-8000-00000000000F", "abcdef12-0000-4000-8000-00000000000e");
    workdir.file("in/a.json", records(&[event(id, ""), event(other, "")]));
    workdir.convert("in", "--no-dedup");
    for (typed, stored) in [(id, id), (other, other), (&*other.to_ascii_uppercase(), other)] {
        let filter = RestoreFilter { event_ids: vec![typed.to_owned()], ..RestoreFilter::default() };
        assert_eq!(found(&workdir, filter), [stored], "{typed}");
    }
    let help = workdir.run("restore --help").expect(0).stdout();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("the id of an event is looked for as it was typed and in small letters"), "{help}");
}

/// Each value of a long list is searched for, among as many that do not occur.
#[test]
fn long_lists_find_what_each_of_their_values_finds() {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 4 --events-per-archive 150 --days 3 --seed 7").expect(0);
    workdir.convert("in", "--no-dedup --partition-by account,event_source");
    let events = source_texts(&workdir.at("in"));
    let padded = |values: Vec<Option<String>>, pad: fn(usize) -> String| -> Vec<String> {
        values.into_iter().flatten().chain((0..2_000).map(pad)).collect()
    };
    let some = || events.iter().step_by(41);
    let of = |path: &str| some().map(|event| said(event, path)).collect::<Vec<_>>();
    let none = RestoreFilter::default;
    let (callers, places, actions) = (of("userIdentity.userName"), of("sourceIPAddress"), of("eventName"));
    let (sources, accounts) = (of("eventSource"), of("recipientAccountId"));
    let check = |path: &str, values: &[Option<String>], filter: RestoreFilter| {
        let ids = expected(&events, |event| said(event, path).is_some_and(|it| values.contains(&Some(it))));
        let ids: BTreeSet<String> = ids.into_iter().collect();
        let found: BTreeSet<String> = found(&workdir, filter).into_iter().collect();
        assert!(!ids.is_empty() && found.is_superset(&ids) && found.len() < events.len(), "{path}: {found:?} {ids:?}");
    };
    let principals = padded(callers.clone(), |number| format!("nobody-{number}"));
    check("userIdentity.userName", &callers, RestoreFilter { principals, ..none() });
    let source_ips = padded(places.clone(), |number| format!("192.0.{}.{}/31", number / 250, number % 250));
    check("sourceIPAddress", &places, RestoreFilter { source_ips, ..none() });
    let event_names = padded(actions.clone(), |number| format!("Nothing{number}"));
    check("eventName", &actions, RestoreFilter { event_names, ..none() });
    let event_sources = padded(sources.clone(), |number| format!("nothing{number}"));
    let accounts_padded = padded(accounts, |number| format!("{number:012}"));
    check("eventSource", &sources, RestoreFilter { event_sources, accounts: accounts_padded, ..none() });
}

/// An IAM path is not a name that finds anything.
#[test]
fn advice_is_never_what_was_typed() {
    let workdir = Workdir::new();
    let arn = r#""userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/staff/Alice"}"#;
    workdir.file("in/a.json", records(&[event("a", arn)]));
    workdir.convert("in", "");
    for typed in ["staff", "STAFF", "stafff"] {
        let run = nothing(&workdir, &["--principal", typed]);
        assert!(!run.stderr().contains("did you mean"), "{}", run.dump());
    }
}

#[test]
fn an_invalid_address_is_refused() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", "")]));
    workdir.convert("in", "");
    for (typed, words) in [
        ("10.48.224.300", "--source-ip 10.48.224.300 is no address; write it like 198.51.100.7"),
        ("10.0.0.0/33", "--source-ip 10.0.0.0/33 is no network; write it like 198.51.100.0/24"),
        ("2600:1f18:::1", "--source-ip 2600:1f18:::1 is no address"),
    ] {
        let run = workdir.run_with(["restore", "lake", "--source-ip", typed]).expect(2);
        assert!(run.stderr().contains(words), "{}", run.dump());
    }
    workdir.run_with(["restore", "lake", "--source-ip", "AWS Internal"]).expect(0);
}

/// Text of an archive reaches the terminal escaped here, too.
#[test]
fn hints_are_safe_to_print() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", r#""userIdentity":{"userName":"evil\u001b[2Jname"}"#)]));
    workdir.convert("in", "");
    let run = nothing(&workdir, &["--principal", "evil"]);
    assert!(run.stderr().contains("u{1b}") && !run.stderr().contains('\u{1b}'), "{}", run.dump());
    let run = nothing(&workdir, &["--principal", "x\u{1b}[2J"]);
    assert!(!run.stderr().contains('\u{1b}'), "{}", run.dump());
}

/// The examples of README.md, of `.docs/restore.md` and of `restore --help` find something in `data/sample`.
#[test]
fn examples_find_something_in_the_sample() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.convert("in", "");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["README.md", ".docs/restore.md"].map(|page| fs::read_to_string(root.join(page)).expect("a page"));
    let help = workdir.run("restore --help").expect(0).stdout();
    // Help is wrapped at the width of a terminal; an example has its own paragraph.
    let examples = help.split("Example: ").skip(1).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = pages.iter().flat_map(|page| page.lines()).map(str::to_owned).chain(examples).collect();
    let examples: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("trailmill restore ./lake")).collect();
    assert!(examples.len() >= 4, "{examples:?}");
    for example in examples {
        let flags = example.split(['#', '|']).next().expect("flags");
        let run = workdir.run(&format!("restore ./lake {flags}")).expect(0);
        let has_archives = !files(&workdir.at("evidence")).is_empty();
        assert!(!run.stdout().is_empty() || has_archives, "{example}: {}", run.dump());
        let _ = fs::remove_dir_all(workdir.at("evidence"));
    }
}
