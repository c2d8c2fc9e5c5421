//! `trailmill verify`: an intact copy of what CloudTrail delivered is valid, and every tampering or loss is found and named.

use std::time::Duration;

use serde_json::Value as Json;

use crate::digests::{Bucket, FIRST_END, HOUR, Key, Trail, hex, public_keys, sha256};
use crate::harness::{Run, Workdir, gzip, inflated};
use crate::s3::fault::{Fault, Operation, Rule};
use crate::s3::proxy::Proxy;
use crate::s3::server::Server;
use crate::s3::store::Store;

const ACCOUNT: &str = "111122223333";

/// A trail of four hours, with two, two, no and two log files; the keys of its digest files.
fn four_hours() -> (Bucket, Vec<String>, Trail) {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    let digests = [2, 2, 0, 2].map(|logs| trail.hour(&mut bucket, logs)).to_vec();
    (bucket, digests, trail)
}

/// Their outcomes: the newest has no signature.
const SOUND: [(&str, u64); 4] =
    [("digest_valid", 3), ("digest_without_signature", 1), ("log_not_proved", 2), ("log_valid", 4)];

fn copy(bucket: &Bucket) -> Workdir {
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1(), Key::West.pkcs1()]));
    bucket.copy_to(&workdir, "copy");
    workdir
}

fn verify(workdir: &Workdir, flags: &str) -> (Run, Json) {
    let run = workdir.run(&format!("verify copy --public-keys keys.json --format json {flags}"));
    let report = serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}\n{}", run.dump()));
    (run, report)
}

fn counts(report: &Json) -> Vec<(&str, u64)> {
    let counts = report["outcome_counts"].as_object().expect("counts");
    counts.iter().map(|(name, count)| (name.as_str(), count.as_u64().unwrap_or_default())).collect()
}

/// Findings with this outcome.
fn findings<'r>(report: &'r Json, outcome: &str) -> Vec<&'r Json> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["outcome"] == outcome).collect()
}

/// A copy in a bucket is assessed like one in a folder.
#[test]
fn a_copy_in_a_bucket() {
    let (mut bucket, _, mut trail) = four_hours();
    trail.hour(&mut bucket, 1);
    let workdir = copy(&bucket);
    let server = Server::with_bucket("copies");
    server.put_tree("copies", "one", &workdir.at("copy"));
    let (local, expected) = verify(&workdir, "-v");
    let command = "verify s3://copies/one --public-keys keys.json --format json -v";
    let run = workdir.run_in(&server.environment(), command).expect(local.code());
    let place = format!("{}/", workdir.at("copy").display());
    let expected = expected.to_string().replace(&place, "s3://copies/one/").replace("\"copy\"", "\"s3://copies/one\"");
    let mut expected: Json = serde_json::from_str(&expected).expect("JSON");
    let mut found: Json = serde_json::from_str(&run.stdout()).expect("JSON");
    for report in [&mut expected, &mut found] {
        report.as_object_mut().expect("a report").retain(|name, _| !name.contains("second"));
        // Advice for a folder does not suit a bucket.
        let findings = report["findings"].as_array_mut().expect("findings").iter_mut();
        findings.for_each(|finding| drop(finding.as_object_mut().and_then(|finding| finding.remove("advice"))));
    }
    assert_eq!(found, expected);
    assert!(!counts(&found).is_empty());
}

/// Files of a copy in a bucket are requested before threads need them, and only those that are compared.
#[test]
fn a_copy_in_a_bucket_is_fetched_ahead() {
    let (mut bucket, _, mut trail) = four_hours();
    trail.hour(&mut bucket, 60);
    let workdir = copy(&bucket);
    let server = Server::with_bucket("copies");
    server.put_tree("copies", "one", &workdir.at("copy"));
    let undeclared = trail.log_key("CloudTrail", FIRST_END, "undeclared");
    server.put("copies", &format!("one/{undeclared}"), b"nobody reads it");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get(), Fault::Delay(Duration::from_millis(300)));
    let command = "verify s3://copies/one --public-keys keys.json --format json --threads 2";
    let run = workdir.run_in(&proxy.environment(), command);
    let report: Json = serde_json::from_str(&run.stdout()).expect("JSON");
    let count = |name: &str| report["outcome_counts"][name].as_u64().unwrap_or_default();
    assert_eq!(count("log_valid") + count("log_not_proved"), 66, "{}", run.dump());
    assert!(proxy.most_in_flight() >= 30, "{}", proxy.most_in_flight());
    assert!(
        !proxy
            .requests()
            .iter()
            .any(|request| { request.operation == Operation::Get && request.path.contains("undeclared") })
    );
}

/// Checks the report about a copy, in every format, and the exit code.
#[track_caller]
fn check_copy(workdir: &Workdir, flags: &str, expected: &[(&str, u64)], code: i32) -> Json {
    let (run, report) = verify(workdir, flags);
    assert_eq!(counts(&report), expected, "{}", run.dump());
    assert_eq!(run.code(), code, "{}", run.dump());
    let (verbose, all) = verify(workdir, &format!("-v --threads 1 {flags}"));
    assert_eq!((verbose.code(), counts(&all)), (code, expected.to_vec()));
    for (outcome, count) in expected {
        let listed = findings(&all, outcome).len() as u64;
        assert_eq!(listed, *count, "{outcome}: {all:#}");
        let is_problem = findings(&all, outcome)[0]["severity"] == "problem";
        assert!(!is_problem || findings(&report, outcome).len() as u64 == listed, "{report:#}");
    }
    for (flags, report) in [(flags.to_owned(), &report), (format!("-v {flags}"), &all)] {
        let text = workdir.run(&format!("verify copy --public-keys keys.json {flags}"));
        assert_eq!((text.code(), text.stderr().as_str()), (code, ""), "{}", text.dump());
        for finding in report["findings"].as_array().expect("findings") {
            let [place, message] = ["place", "message"].map(|name| finding[name].as_str().expect("text"));
            let is_reported = |line: &str| line.contains(place) && line.contains(message);
            assert!(text.stdout().lines().any(is_reported), "{finding:#}\n{}", text.dump());
        }
    }
    let quiet = workdir.run(&format!("verify copy --public-keys keys.json -q {flags}"));
    assert_eq!((quiet.code(), quiet.stdout(), quiet.stderr()), (code, String::new(), String::new()));
    report
}

#[track_caller]
fn check(bucket: &Bucket, expected: &[(&str, u64)], code: i32) -> Json {
    check_copy(&copy(bucket), "", expected, code)
}

#[test]
fn a_plain_copy_is_sound_and_the_text_is_that_of_the_aws_cli() {
    let (bucket, digests, _) = four_hours();
    let workdir = copy(&bucket);
    let before = workdir.snapshot("copy");
    check_copy(&workdir, "", &SOUND, 0);
    let newest = &digests[3];
    let path = workdir.at("copy").join(newest).display().to_string();
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    let expected = format!(
        "Validating log files in copy\n\n\
         Digest file\ts3://trail-bucket/{newest}\tsignature not available\n\n\
         Results found for 2025-03-01T00:00:17Z to 2025-03-01T04:00:17Z:\n\n\
         3/4 digest files valid, 1/4 digest files without signature\n\
         4/6 log files valid, 2/6 log files not proved\n\n\
         A copy has lost the signature of a digest file that is the newest of its chain, or the last one before a gap: \
         only the metadata of its S3 object has it. To prove these digest files and the log files that they declare, run \
         this and verify again:\n  \
         aws s3api head-object --bucket trail-bucket --key {newest} > {path}.metadata.json\n"
    );
    assert_eq!(text, expected);
    assert!(workdir.snapshot("copy") == before, "nothing is changed");

    let text = workdir.run("verify copy --public-keys keys.json -v --from 2025-03-01 --to 2025-03-01").stdout();
    let logs = |hour: usize| {
        let second = FIRST_END - HOUR + 60 + i64::try_from(hour).expect("an hour") * HOUR;
        let minute = crate::digests::time(second, "_%Y%m%dT%H");
        let keys: Vec<String> = bucket.keys(&minute).into_iter().filter(|key| !key.contains("Digest")).collect();
        assert_eq!(keys.len(), 2);
        keys
    };
    let line = |kind: &str, key: &str, message: &str| format!("{kind} file\ts3://trail-bucket/{key}\t{message}");
    let not_proved = "hash value matches, digest file not proved";
    let mut expected = vec![
        "Validating log files in copy between 2025-03-01T00:00:00Z and 2025-03-01T23:59:59Z".to_owned(),
        String::new(),
        line("Digest", newest, "signature not available"),
    ];
    expected.extend(logs(3).iter().map(|key| line("Log", key, not_proved)));
    for (digest, hour) in [(&digests[2], None), (&digests[1], Some(1)), (&digests[0], Some(0))] {
        expected.push(line("Digest", digest, "valid"));
        expected.extend(hour.map(logs).into_iter().flatten().map(|key| line("Log", &key, "valid")));
    }
    expected.push(String::new());
    expected.push("Results requested for 2025-03-01T00:00:00Z to 2025-03-01T23:59:59Z".to_owned());
    expected.push("Results found for 2025-03-01T00:00:17Z to 2025-03-01T04:00:17Z:".to_owned());
    assert_eq!(text.lines().take(expected.len()).collect::<Vec<_>>(), expected);
}

#[test]
fn with_its_signature_beside_it_the_newest_is_proved_too() {
    let (bucket, digests, _) = four_hours();
    let newest = &digests[3];
    let all = [("digest_valid", 4), ("log_valid", 6)];
    let signature = &bucket.signatures[newest];
    let workdir = copy(&bucket);
    workdir.file(&format!("copy/{newest}.signature"), format!("{signature}\n"));
    check_copy(&workdir, "", &all, 0);

    let head = |signature: &str, algorithm: &str| {
        format!(
            r#"{{"ContentType":"application/json","Metadata":{{"signature":"{signature}","signature-algorithm":"{algorithm}"}}}}"#
        )
    };
    let workdir = copy(&bucket);
    workdir.file(&format!("copy/{newest}.metadata.json"), head(&signature.to_uppercase(), "SHA256withRSA"));
    check_copy(&workdir, "", &all, 0);

    // A useless one is reported with the reason.
    for (text, words) in [
        (head(signature, "MD5withRSA"), "MD5withRSA"),
        ("{}".into(), "no answer of head-object"),
        ("[".repeat(100_000), "it is no text of that size"),
    ] {
        let workdir = copy(&bucket);
        workdir.file(&format!("copy/{newest}.metadata.json"), text);
        let report = check_copy(&workdir, "", &SOUND, 0);
        let finding = findings(&report, "digest_without_signature")[0];
        assert!(finding["message"].as_str().is_some_and(|message| message.contains(words)), "{finding}");
    }
    // The signature of another digest file is wrong.
    let workdir = copy(&bucket);
    workdir.file(&format!("copy/{newest}.signature"), &bucket.signatures[&digests[2]]);
    let expected =
        [("digest_signature_failed", 1), ("digest_valid", 3), ("log_of_invalid_digest", 2), ("log_valid", 4)];
    check_copy(&workdir, "", &expected, 1);
}

#[test]
fn every_change_to_a_log_file_is_reported() {
    let (bucket, _, trail) = four_hours();
    let log = &bucket.keys("/CloudTrail/")[0];
    let damage = |edit: &dyn Fn(&mut Vec<u8>), outcome: &str| {
        let mut bucket = bucket.clone();
        edit(bucket.objects.get_mut(log).expect("a log file"));
        let mut expected = vec![
            ("digest_valid", 3),
            ("digest_without_signature", 1),
            (outcome, 1),
            ("log_not_proved", 2),
            ("log_valid", 3),
        ];
        expected.sort_unstable();
        let report = check(&bucket, &expected, 1);
        let finding = findings(&report, outcome)[0];
        assert_eq!(finding["place"], format!("s3://trail-bucket/{log}"));
        assert!(finding["path"].as_str().is_some_and(|path| path.ends_with(log)), "{finding}");
        assert_eq!((report["logs"]["invalid"].as_u64(), report["logs"]["total"].as_u64()), (Some(1), Some(6)));
    };
    let text = inflated(&bucket.objects[log]);
    damage(&|stored| *stored = gzip(b"{\"Records\":[]}"), "log_hash_differs");
    damage(&|stored| *stored = gzip(&[&text, b" ".as_slice()].concat()), "log_hash_differs");
    damage(&|stored| stored.truncate(stored.len() - 9), "log_malformed");
    damage(&|stored| stored.clear(), "log_malformed");
    damage(&|stored| *stored = b"\x1f\x8b\x08".to_vec(), "log_malformed");
    damage(&|stored| *stored = b"{\"Records\":[]}".to_vec(), "log_malformed");
    for more in [gzip(b"{\"Records\":[]}"), gzip(b""), b"x".to_vec(), vec![0]] {
        damage(&|stored| stored.extend(&more), "log_trailing_data");
    }
    // The same text compressed differently, or not at all, is what CloudTrail wrote.
    let mut other = bucket.clone();
    other.objects.insert(log.clone(), text.clone());
    check(&other, &SOUND, 0);
    other.rename(log, log.strip_suffix(".gz").expect("gzip"));
    check(&other, &SOUND, 0);

    let missing = |count| {
        [
            ("digest_valid", 3),
            ("digest_without_signature", 1),
            ("log_missing", 1),
            ("log_not_proved", 2),
            count,
            ("log_valid", 3),
        ]
    };
    let mut removed = bucket.clone();
    removed.remove(log);
    let without: Vec<_> = missing(("", 0)).into_iter().filter(|(name, _)| !name.is_empty()).collect();
    let report = check(&removed, &without, 1);
    assert_eq!(findings(&report, "log_missing")[0]["place"], format!("s3://trail-bucket/{log}"));
    for (to, outcome) in [
        (log.replace("/CloudTrail/", "/CloudTrail-Insight/"), "log_undeclared"),
        (log.replace("us-east-1", "us-west-2"), "log_without_digests"),
        (format!("elsewhere/{}", log.rsplit('/').next().expect("a name")), "log_misplaced"),
    ] {
        let mut moved = bucket.clone();
        moved.rename(log, &to);
        let mut expected = missing((outcome, 1));
        expected.sort_unstable();
        check(&moved, &expected, 1);
    }
    // An extra log file is undeclared; shortly before the end of the last digest file the next one may declare it.
    for (hours, name, outcome, code) in [
        (2, "A", "log_undeclared", 1),
        (3, "A", "log_undeclared", 1),
        (4, "A", "log_after_last", 0),
        (0, "A", "log_before_first", 0),
    ] {
        let mut added = bucket.clone();
        let key = trail.log_key("CloudTrail", FIRST_END - HOUR - 60 + hours * HOUR, name);
        added.objects.insert(key, gzip(b"{\"Records\":[]}"));
        let mut expected = SOUND.to_vec();
        expected.push((outcome, 1));
        expected.sort_unstable();
        check(&added, &expected, code);
    }
    let mut nameless = bucket.clone();
    nameless.objects.insert(format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2025/03/01/notes"), b"x".to_vec());
    let mut expected = SOUND.to_vec();
    expected.insert(3, ("log_undeclared", 1));
    check(&nameless, &expected, 1);
}

#[test]
fn a_changed_digest_file_is_reported_and_proves_nothing_but_its_neighbours_stay() {
    let (bucket, digests, _) = four_hours();
    let mut changed = bucket.clone();
    changed.edit(&digests[1], |text| text.replace("SHA256withRSA", "SHA256withRSA "));
    let expected = [
        ("digest_signature_failed", 1),
        ("digest_valid", 2),
        ("digest_without_signature", 1),
        ("log_not_proved", 2),
        ("log_of_invalid_digest", 2),
        ("log_valid", 2),
    ];
    let report = check(&changed, &expected, 1);
    let [finding] = findings(&report, "digest_signature_failed")[..] else { panic!("{report}") };
    assert_eq!(finding["message"], "INVALID: signature verification failed");
    assert_eq!(finding["place"], format!("s3://trail-bucket/{}", digests[1]));
    // An invalid one proves nothing against the one before it.
    let mut silenced = bucket.clone();
    let signature = bucket.signatures[&digests[0]].clone();
    silenced.edit(&digests[1], |text| text.replace(&signature, &"0".repeat(512)));
    let expected = [
        ("digest_signature_failed", 1),
        ("digest_valid", 1),
        ("digest_without_signature", 2),
        ("log_not_proved", 4),
        ("log_of_invalid_digest", 2),
    ];
    check(&silenced, &expected, 1);
    // The newest has no signature here: its declarations must match the files.
    let mut newest = bucket.clone();
    let hash = sha256(&inflated(&bucket.objects[&digests[2]]));
    newest.edit(&digests[3], |text| text.replace(&hash, &"0".repeat(64)));
    let expected = [("digest_unlinked", 1), ("digest_valid", 3), ("log_of_invalid_digest", 2), ("log_valid", 4)];
    check(&newest, &expected, 1);
    let mut newest = bucket.clone();
    let signature = bucket.signatures[&digests[2]].clone();
    newest.edit(&digests[3], |text| text.replace(&signature, &"0".repeat(512)));
    let expected = [
        ("digest_signature_failed", 1),
        ("digest_valid", 2),
        ("digest_without_signature", 1),
        ("log_not_proved", 2),
        ("log_valid", 4),
    ];
    check(&newest, &expected, 1);
}

#[test]
fn a_digest_file_signed_with_another_key_is_reported() {
    for (fingerprint, outcome, message) in [
        (Key::East.fingerprint(), "digest_signature_failed", "INVALID: signature verification failed".to_owned()),
        (
            Key::Strangers.fingerprint(),
            "digest_key_missing",
            format!(
                "INVALID: public key not found in region us-east-1 for fingerprint {}",
                Key::Strangers.fingerprint()
            ),
        ),
    ] {
        let mut bucket = Bucket::default();
        let mut trail = Trail::new(ACCOUNT, "us-east-1");
        trail.hour(&mut bucket, 1);
        (trail.key, trail.fingerprint) = (Key::Strangers, fingerprint);
        trail.hour(&mut bucket, 1);
        (trail.key, trail.fingerprint) = (Key::East, Key::East.fingerprint());
        trail.hour(&mut bucket, 1);
        let mut expected = vec![
            ("digest_valid", 1),
            (outcome, 1),
            ("digest_without_signature", 1),
            ("log_not_proved", 1),
            ("log_of_invalid_digest", 1),
            ("log_valid", 1),
        ];
        expected.sort_unstable();
        let report = check(&bucket, &expected, 1);
        assert_eq!(findings(&report, outcome)[0]["message"], message);
    }
}

#[test]
fn a_missing_digest_file_is_reported_with_its_hours() {
    let (bucket, digests, _) = four_hours();
    let mut one = bucket.clone();
    one.remove(&digests[1]);
    let expected = [
        ("chain_hole", 1),
        ("digest_missing", 1),
        ("digest_valid", 1),
        ("digest_without_signature", 2),
        ("log_not_proved", 4),
        ("log_of_missing_digest", 2),
    ];
    let report = check(&one, &expected, 1);
    assert_eq!(findings(&report, "digest_missing")[0]["place"], format!("s3://trail-bucket/{}", digests[1]));
    let hole = findings(&report, "chain_hole")[0]["message"].as_str().expect("text");
    assert_eq!(hole, "INVALID: no digest files between 2025-03-01T01:00:17Z and 2025-03-01T02:00:17Z");
    assert_eq!(report["digests"]["total"], 4);
    // Two in a row: no digest file names the first of them.
    let mut two = one.clone();
    two.remove(&digests[2]);
    let expected = [
        ("chain_hole", 1),
        ("digest_missing", 1),
        ("digest_without_proof", 2),
        ("log_not_proved", 4),
        ("log_of_missing_digest", 2),
    ];
    let report = check(&two, &expected, 1);
    let hole = findings(&report, "chain_hole")[0]["message"].as_str().expect("text");
    assert_eq!(hole, "INVALID: no digest files between 2025-03-01T01:00:17Z and 2025-03-01T03:00:17Z");
    // The oldest may not have been copied; the newest may not have existed yet.
    let mut oldest = bucket.clone();
    oldest.remove(&digests[0]);
    let expected = [
        ("chain_older", 1),
        ("digest_valid", 2),
        ("digest_without_signature", 1),
        ("log_before_oldest", 2),
        ("log_not_proved", 2),
        ("log_valid", 2),
    ];
    check(&oldest, &expected, 0);
    let mut newest = bucket.clone();
    newest.remove(&digests[3]);
    let expected = [("digest_valid", 2), ("digest_without_signature", 1), ("log_after_last", 2), ("log_valid", 4)];
    let report = check(&newest, &expected, 0);
    assert_eq!(report["found_to"], "2025-03-01T03:00:17Z");
    // All of them missing is another case.
    let mut none = bucket.clone();
    for digest in &digests {
        none.remove(digest);
    }
    let workdir = copy(&none);
    check_copy(&workdir, "", &[("log_without_digests", 6)], 1);
    assert!(workdir.run("verify copy --public-keys keys.json").stdout().contains("No digests found"));
}

#[test]
fn a_chain_that_ends_before_others_is_reported() {
    let (mut bucket, _, _) = four_hours();
    let mut other = Trail::new("444455556666", "eu-west-1");
    for _ in 0..7 {
        other.hour(&mut bucket, 1);
    }
    let expected = [
        ("chain_ends_early", 1),
        ("digest_valid", 9),
        ("digest_without_signature", 2),
        ("log_not_proved", 3),
        ("log_valid", 10),
    ];
    let report = check(&bucket, &expected, 0);
    let finding = findings(&report, "chain_ends_early")[0];
    assert_eq!(finding["place"], "111122223333 us-east-1 my_trail");
    let message = "no later digest file is here than 2025-03-01T04:00:17Z; others go on to 2025-03-01T07:00:17Z";
    assert_eq!(finding["message"], message);
}

#[test]
fn a_digest_file_that_was_moved_swapped_or_replayed_is_reported() {
    let (bucket, digests, _) = four_hours();
    let mut swapped = bucket.clone();
    swapped.rename(&digests[1], "x");
    swapped.rename(&digests[2], &digests[1]);
    swapped.rename("x", &digests[2]);
    let expected = [
        ("digest_moved", 2),
        ("digest_valid", 1),
        ("digest_without_signature", 1),
        ("log_not_proved", 2),
        ("log_of_invalid_digest", 2),
        ("log_valid", 2),
    ];
    let report = check(&swapped, &expected, 1);
    let finding = findings(&report, "digest_moved")[0];
    assert_eq!(finding["message"], "INVALID: has been moved from its original location");
    // It may not state another place.
    assert!(finding["place"].as_str().is_some_and(|place| place.ends_with(&digests[2]) && place.starts_with('/')));
    // An old one in place of the newest.
    let mut replayed = bucket.clone();
    replayed.objects.insert(digests[3].clone(), bucket.objects[&digests[0]].clone());
    let expected =
        [("digest_moved", 1), ("digest_valid", 2), ("digest_without_signature", 1), ("log_of_missing_digest", 0)];
    let report = verify(&copy(&replayed), "").1;
    assert_eq!(counts(&report)[..3], expected[..3], "{report:#}");
    // Out of the tree.
    for to in ["elsewhere/", "AWSLogs/999999999999/CloudTrail-Digest/us-east-1/2025/03/01/"] {
        let mut moved = bucket.clone();
        moved.rename(&digests[1], &format!("{to}{}", digests[1].rsplit('/').next().expect("a name")));
        let report = verify(&copy(&moved), "").1;
        let counts = counts(&report);
        assert!(counts.contains(&("digest_moved", 1)) && counts.contains(&("digest_missing", 1)), "{report:#}");
    }
}

/// A forged one in an older one's place comes later in the order, and counts no more.
#[test]
fn a_digest_file_that_was_moved_speaks_against_no_other() {
    let (mut bucket, digests, _) = four_hours();
    bucket.rename(&digests[3], &digests[0]);
    let signature = bucket.signatures[&digests[2]].clone();
    bucket.edit(&digests[0], |text| text.replace(&signature, &"0".repeat(512)));
    let report = verify(&copy(&bucket), "").1;
    let expected = [("digest_moved", 1), ("digest_valid", 1), ("digest_without_signature", 1)];
    assert_eq!(counts(&report)[..3], expected, "{report:#}");
}

#[test]
fn digest_files_that_contradict_each_other_are_reported_though_signed() {
    let signed = |edit: &dyn Fn(&mut Json)| {
        let mut bucket = Bucket::default();
        let mut trail = Trail::new(ACCOUNT, "us-east-1");
        let first = trail.hour(&mut bucket, 1);
        trail.digest(&mut bucket, &[], edit);
        trail.hour(&mut bucket, 1);
        (bucket, first)
    };
    let (bucket, _) = signed(&|json| json["previousDigestHashValue"] = "00".repeat(32).into());
    let expected = [
        ("digest_hash_differs", 1),
        ("digest_valid", 1),
        ("digest_without_signature", 1),
        ("log_not_proved", 1),
        ("log_of_invalid_digest", 1),
    ];
    check(&bucket, &expected, 1);
    let (bucket, first) = signed(&|json| json["previousDigestSignature"] = "00".repeat(256).into());
    let workdir = copy(&bucket);
    workdir.file(&format!("copy/{first}.signature"), &bucket.signatures[&first]);
    let expected = [
        ("digest_signature_differs", 1),
        ("digest_valid", 1),
        ("digest_without_signature", 1),
        ("log_not_proved", 1),
        ("log_of_invalid_digest", 1),
    ];
    check_copy(&workdir, "", &expected, 1);
    let (bucket, _) = signed(&|json| json["logFiles"] = serde_json::json!([{"s3Bucket": "b"}]));
    let report = check(&bucket, &[("digest_malformed", 1), ("digest_without_proof", 2), ("log_not_proved", 2)], 1);
    assert_eq!(findings(&report, "digest_malformed")[0]["message"], "INVALID: invalid format");
    let (bucket, _) = signed(&|json| {
        json["logFiles"] =
            serde_json::json!([{"s3Bucket": "b", "s3Object": "AWSLogs/x", "hashValue": "00", "hashAlgorithm": "MD5"}]);
    });
    assert!(counts(&verify(&copy(&bucket), "").1).contains(&("log_missing", 1)));
}

/// Only CloudTrail can sign, so a forged digest file has no signature; in one place that is not enough to call it wrong.
#[test]
fn a_forged_digest_file_is_only_possible_after_the_newest() {
    let (bucket, digests, trail) = four_hours();
    let forge = |at: i64, previous: Option<usize>| {
        let mut forged = bucket.clone();
        let mut faked = Trail { end: FIRST_END + at, ..trail.clone() };
        faked.previous = previous.map(|at| {
            let key = &digests[at];
            let text = inflated(&bucket.objects[key]);
            [trail.bucket.clone(), key.clone(), sha256(&text), bucket.signatures[key].clone()]
        });
        let log = trail.log_key("CloudTrail", faked.end - 1_800, "forged");
        forged.objects.insert(log.clone(), gzip(b"{\"Records\":[]}"));
        faked.digest(&mut forged, &[log], |_| {});
        forged
    };
    let wrong = |count, forged| {
        let names = [("digest_unlinked", count), ("digest_valid", 3), ("digest_without_signature", 2 - count)];
        let logs = [("log_not_proved", 2), ("log_of_invalid_digest", forged), ("log_valid", 4)];
        names.into_iter().chain(logs).filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    // Between others, naming one of them or none.
    for (at, previous) in [(HOUR + 9, None), (HOUR + 9, Some(0)), (HOUR + 9, Some(1)), (2 * HOUR - 9, Some(1))] {
        let report = check(&forge(at, previous), &wrong(1, 1), 1);
        assert_eq!(report["logs"]["undeclared"], 0);
    }
    // After the newest, with its known values: it cannot be distinguished from a real one, and proves nothing.
    let mut expected = SOUND.to_vec();
    (expected[0].1, expected[2].1, expected[3].1) = (4, 1, 6);
    check(&forge(4 * HOUR, Some(3)), &expected, 0);
    // But it may not declare additions to hours that are proved.
    let mut late = bucket.clone();
    let mut faked = trail.clone();
    let log = trail.log_key("CloudTrail", FIRST_END + 300, "forged");
    late.objects.insert(log.clone(), gzip(b"{\"Records\":[]}"));
    faked.digest(&mut late, &[log], |_| {});
    let mut expected = SOUND.to_vec();
    (expected[0].1, expected[3].1) = (4, 6);
    expected[2] = ("log_out_of_hour", 1);
    let report = check(&late, &expected, 1);
    assert_eq!(report["logs"]["undeclared"], 1);
    // Nor is a chain of its own any better.
    let mut own = bucket.clone();
    let mut faked = Trail { name: "forged".into(), end: FIRST_END, previous: None, ..trail.clone() };
    let log = trail.log_key("CloudTrail", FIRST_END - 300, "forged");
    own.objects.insert(log.clone(), gzip(b"{\"Records\":[]}"));
    faked.digest(&mut own, &[log], |_| {});
    let mut expected = SOUND.to_vec();
    expected[2].1 = 3;
    expected.insert(1, ("digest_without_proof", 1));
    expected.insert(0, ("chain_ends_early", 1));
    check(&own, &expected, 1);
    // After the newest, and beside it.
    let expected = [("digest_unlinked", 2), ("digest_valid", 3), ("log_of_invalid_digest", 3), ("log_valid", 4)];
    check(&forge(4 * HOUR, Some(2)), &expected, 1);
    // Two that name each other.
    let mut round = forge(4 * HOUR, Some(3));
    let last = round.keys("T050017Z").pop().expect("the forged one");
    round.edit(&digests[3], |text| text.replace(&digests[2], &last));
    let (run, report) = verify(&copy(&round), "");
    assert_eq!(run.code(), 1, "{report:#}");
    // Another file with the same key, in another tree.
    let workdir = copy(&bucket);
    let stored = gzip(&[inflated(&bucket.objects[&digests[3]]), b" ".to_vec()].concat());
    workdir.file(&format!("copy/other/{}", digests[3]), stored);
    let expected = [("digest_unlinked", 2), ("digest_valid", 3), ("log_of_invalid_digest", 2), ("log_valid", 4)];
    check_copy(&workdir, "", &expected, 1);
}

#[test]
fn a_gap_in_validation_is_reported_and_no_problem() {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    trail.hour(&mut bucket, 1);
    trail.hour(&mut bucket, 1);
    trail.previous = None;
    trail.end += 3 * HOUR;
    let key = trail.log_key("CloudTrail", trail.end - 2 * HOUR, "X");
    bucket.objects.insert(key, gzip(b"{\"Records\":[]}"));
    trail.hour(&mut bucket, 1);
    trail.hour(&mut bucket, 1);
    let expected = [
        ("chain_gap", 1),
        ("digest_valid", 2),
        ("digest_without_signature", 2),
        ("log_in_gap", 1),
        ("log_not_proved", 2),
        ("log_valid", 2),
    ];
    let workdir = copy(&bucket);
    check_copy(&workdir, "", &expected, 0);
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    let line = "No log files were delivered by CloudTrail between 2025-03-01T02:00:17Z and 2025-03-01T05:00:17Z";
    assert!(text.contains(line), "{text}");
}

#[test]
fn backfill_digest_files_are_a_chain_of_their_own() {
    let (mut bucket, _, trail) = four_hours();
    let mut backfill = Trail { is_backfill: true, previous: None, end: FIRST_END, ..trail.clone() };
    // A declared log file may be declared again.
    let again: Vec<String> = bucket.keys("/CloudTrail/").into_iter().take(2).collect();
    backfill.digest(&mut bucket, &again, |_| {});
    let late = trail.log_key("CloudTrail", FIRST_END + 300, "late");
    bucket.objects.insert(late.clone(), gzip(b"{\"Records\":[]}"));
    backfill.digest(&mut bucket, &[late], |_| {});
    let expected = [("digest_valid", 4), ("digest_without_signature", 2), ("log_not_proved", 3), ("log_valid", 6)];
    let workdir = copy(&bucket);
    let report = check_copy(&workdir, "", &expected, 0);
    assert_eq!((report["digests"]["total"].as_u64(), report["backfill_digests"]["valid"].as_u64()), (Some(4), Some(1)));
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    assert!(text.contains("(backfill) Digest file\ts3://"), "{text}");
    assert!(text.contains("1/2 backfill digest files valid, 1/2 backfill digest files without signature"), "{text}");
}

#[test]
fn trails_accounts_regions_organisations_prefixes_and_buckets_side_by_side() {
    let mut here = Bucket::default();
    let mut there = Bucket::default();
    let mut plain = Trail::new(ACCOUNT, "us-east-1");
    let mut second = Trail { name: "other".into(), ..plain.clone() };
    let mut west = Trail::new(ACCOUNT, "eu-west-1");
    let mut member = Trail { prefix: "logs/AWSLogs/".into(), ..Trail::new("o-abcdefghij/444455556666", "eu-west-1") };
    for hours in 0..3 {
        plain.hour(&mut here, 4);
        // Two trails of one account and Region have log files of their own.
        let log = second.log_key("CloudTrail", second.end - 1_800, &format!("second{hours}"));
        here.objects.insert(log.clone(), gzip(b"{\"Records\":[]}"));
        second.digest(&mut here, &[log], |_| {});
        west.hour(&mut here, 1);
        member.hour(&mut there, 1);
    }
    // The trail gets another bucket: its next digest file follows one of the old bucket, and lies elsewhere.
    plain.bucket = "another-bucket".into();
    plain.prefix = "p/".into();
    plain.hour(&mut there, 1);
    let workdir = copy(&here);
    there.copy_to(&workdir, "copy/there");
    let expected = [("digest_valid", 9), ("digest_without_signature", 4), ("log_not_proved", 4), ("log_valid", 18)];
    let report = check_copy(&workdir, "", &expected, 0);
    let chains = report["chains"].as_array().expect("chains");
    assert_eq!(chains.len(), 4);
    assert_eq!(chains[3]["organization"], "o-abcdefghij");
    assert_eq!((&chains[1]["trail"], &chains[1]["digests"]), (&"my_trail".into(), &4.into()));
    // Without the prefix, as `aws s3 sync s3://bucket/prefix` leaves it.
    let workdir = copy(&here);
    workdir.copy(&workdir.at("copy"), "copy");
    for (key, stored) in &there.objects {
        let short = key.strip_prefix("logs/AWSLogs/").or_else(|| key.strip_prefix("p/")).expect("a prefix");
        workdir.file(&format!("copy/b/{short}"), stored);
    }
    check_copy(&workdir, "", &expected, 0);

    let only = [("digest_valid", 4), ("digest_without_signature", 2), ("log_not_proved", 2), ("log_valid", 4)];
    check_copy(&workdir, "--region eu-west-1", &only, 0);
    let only = [("digest_valid", 2), ("digest_without_signature", 1), ("log_not_proved", 1), ("log_valid", 2)];
    check_copy(&workdir, "--account 444455556666", &only, 0);
    check_copy(&workdir, "--account 5", &[], 1);
}

#[test]
fn days_select_digest_files_by_their_end() {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    for _ in 0..72 {
        trail.hour(&mut bucket, 1);
    }
    // Ends from 01:00 of the first of March to 00:00 of the fourth.
    let workdir = copy(&bucket);
    let valid = |count| [("digest_valid", count), ("log_valid", count)];
    check_copy(&workdir, "--from 2025-03-02 --to 2025-03-02", &valid(24), 0);
    check_copy(&workdir, "--to 2025-03-01", &valid(23), 0);
    let newest = [("digest_valid", 24), ("digest_without_signature", 1), ("log_not_proved", 1), ("log_valid", 24)];
    check_copy(&workdir, "--from 2025-03-03", &newest, 0);
    check_copy(&workdir, "--from 2025-03-05", &[], 1);
    // The only one of its day follows proved ones.
    let newest = [("digest_without_signature", 1), ("log_not_proved", 1)];
    check_copy(&workdir, "--from 2025-03-04", &newest, 1);
    let missing = bucket.keys("20250301T100017Z").pop().expect("a digest file");
    std::fs::remove_file(workdir.at("copy").join(missing)).expect("a file");
    check_copy(&workdir, "--from 2025-03-02 --to 2025-03-02", &valid(24), 0);
    let (run, report) = verify(&workdir, "--to 2025-03-01");
    assert!(run.code() == 1 && counts(&report).contains(&("digest_missing", 1)), "{report:#}");
    // The first of a day after a missing one.
    let missing = bucket.keys("20250301T230017Z").pop().expect("a digest file");
    std::fs::remove_file(workdir.at("copy").join(missing)).expect("a file");
    check_copy(&workdir, "--from 2025-03-02 --to 2025-03-02", &valid(24), 0);
}

#[test]
fn keys_in_every_form_are_taken() {
    // Fingerprints are of the published form: a key in another form has another one.
    let spki = Key::East.spki();
    let mut bucket = Bucket::default();
    let mut trail = Trail { fingerprint: crate::digests::fingerprint(&spki), ..Trail::new(ACCOUNT, "us-east-1") };
    trail.hour(&mut bucket, 1);
    trail.hour(&mut bucket, 1);
    let sound = [("digest_valid", 1), ("digest_without_signature", 1), ("log_not_proved", 1), ("log_valid", 1)];
    let unknown = [("digest_key_missing", 2), ("log_of_invalid_digest", 2)];
    let workdir = copy(&bucket);
    check_copy(&workdir, "", &unknown, 1);
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    assert!(text.contains("No valid digests found in range"), "{text}");
    workdir.file("more.json", public_keys(std::slice::from_ref(&spki)));
    check_copy(&workdir, "--public-keys more.json", &sound, 0);
    let both = [public_keys(&[Key::West.pkcs1()]), public_keys(&[spki])].join("\n");
    workdir.file("keys.json", both);
    check_copy(&workdir, "", &sound, 0);

    // An invalid key, under the fingerprint of its bytes.
    trail.fingerprint = crate::digests::fingerprint(b"not a key");
    let key = trail.hour(&mut bucket, 1);
    workdir.file(&format!("copy/{key}"), &bucket.objects[&key]);
    workdir.file("more.json", public_keys(&[b"not a key".to_vec()]));
    let (run, report) = verify(&workdir, "--public-keys more.json");
    let message = format!("INVALID: Unable to load PKCS #1 key with fingerprint {}", trail.fingerprint);
    assert_eq!(findings(&report, "digest_key_unusable")[0]["message"], message, "{}", run.dump());
}

#[test]
fn invalid_arguments_are_errors_with_advice() {
    let (bucket, _, _) = four_hours();
    let workdir = copy(&bucket);
    workdir.file("no.json", "{\"Records\":[]}");
    let wrong = public_keys(&[Key::East.pkcs1()]).replace(&Key::East.fingerprint(), &Key::West.fingerprint());
    workdir.file("wrong.json", wrong);
    for (arguments, words) in [
        ("copy --public-keys no.json", "not usable public keys: no.json: no list of public keys"),
        ("copy --public-keys wrong.json", "has the fingerprint"),
        ("copy --public-keys nowhere.json", "nowhere.json"),
        ("copy --public-keys copy", "list-public-keys --region"),
        ("copy", "--public-keys"),
        ("nowhere --public-keys keys.json", "input not found"),
        ("copy --public-keys keys.json --from 2025-03-02 --to 2025-03-01", "--from is after --to"),
        ("copy --public-keys keys.json --from yesterday", "no date"),
        ("copy --public-keys keys.json -v -q", "cannot be used with"),
    ] {
        let run = workdir.run(&format!("verify {arguments}")).expect(2);
        assert!(run.stderr().contains(words) && run.stdout().is_empty(), "{arguments}: {}", run.dump());
    }
}

#[test]
fn digest_files_that_make_no_sense_are_findings() {
    let (bucket, digests, _) = four_hours();
    let text = String::from_utf8(inflated(&bucket.objects[&digests[1]])).expect("text");
    let deep = text.replace("\"logFiles\":[", &format!("\"logFiles\":[{}", "[".repeat(200_000)));
    let huge = format!("{text}{}", " ".repeat(65 << 20));
    let stored = &bucket.objects[&digests[1]];
    for (bytes, words) in [
        (Vec::new(), "EOF"),
        (b"not gzip".to_vec(), "expected"),
        (stored[..stored.len() / 2].to_vec(), "damaged"),
        ([stored.clone(), gzip(b"")].concat(), "unexpected data"),
        (gzip(b"[]"), "invalid"),
        (gzip(b"{\"digestS3Bucket\":\"x\"}"), "missing field"),
        (gzip(b"\xff\xfe"), "expected"),
        (gzip(deep.as_bytes()), "invalid"),
        (gzip(huge.as_bytes()), "too large"),
        (gzip(text.replace("digestEndTime", "digestendtime").as_bytes()), "missing field"),
    ] {
        let mut bucket = bucket.clone();
        bucket.objects.insert(digests[1].clone(), bytes);
        let expected = [
            ("digest_malformed", 1),
            ("digest_valid", 1),
            ("digest_without_signature", 2),
            ("log_not_proved", 4),
            ("log_of_missing_digest", 2),
        ];
        let report = check(&bucket, &expected, 1);
        let finding = findings(&report, "digest_malformed")[0];
        assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains(words)), "{words}: {finding}");
    }
}

/// File names and texts are untrusted.
#[test]
fn text_of_a_copy_reaches_the_terminal_escaped() {
    let (mut bucket, digests, mut trail) = four_hours();
    let hostile = "\u{1b}[2J\u{202e}\r\n\tDigest file";
    bucket.objects.insert(trail.log_key("CloudTrail", FIRST_END, hostile), b"x".to_vec());
    bucket.objects.insert(format!("x/{ACCOUNT}_CloudTrail-Digest_{hostile}.json.gz"), gzip(b"{}"));
    bucket.edit(&digests[1], |text| text.replace("SHA256withRSA", "\\u001b[2J"));
    trail.bucket = format!("bucket{hostile}");
    trail.name = format!("trail{hostile}");
    trail.previous = None;
    trail.end += 9 * HOUR;
    trail.fingerprint = format!("{hostile}\u{2028}");
    trail.hour(&mut bucket, 1);
    trail.fingerprint = Key::East.fingerprint();
    trail.digest(&mut bucket, &[], |json| {
        json["previousDigestS3Object"] = format!("AWSLogs/{hostile}").into();
        json["logFiles"] =
            serde_json::json!([{"s3Bucket": hostile, "s3Object": hostile, "hashValue": hostile, "hashAlgorithm": hostile}]);
    });
    let mut other = Trail { name: "other".into(), ..trail };
    other.digest(&mut bucket, &[], |json| json["digestEndTime"] = hostile.into());
    let workdir = copy(&bucket);
    for flags in ["", "-v", "--format json", "-v --format json"] {
        let run = workdir.run(&format!("verify copy --public-keys keys.json {flags}")).expect(1);
        let is_bad = |character: char| {
            (character.is_control() && !"\n\t".contains(character)) || "\u{202e}\u{2028}".contains(character)
        };
        assert!(!run.stdout().contains(is_bad), "{}", run.dump());
        let forged = |line: &str| line.starts_with('\t') || line.starts_with("Digest file\"");
        assert!(!run.stdout().lines().any(forged), "{}", run.dump());
    }
    // Nor does it become a command that a shell would split.
    let (_, report) = verify(&workdir, "");
    for finding in findings(&report, "digest_without_signature") {
        assert!(!finding["advice"].as_str().unwrap_or_default().contains(hostile), "{finding}");
    }
}

#[test]
fn many_problems_are_counted_and_the_first_are_listed() {
    let (mut bucket, _, trail) = four_hours();
    for at in 0..1_100 {
        bucket.objects.insert(trail.log_key("CloudTrail", FIRST_END, &format!("A{at:04}")), Vec::new());
    }
    let workdir = copy(&bucket);
    let (run, report) = verify(&workdir, "");
    assert_eq!(run.code(), 1);
    assert_eq!(
        (report["logs"]["undeclared"].as_u64(), findings(&report, "log_undeclared").len()),
        (Some(1_100), 1_000)
    );
    assert_eq!(findings(&verify(&workdir, "-v").1, "log_undeclared").len(), 1_100);
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    assert!(text.contains("… and 100 more: UNDECLARED: no digest file declares it"), "{text}");
    let again = workdir.run("verify copy --public-keys keys.json --threads 1").stdout();
    assert_eq!(text, again, "any number of threads gives the same");
}

#[test]
fn an_unreadable_file_is_a_finding() {
    let (bucket, digests, _) = four_hours();
    let log = &bucket.keys("/CloudTrail/")[0];
    for (key, outcome) in [(log, "log_unreadable"), (&digests[1], "digest_unreadable")] {
        let workdir = copy(&bucket);
        let path = workdir.at("copy").join(key);
        std::fs::remove_file(&path).expect("a file");
        let status = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(status.success());
        let (run, report) = verify(&workdir, "");
        let [finding] = findings(&report, outcome)[..] else { panic!("{}", run.dump()) };
        assert!(run.code() == 1 && finding["advice"] == "not a regular file", "{finding}");
    }
}

/// A large log file is hashed as it is inflated.
#[test]
fn a_large_log_file_is_hashed_a_piece_at_a_time() {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    let log = trail.log_key("CloudTrail", FIRST_END - 1_800, "large");
    // Hashes do not compress: more than 16 MiB as stored, and more than 32 MiB of text.
    let text: String = (0..320_000_u32).map(|at| sha256(&at.to_le_bytes()) + &hex(&[0; 32])).collect();
    let stored = gzip(text.as_bytes());
    assert!(text.len() > 40_000_000 - 1_000_000 && stored.len() > 12_000_000, "{} {}", text.len(), stored.len());
    bucket.objects.insert(log.clone(), stored.clone());
    trail.digest(&mut bucket, std::slice::from_ref(&log), |_| {});
    trail.hour(&mut bucket, 0);
    check(&bucket, &[("digest_valid", 1), ("digest_without_signature", 1), ("log_valid", 1)], 0);
    bucket.objects.insert(log, [stored, gzip(b"")].concat());
    check(&bucket, &[("digest_valid", 1), ("digest_without_signature", 1), ("log_trailing_data", 1)], 1);
}

/// Two trails of one account and Region, four hours each, the second half an hour behind the first; each in its place, or
/// both in one. Digest files of the first, those of the second, and the copy's outcomes.
fn two_trails(prefix: &str) -> (Bucket, [Trail; 2], [Vec<String>; 2]) {
    let mut bucket = Bucket::default();
    let one = Trail::new(ACCOUNT, "us-east-1");
    let two = Trail { name: "other".into(), prefix: prefix.into(), end: FIRST_END + HOUR / 2, ..one.clone() };
    let mut trails = [one, two];
    let digests = [0, 1].map(|at| (0..4).map(|_| trails[at].hour(&mut bucket, 2)).collect());
    (bucket, trails, digests)
}

const TWO_TRAILS: [(&str, u64); 4] =
    [("digest_valid", 6), ("digest_without_signature", 2), ("log_not_proved", 4), ("log_valid", 12)];

/// The outcomes of two trails, and of one more log file.
fn with_one(outcome: &'static str) -> Vec<(&'static str, u64)> {
    let mut expected = TWO_TRAILS.to_vec();
    expected.push((outcome, 1));
    expected.sort_unstable();
    expected
}

#[test]
fn a_log_file_after_the_newest_digest_file_of_its_trail_does_not_concern_another_trail() {
    for prefix in ["", "other/"] {
        let (bucket, [one, _], _) = two_trails(prefix);
        // The first trail's digest files end half an hour before those of the second.
        let mut behind = bucket.clone();
        behind.objects.insert(one.log_key("CloudTrail", one.end - HOUR + 60, "behind"), gzip(b"{\"Records\":[]}"));
        check(&behind, &with_one("log_after_last"), 0);
        // Both cover this hour.
        let mut planted = bucket.clone();
        planted.objects.insert(one.log_key("CloudTrail", FIRST_END + HOUR, "planted"), gzip(b"{\"Records\":[]}"));
        check(&planted, &with_one("log_undeclared"), 1);
    }
    // If the other trail has its own place, the first has to declare what it covers.
    let (mut bucket, [one, two], _) = two_trails("other/");
    let planted = one.log_key("CloudTrail", FIRST_END - HOUR + 300, "planted");
    bucket.objects.insert(planted, gzip(b"{\"Records\":[]}"));
    check(&bucket, &with_one("log_undeclared"), 1);
    // And the second trail did not exist yet.
    let (mut bucket, ..) = two_trails("other/");
    bucket.objects.insert(two.log_key("CloudTrail", FIRST_END - HOUR + 300, "early"), gzip(b"{\"Records\":[]}"));
    check(&bucket, &with_one("log_before_first"), 0);
}

#[test]
fn a_trail_that_was_stopped_long_ago_is_no_excuse_for_a_log_file_that_another_does_not_declare() {
    let (mut bucket, [mut one, _], _) = two_trails("");
    for _ in 0..6 {
        one.hour(&mut bucket, 0);
    }
    bucket.objects.insert(one.log_key("CloudTrail", one.end - 2 * HOUR, "planted"), gzip(b"{\"Records\":[]}"));
    let expected = [
        ("chain_ends_early", 1),
        ("digest_valid", 12),
        ("digest_without_signature", 2),
        ("log_not_proved", 2),
        ("log_of_unknown_trail", 1),
        ("log_valid", 14),
    ];
    let report = check(&bucket, &expected, 1);
    assert_eq!(report["logs"]["undeclared"], 1);
}

#[test]
fn log_files_of_a_removed_digest_file_are_not_called_planted() {
    for prefix in ["", "other/"] {
        let (bucket, _, [_, digests]) = two_trails(prefix);
        let mut removed = bucket.clone();
        removed.remove(&digests[1]);
        let expected = [
            ("chain_hole", 1),
            ("digest_missing", 1),
            ("digest_valid", 4),
            ("digest_without_signature", 3),
            ("log_not_proved", 6),
            ("log_of_missing_digest", 2),
            ("log_valid", 8),
        ];
        check(&removed, &expected, 1);
        // The oldest one, too.
        let mut oldest = bucket.clone();
        oldest.remove(&digests[0]);
        let expected = [
            ("chain_older", 1),
            ("digest_valid", 5),
            ("digest_without_signature", 2),
            ("log_before_oldest", 2),
            ("log_not_proved", 4),
            ("log_valid", 10),
        ];
        check(&oldest, &expected, 0);
    }
    // In the minute in which the removed one ends and the next begins.
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    trail.hour(&mut bucket, 0);
    let log = trail.log_key("CloudTrail", trail.end - 10, "border");
    bucket.objects.insert(log.clone(), gzip(b"{\"Records\":[]}"));
    let digest = trail.digest(&mut bucket, &[log], |_| {});
    trail.hour(&mut bucket, 0);
    bucket.remove(&digest);
    let expected =
        [("chain_hole", 1), ("digest_missing", 1), ("digest_without_proof", 2), ("log_of_missing_digest", 1)];
    check(&bucket, &expected, 1);
}

#[test]
fn the_oldest_digest_files_removed_with_their_log_files_are_reported_missing() {
    let (mut bucket, digests, _) = four_hours();
    bucket.remove(&digests[0]);
    for log in bucket.keys("T0001Z").into_iter().chain(bucket.keys("T0006Z")) {
        bucket.remove(&log);
    }
    let left = [("digest_valid", 2), ("digest_without_signature", 1), ("log_not_proved", 2), ("log_valid", 2)];
    let workdir = copy(&bucket);
    let mut expected = left.to_vec();
    expected.insert(0, ("chain_older", 1));
    let report = check_copy(&workdir, "", &expected, 0);
    let [finding] = findings(&report, "chain_older")[..] else { panic!("not listed without -v: {report:#}") };
    let [message, advice] = ["message", "advice"].map(|name| finding[name].as_str().expect("text"));
    let gone = format!("s3://trail-bucket/{}", digests[0]);
    assert!(message.contains("2025-03-01T01:00:17Z") && advice.contains(&gone), "{finding}");
    assert_eq!(finding["severity"], "not_proved");
    // Until a day, from an unknown beginning.
    check_copy(&workdir, "--to 2025-03-01", &expected, 0);
    let mut expected = left.to_vec();
    expected.insert(0, ("digest_missing", 1));
    for flags in ["--from 2025-03-01", "--from 2025-03-01 --to 2025-03-01", "--from 2025-02-01"] {
        let report = check_copy(&workdir, flags, &expected, 1);
        assert_eq!(findings(&report, "digest_missing")[0]["place"], gone);
    }
    // It was not selected.
    check_copy(&workdir, "--from 2025-03-02", &[], 1);
}

#[test]
fn a_copy_without_its_folder_awslogs_is_reported_once() {
    let (bucket, digests, _) = four_hours();
    for (cut, folder) in [
        ("AWSLogs/", "AWSLogs"),
        (&*format!("AWSLogs/{ACCOUNT}/"), &*format!("AWSLogs/{ACCOUNT}")),
        (&*format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/us-east-1/"), "with all folders"),
    ] {
        let workdir = Workdir::new();
        workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
        for (key, stored) in &bucket.objects {
            let short = key.strip_prefix(cut).or_else(|| key.split("/us-east-1/").nth(1)).expect("a key");
            workdir.file(&format!("copy/{short}"), stored);
        }
        let report = check_copy(&workdir, "", &[("no_logs_folder", 1)], 1);
        let finding = findings(&report, "no_logs_folder")[0];
        let [message, advice] = ["message", "advice"].map(|name| finding[name].as_str().expect("text"));
        assert!(message.contains("4 digest files") && message.contains("6 log files"), "{message}");
        assert!(advice.contains(folder), "{advice}");
        assert_eq!((&report["digests"]["invalid"], &report["logs"]["undeclared"]), (&4.into(), &6.into()));
    }
    // With the folder, but without its account; and in a folder of its own, beside a whole copy of another trail.
    let other = Trail { name: "other".into(), ..Trail::new(ACCOUNT, "us-east-1") };
    let mut whole = Bucket::default();
    (0..2).fold(other, |mut other, _| {
        other.hour(&mut whole, 0);
        other
    });
    for (cut, put, missing) in
        [(&*format!("AWSLogs/{ACCOUNT}/"), "AWSLogs/", &*format!("AWSLogs/{ACCOUNT}/")), ("AWSLogs/", "", "AWSLogs/")]
    {
        let workdir = copy(&Bucket::default());
        whole.copy_to(&workdir, "copy/one");
        for (key, stored) in &bucket.objects {
            workdir.file(&format!("copy/two/{put}{}", key.strip_prefix(cut).expect("a key")), stored);
        }
        let report = check_some(&workdir, "", &[("no_logs_folder", 1), ("digest_moved", 0), ("digest_valid", 1)], 1);
        let finding = findings(&report, "no_logs_folder")[0];
        let [place, advice] = ["place", "advice"].map(|name| finding[name].as_str().expect("text"));
        assert!(place.contains("copy/two") && advice.contains(&format!("into {missing}")), "{finding}");
    }
    // One beside a whole copy was moved.
    let mut moved = bucket.clone();
    moved.rename(&digests[1], &digests[1].replace("AWSLogs/", ""));
    let report = verify(&copy(&moved), "").1;
    assert!(counts(&report).contains(&("digest_moved", 1)), "{report:#}");
}

/// A bucket as CloudTrail fills it: the signatures are metadata of the digest files.
fn put_all(server: &Server, bucket: &Bucket) {
    for (key, stored) in &bucket.objects {
        let signature = bucket.signatures.get(key).map(String::as_str);
        let metadata = signature.map(|text| [("signature", text), ("signature-algorithm", "SHA256withRSA")]);
        server.put_with("trail-bucket", key, stored, metadata.as_ref().map_or(&[], |metadata| metadata.as_slice()));
    }
}

/// Two hours, three without validation, two hours: no successor names two of the digest files.
fn with_gap() -> Bucket {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    for _ in 0..2 {
        trail.hour(&mut bucket, 1);
    }
    trail.previous = None;
    trail.end += 3 * HOUR;
    for _ in 0..2 {
        trail.hour(&mut bucket, 1);
    }
    bucket
}

#[test]
fn in_s3_signatures_are_taken_from_the_metadata_of_objects() {
    let bucket = with_gap();
    let server = Server::with_bucket("trail-bucket");
    put_all(&server, &bucket);
    let proxy = Proxy::before(&server);
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
    let verify = |code: i32| {
        let command = "verify s3://trail-bucket --public-keys keys.json --format json";
        let run = workdir.run_in(&proxy.environment(), command).expect(code);
        serde_json::from_str::<Json>(&run.stdout()).expect("a report")
    };
    assert_eq!(counts(&verify(0)), [("chain_gap", 1), ("digest_valid", 4), ("log_valid", 4)]);
    // As few requests as possible: for the newest one, and for the last one before the gap.
    assert_eq!(proxy.count(Operation::Head), 2, "{:#?}", proxy.requests());
    // So does a conversion.
    let convert = "convert s3://trail-bucket --out lake --verify --public-keys keys.json --report report.json";
    let run = workdir.run_in(&proxy.environment(), convert).expect(0);
    assert_eq!(run.report("report.json")["integrity"]["verified"], 4);

    // A changed one proves nothing against the one before it, whose own signature is there.
    let newest = bucket.keys("CloudTrail-Digest").pop().expect("a digest file");
    let before = &bucket.keys("T060017Z")[0];
    let mut changed = bucket.clone();
    changed.edit(&newest, |text| text.replace(&bucket.signatures[before], &"0".repeat(512)));
    put_all(&server, &changed);
    let expected = [
        ("chain_gap", 1),
        ("digest_signature_failed", 1),
        ("digest_valid", 3),
        ("log_of_invalid_digest", 1),
        ("log_valid", 3),
    ];
    assert_eq!(counts(&verify(1)), expected);

    // An object from CloudTrail has a signature: without one it is forged.
    for (metadata, words) in [
        (vec![("signature", "xyz")], "no hexadecimal signature"),
        (vec![("signature", "00"), ("signature-algorithm", "MD5withRSA")], "MD5withRSA is not known"),
        (vec![], "has no signature in its metadata"),
    ] {
        server.put_with("trail-bucket", &newest, &bucket.objects[&newest], &metadata);
        let report = verify(1);
        let finding = findings(&report, "digest_signature_failed")[0];
        assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains(words)), "{finding}");
    }
    // A store that does not return it proves nothing.
    proxy.rule(Rule::of(&[Operation::Head]), Fault::Status(403));
    let report = verify(0);
    let finding = findings(&report, "digest_without_signature")[0];
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("cannot be read")), "{finding}");
}

/// For a copy in another bucket, without metadata, the command puts the answer beside the copy.
#[test]
fn in_s3_the_advice_is_a_command_that_works_there() {
    let (bucket, digests, _) = four_hours();
    let workdir = copy(&bucket);
    let server = Server::with_bucket("copies");
    server.put_tree("copies", "one", &workdir.at("copy"));
    let command = "verify s3://copies/one --public-keys keys.json";
    let text = workdir.run_in(&server.environment(), command).expect(0).stdout();
    let newest = &digests[3];
    let expected = format!(
        "\n  answer=$(aws s3api head-object --bucket trail-bucket --key {newest}) && printf %s \"$answer\" | aws s3 cp - s3://copies/one/{newest}.metadata.json\n"
    );
    assert!(text.contains(&expected), "{text}");
    let answer = format!(r#"{{"Metadata":{{"signature":"{}"}}}}"#, bucket.signatures[newest]);
    server.put("copies", &format!("one/{newest}.metadata.json"), answer.as_bytes());
    let text = workdir.run_in(&server.environment(), command).expect(0).stdout();
    assert!(text.contains("4/4 digest files valid\n"), "{text}");
}

#[test]
fn the_commands_that_get_signatures_work_when_they_are_pasted() {
    let bucket = with_gap();
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
    let folder = "it's $(a) `copy`; \"2\"";
    bucket.copy_to(&workdir, folder);
    let verify = || workdir.run_with(["verify", folder, "--public-keys", "keys.json"]);
    let text = verify().expect(0).stdout();
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("  aws ")).collect();
    assert_eq!(commands.len(), 2, "one for each digest file that has no signature: {text}");
    // A fake AWS CLI that answers from a file for each key.
    for (key, signature) in &bucket.signatures {
        workdir.file(&format!("answers/{key}"), format!(r#"{{"Metadata":{{"signature":"{signature}"}}}}"#));
    }
    let answers = workdir.at("answers").display().to_string();
    let script = format!(
        "aws() {{ test \"$2 $3 $4 $5\" = 'head-object --bucket trail-bucket --key' && cat {answers}/\"$6\"; }}"
    );
    let pasted = format!("{script}\n{}\n", commands.join("\n"));
    let status = std::process::Command::new("sh").args(["-ec", &pasted]).status().expect("a shell");
    assert!(status.success(), "{pasted}");
    let text = verify().expect(0).stdout();
    assert!(text.contains("4/4 digest files valid\n4/4 log files valid\n"), "{text}");
}

#[test]
fn where_many_signatures_are_lost_the_first_commands_are_printed() {
    let mut bucket = Bucket::default();
    for number in 0..30 {
        let mut trail = Trail { name: format!("trail{number}"), ..Trail::new(ACCOUNT, "us-east-1") };
        trail.hour(&mut bucket, 0);
    }
    let text = copy(&bucket).run("verify copy --public-keys keys.json").expect(1).stdout();
    assert_eq!(text.lines().filter(|line| line.starts_with("  aws ")).count(), 20, "{text}");
    assert!(text.contains("and 10 more: `-v --format json`"), "{text}");
}

/// Checks some counts of the report, and the exit code.
#[track_caller]
fn check_some(workdir: &Workdir, flags: &str, expected: &[(&str, u64)], code: i32) -> Json {
    let (run, report) = verify(workdir, flags);
    assert_eq!(run.code(), code, "{}", run.dump());
    for (outcome, count) in expected {
        let found = report["outcome_counts"][outcome].as_u64().unwrap_or_default();
        assert_eq!(found, *count, "{outcome}: {report:#}");
    }
    report
}

/// A log file that was never delivered.
fn plant(bucket: &Bucket, key: &str) -> Bucket {
    let mut planted = bucket.clone();
    planted.objects.insert(key.to_owned(), gzip(b"{\"Records\":[]}"));
    planted
}

/// Two trails, each in its place, twelve hours; of the second the first eight were not copied.
fn late_copy() -> (Bucket, Bucket) {
    let (mut one, mut two) = (Bucket::default(), Bucket::default());
    let mut trail = Trail { prefix: "a/".into(), ..Trail::new(ACCOUNT, "us-east-1") };
    let mut other = Trail { name: "other".into(), prefix: "b/".into(), end: FIRST_END + 60, ..trail.clone() };
    for _ in 0..12 {
        trail.hour(&mut one, 1);
        other.hour(&mut two, 1);
    }
    for key in two
        .keys("")
        .into_iter()
        .filter(|key| !["T08", "T09", "T10", "T11", "T12"].iter().any(|hour| key.contains(hour)))
    {
        two.remove(&key);
    }
    let first = two.keys("-Digest_us-east-1_other_us-east-1_20250301T08");
    for key in first {
        two.remove(&key);
    }
    one.objects.extend(two.objects.clone());
    (one, two)
}

#[test]
fn a_log_file_planted_in_a_folder_of_its_own_has_no_excuse() {
    let (bucket, other) = late_copy();
    check_some(&copy(&bucket), "", &[("chain_older", 1), ("log_of_unknown_trail", 0), ("log_undeclared", 0)], 0);
    let key = Trail::new(ACCOUNT, "us-east-1").log_key("CloudTrail", FIRST_END + 1_200, "planted");
    let fresh = plant(&bucket, &format!("fresh/{key}"));
    check_some(&copy(&fresh), "", &[("log_of_unknown_trail", 1)], 1);
    // A copy of the other trail's files does not prove that it delivers there.
    let beside = plant(&bucket, &format!("a/{key}"));
    check_some(&copy(&beside), "", &[("log_undeclared", 1)], 1);
    for kind in ["/CloudTrail/", "/CloudTrail-Digest/"] {
        let copied = other.keys(kind).pop().expect("an object");
        for (planted, root) in [(&fresh, "fresh/"), (&beside, "a/")] {
            let mut planted = planted.clone();
            let to = copied.replacen("b/", root, 1);
            planted.objects.insert(to, other.objects[&copied].clone());
            let report = check_some(&copy(&planted), "", &[("log_before_oldest", 0)], 1);
            assert_eq!(report["logs"]["undeclared"], 1, "{root} {kind}: {report:#}");
        }
    }
}

#[test]
fn a_gap_that_begins_in_the_selected_days_is_reported_however_long_it_is() {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    let keys: Vec<(String, Vec<String>)> = (0..120)
        .map(|_| {
            let before: Vec<String> = bucket.keys("/CloudTrail/");
            let digest = trail.hour(&mut bucket, 1);
            (digest, bucket.keys("/CloudTrail/").into_iter().filter(|key| !before.contains(key)).collect())
        })
        .collect();
    // From 20:00 on the third of March to 23:00 on the fourth.
    for (digest, logs) in &keys[2 * 24 + 19..3 * 24 + 23] {
        bucket.remove(digest);
        for log in logs {
            bucket.remove(log);
        }
    }
    let workdir = copy(&bucket);
    let asked = "--from 2025-03-01 --to 2025-03-03";
    let report = check_some(&workdir, asked, &[("chain_hole", 1), ("digest_missing", 0)], 1);
    let message = findings(&report, "chain_hole")[0]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("2025-03-03T19:00:17Z and 2025-03-04T23:00:17Z"), "{message}");
    check_some(&workdir, "--to 2025-03-04", &[("chain_hole", 1), ("digest_missing", 1)], 1);
    // Gaps of other days were not selected.
    for flags in ["--to 2025-03-02", "--from 2025-03-05", "--from 2025-03-01 --to 2025-03-02"] {
        check_some(&workdir, flags, &[("chain_hole", 0), ("digest_missing", 0)], 0);
    }
}

#[test]
fn in_s3_a_useless_file_beside_a_digest_file_hides_nothing() {
    let mut bucket = Bucket::default();
    // The server here keeps metadata in files that are named after keys.
    let mut trail = Trail { name: "t".into(), ..Trail::new("1", "us-east-1") };
    let digests = [2, 2, 0, 2].map(|logs| trail.hour(&mut bucket, logs));
    let server = Server::with_bucket("trail-bucket");
    put_all(&server, &bucket);
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
    let verify = |code: i32| {
        let command = "verify s3://trail-bucket --public-keys keys.json --format json";
        let run = workdir.run_in(&server.environment(), command).expect(code);
        serde_json::from_str::<Json>(&run.stdout()).expect("a report")
    };
    let all = [("digest_valid", 4), ("log_valid", 6)];
    // Beside CloudTrail's object, whose own metadata count.
    for (file, text) in [("metadata.json", ""), ("signature", "junk"), ("signature", "00")] {
        server.put("trail-bucket", &format!("{}.{file}", digests[3]), text.as_bytes());
        assert_eq!(counts(&verify(0)), all, "{file} {text:?}");
    }
    // Beside a forged one.
    let mut forged = bucket.clone();
    let mut faked = trail;
    let key = faked.digest(&mut forged, &[], |_| {});
    server.put("trail-bucket", &key, &forged.objects[&key]);
    for text in ["junk", ""] {
        server.put("trail-bucket", &format!("{key}.signature"), text.as_bytes());
        let report = verify(1);
        assert_eq!(
            counts(&report),
            [("digest_signature_failed", 1), ("digest_valid", 4), ("log_valid", 6)],
            "{text:?}"
        );
    }
    // The newest's own signature shows that one that contradicts it is wrong.
    forged.edit(&key, |text| text.replace(&bucket.signatures[&digests[3]], &"0".repeat(512)));
    server.put("trail-bucket", &key, &forged.objects[&key]);
    assert_eq!(counts(&verify(1)), [("digest_signature_failed", 1), ("digest_valid", 4), ("log_valid", 6)]);
}

#[test]
fn a_log_file_with_a_time_of_another_day_than_its_folder_is_reported() {
    let (bucket, _, trail) = four_hours();
    let key = trail.log_key("CloudTrail", FIRST_END, "planted");
    let (folder, _) = key.rsplit_once('/').expect("a folder");
    let name = |time: &str| format!("{ACCOUNT}_CloudTrail_us-east-1_{time}_planted.json.gz");
    for planted in [
        format!("{folder}/{}", name("20990101T0000Z")),
        format!("{folder}/{}", name("20200101T0000Z")),
        format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/{}", name("20990101T0000Z")),
    ] {
        let workdir = copy(&plant(&bucket, &planted));
        for flags in ["", "--from 2025-03-01", "--to 2025-03-01"] {
            check_some(&workdir, flags, &[("log_misplaced", 1), ("log_valid", 4)], 1);
        }
    }
}

#[test]
fn hidden_files_among_log_files_are_reported_like_others() {
    let (bucket, _, trail) = four_hours();
    let key = trail.log_key("CloudTrail", FIRST_END, "x");
    let (folder, _) = key.rsplit_once('/').expect("a folder");
    let mut hidden = plant(&bucket, &format!("{folder}/.hidden.gz"));
    hidden.objects.insert(format!("{folder}/.x.log"), b"{\"Records\":[]}".to_vec());
    hidden.objects.insert(format!("{folder}/.DS_Store"), b"x".to_vec());
    hidden.objects.insert(format!("AWSLogs/{ACCOUNT}/Extra/us-east-1/a.json.gz"), gzip(b"{}"));
    hidden.objects.insert("top.json".into(), b"{}".to_vec());
    let workdir = copy(&hidden);
    check_some(&workdir, "", &[("log_undeclared", 2)], 1);
    let text = workdir.run("verify copy --public-keys keys.json").stdout();
    assert!(text.contains("3 other files"), "{text}");
}

#[test]
fn an_unsigned_digest_file_that_contradicts_a_signed_one_is_the_wrong_one() {
    let (bucket, digests, trail) = four_hours();
    let genuine = &bucket.keys("/CloudTrail/")[0];
    // It has the signature of the newest one, which proves that one.
    let unlinked = [("digest_unlinked", 1), ("digest_valid", 4), ("log_hash_differs", 0), ("log_valid", 6)];
    let declare = |key: &str, algorithm: &str| {
        let mut forged = bucket.clone();
        trail.clone().digest(&mut forged, &[], |json| {
            let [key, hash, algorithm] = [key.to_owned(), "00".repeat(32), algorithm.to_owned()];
            json["logFiles"] = serde_json::json!([
                {"s3Bucket": "trail-bucket", "s3Object": key, "hashValue": hash, "hashAlgorithm": algorithm},
            ]);
        });
        copy(&forged)
    };
    let workdir = declare(genuine, "SHA-256");
    check_some(&workdir, "", &unlinked, 1);
    let lake = workdir.convert("copy", "--verify --public-keys keys.json");
    let rows = lake.rows("archives");
    let row = rows.iter().find(|row| crate::harness::text(row, "archive").ends_with(genuine.as_str()));
    assert_eq!(row.map(|row| crate::harness::text(row, "integrity")), Some("verified"));
    check_some(&declare(genuine, "MD5"), "", &unlinked, 1);
    // Nor does it count for other accounts and Regions.
    let foreign = genuine.replace(ACCOUNT, "999999999999");
    check_some(&declare(&foreign, "SHA-256"), "", &[("digest_unlinked", 1), ("log_missing", 0)], 1);
    // A claimed signature does not outweigh the real one.
    let mut forged = bucket.clone();
    let key = trail.clone().digest(&mut forged, &[], |_| {});
    forged.edit(&key, |text| text.replace(&bucket.signatures[&digests[3]], &"0".repeat(512)));
    let workdir = copy(&forged);
    workdir.file(&format!("copy/{}.signature", digests[3]), &bucket.signatures[&digests[3]]);
    check_some(&workdir, "", &[("digest_unlinked", 1), ("digest_valid", 4), ("digest_signature_failed", 0)], 1);
}

#[test]
fn output_of_a_failed_command_is_no_signature() {
    let (bucket, digests, _) = four_hours();
    let workdir = copy(&bucket);
    let sidecar = format!("copy/{}.metadata.json", digests[3]);
    let command = |workdir: &Workdir| {
        let text = workdir.run("verify copy --public-keys keys.json").expect(0).stdout();
        assert!(text.contains("  aws s3api head-object"), "{text}");
        text
    };
    let before = command(&workdir);
    workdir.file(&sidecar, "");
    assert_eq!(command(&workdir), before);
    workdir.file(&sidecar, "Unable to locate credentials");
    assert!(command(&workdir).contains("its sidecar file is of no use"), "the command stands there all the same");
    // Another file may have it.
    workdir.file(&format!("copy/{}.signature", digests[3]), &bucket.signatures[&digests[3]]);
    check_some(&workdir, "", &[("digest_valid", 4)], 0);
}

#[test]
fn a_signature_beside_a_digest_file_is_taken_after_both_were_gunzipped() {
    let (bucket, digests, _) = four_hours();
    let mut plain = bucket.clone();
    for (key, stored) in &bucket.objects {
        plain.remove(key);
        plain.objects.insert(key.trim_end_matches(".gz").to_owned(), inflated(stored));
    }
    let workdir = copy(&plain);
    workdir.file(&format!("copy/{}.signature", digests[3]), &bucket.signatures[&digests[3]]);
    check_some(&workdir, "", &[("digest_valid", 4), ("log_valid", 6)], 0);
}

#[test]
fn log_files_of_invalid_digest_files_are_not_called_planted() {
    for (prefix, spoiled) in [("", 0..12), ("", 5..12), ("", 0..7), ("b/", 0..12), ("b/", 5..12), ("b/", 0..7)] {
        let mut bucket = Bucket::default();
        let mut one = Trail::new(ACCOUNT, "us-east-1");
        let mut two = Trail { name: "other".into(), prefix: prefix.into(), end: FIRST_END + 5, ..one.clone() };
        let digests: Vec<String> = (0..12)
            .map(|_| {
                one.hour(&mut bucket, 1);
                two.hour(&mut bucket, 2)
            })
            .collect();
        for key in &digests[spoiled.clone()] {
            bucket.objects.insert(key.clone(), b"junk".to_vec());
        }
        let report = check_some(&copy(&bucket), "", &[("digest_malformed", spoiled.len() as u64)], 1);
        assert_eq!(report["logs"]["undeclared"], 0, "{prefix} {spoiled:?}: {report:#}");
        // A log file that one trail alone would have to declare is undeclared all the same.
        let key = Trail { prefix: "c/".into(), ..one.clone() }.log_key("CloudTrail", FIRST_END + 8 * HOUR + 60, "x");
        let report = verify(&copy(&plant(&bucket, &key)), "").1;
        assert!(spoiled.contains(&9) || report["logs"]["undeclared"] == 1, "{prefix} {spoiled:?}: {report:#}");
    }
}

#[test]
fn a_log_file_that_an_older_backfill_digest_file_may_declare_is_reported_as_such() {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    for _ in 0..10 {
        trail.hour(&mut bucket, 1);
    }
    let mut backfill = Trail { is_backfill: true, previous: None, end: FIRST_END + 2 * HOUR, ..trail.clone() };
    let digests: Vec<String> = (0..3).map(|_| backfill.digest(&mut bucket, &[], |_| {})).collect();
    bucket.remove(&digests[0]);
    let planted = plant(&bucket, &trail.log_key("CloudTrail", FIRST_END + HOUR + HOUR / 2, "x"));
    let report = check_some(&copy(&planted), "-v", &[("log_of_older_backfill", 1), ("chain_older", 1)], 0);
    let message = findings(&report, "log_of_older_backfill")[0]["message"].as_str().expect("text");
    assert!(message.contains("older backfill digest file"), "{message}");
}

#[test]
fn a_container_is_reported_as_not_opened_by_verify() {
    let workdir = copy(&four_hours().0);
    let status = std::process::Command::new("tar")
        .args(["-cf", "copy.tar", "copy"])
        .current_dir(workdir.path())
        .status()
        .expect("tar");
    assert!(status.success());
    let text = workdir.run("verify copy.tar --public-keys keys.json").expect(1).stdout();
    assert!(text.contains("No digests found") && text.contains("have to be unpacked first"), "{text}");
}

#[test]
fn a_conversion_that_can_prove_nothing_points_to_verify() {
    let (bucket, _, _) = four_hours();
    let workdir = copy(&bucket);
    workdir.file("west.json", public_keys(&[Key::West.pkcs1()]));
    let says = |keys: &str, lake: &str| {
        let run = workdir.run(&format!("convert copy --out {lake} --verify --public-keys {keys}"));
        [run.stdout(), run.stderr()].concat().contains("`trailmill verify` says why")
    };
    assert!(says("west.json", "one") && !says("keys.json", "two"));
}
