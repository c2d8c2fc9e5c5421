//! Random copies of what CloudTrail delivers – trails, Regions, accounts, an organisation, keys that change, validation that
//! was off, backfill – and random tampering with them: `verify` and `convert --verify` against the slow
//! reference `reference/proof.rs`, and against what is known about how the copy was made.

mod world;

use std::collections::BTreeMap;
use std::path::Path;

use trailmill::verify::{Severity, VerifyConfig, VerifyOutcome, VerifyReport, verify};

use self::world::{LATEST_DELIVERY, Log, Plant, World, WorldTrail};
use crate::digests::{Key, public_keys};
use crate::harness::{Workdir, say, text, uri};
use crate::reference::proof::{Copy, DigestWorth, LogWorth};

/// Number of copies: `TRAILMILL_CASES`, or as many as take some seconds.
const CASES: u64 = 40;
/// One copy in this many is converted, too.
const CONVERTED: u64 = 8;

#[test]
fn random_copies_are_assessed_by_awss_rules() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("TRAILMILL_CASES").unwrap_or(CASES);
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    let first = number("TRAILMILL_SEED").unwrap_or_else(now);
    let (mut files, mut tampered) = (0, 0);
    for seed in first..first + cases {
        let world = World::new(seed);
        files += world.files.len();
        tampered += usize::from(!world.deeds.is_empty());
        if let Err(message) = check(&world, (seed - first).is_multiple_of(CONVERTED)) {
            panic!("TRAILMILL_SEED={seed} TRAILMILL_CASES=1: {message}\n{}", world.describe());
        }
    }
    say(&format!("tampering: {cases} copies of {files} files, {tampered} of them tampered with"));
}

/// The reference's assessment of a copy.
struct Judged<'w> {
    world: &'w World,
    digests: BTreeMap<String, DigestWorth>,
    logs: BTreeMap<String, LogWorth>,
}

fn check(world: &World, is_converted: bool) -> Result<(), String> {
    let keys = world.keys.iter().map(|key| (key.fingerprint(), key.pkcs1())).collect();
    let copy = Copy { files: &world.files, keys: &keys };
    let digests: BTreeMap<String, DigestWorth> =
        copy.digests().map(|path| (path.clone(), copy.worth_of_digest(path))).collect();
    let logs = world.files.keys().filter(|path| !path.contains("-Digest_"));
    let logs = logs.map(|path| (path.clone(), copy.worth_of_log(path, &digests))).collect();
    let judged = Judged { world, digests, logs };

    let workdir = Workdir::new();
    for (path, stored) in &world.files {
        workdir.file(&format!("copy/{path}"), stored);
    }
    let ders: Vec<Vec<u8>> = world.keys.iter().map(|key: &Key| key.pkcs1()).collect();
    let keys = workdir.file("keys.json", public_keys(&ders));
    let root = workdir.at("copy");
    let config = VerifyConfig { threads: 2, verbose: true, ..VerifyConfig::new(vec![root.clone()], vec![keys]) };
    let report = verify(&config).map_err(|error| error.to_string())?;
    let outcomes = outcomes_by_path(&report, &root);
    judged.compare_digests(&outcomes)?;
    judged.compare_logs(&outcomes)?;
    judged.compare_missing(&copy, &report)?;
    judged.compare_undeclared(&copy, &outcomes)?;
    if world.deeds.is_empty() {
        expect_sound(&report)?;
    }
    if is_converted { judged.compare_conversion(&workdir) } else { Ok(()) }
}

/// Outcomes of each file of the copy; a log file that is declared twice has two.
fn outcomes_by_path(report: &VerifyReport, root: &Path) -> BTreeMap<String, Vec<VerifyOutcome>> {
    let mut outcomes: BTreeMap<String, Vec<VerifyOutcome>> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(path) = &finding.path {
            let below = Path::new(path).strip_prefix(root).expect("a file of the copy");
            outcomes.entry(below.display().to_string()).or_default().push(finding.outcome);
        }
    }
    outcomes
}

impl Judged<'_> {
    fn compare_digests(&self, outcomes: &BTreeMap<String, Vec<VerifyOutcome>>) -> Result<(), String> {
        for (path, worth) in &self.digests {
            let found = outcomes.get(path).map(Vec::as_slice).unwrap_or_default();
            let agrees = match worth {
                DigestWorth::Signed => found == [VerifyOutcome::DigestValid],
                DigestWorth::Unsigned => matches!(
                    found,
                    [VerifyOutcome::DigestWithoutSignature
                        | VerifyOutcome::DigestWithoutProof
                        | VerifyOutcome::DigestUnlinked]
                ),
                DigestWorth::Wrong => matches!(
                    found,
                    [VerifyOutcome::DigestMoved
                        | VerifyOutcome::DigestMalformed
                        | VerifyOutcome::DigestKeyMissing
                        | VerifyOutcome::DigestSignatureFailed]
                ),
            };
            if !agrees {
                return Err(format!("{path} is {worth:?}, and {found:?}"));
            }
        }
        Ok(())
    }

    fn compare_logs(&self, outcomes: &BTreeMap<String, Vec<VerifyOutcome>>) -> Result<(), String> {
        let contradicts = |outcome: &VerifyOutcome| {
            matches!(
                outcome,
                VerifyOutcome::LogHashDiffers | VerifyOutcome::LogMalformed | VerifyOutcome::LogTrailingData
            )
        };
        for (path, worth) in &self.logs {
            let found = outcomes.get(path).map(Vec::as_slice).unwrap_or_default();
            let is_valid = found.contains(&VerifyOutcome::LogValid);
            let is_contradicted = found.iter().any(contradicts);
            let agrees = match worth {
                // Evidence against a signed digest file does not count.
                LogWorth::Proved => is_valid && !is_contradicted,
                LogWorth::Contradicted => is_contradicted && !is_valid,
                // The declarations of a digest file without a place in its chain do not count.
                LogWorth::Unproved(fits) => !is_valid && (!is_contradicted || !fits),
                LogWorth::OfWrongDigest => found == [VerifyOutcome::LogOfInvalidDigest],
                LogWorth::Undeclared => !is_valid && !is_contradicted,
            };
            if !agrees || found.is_empty() {
                return Err(format!("{path} is {worth:?}, and {found:?}"));
            }
        }
        Ok(())
    }

    /// Files that a signed digest file names and that are absent are reported missing.
    fn compare_missing(&self, copy: &Copy<'_>, report: &VerifyReport) -> Result<(), String> {
        let is_here = |key: &str| self.world.files.keys().any(|path| crate::reference::proof::key_of(path) == key);
        let is_said = |outcomes: &[VerifyOutcome], place: &str| {
            report.findings.iter().any(|finding| {
                let is_named = finding.place == place
                    || finding.advice.as_ref().is_some_and(|advice| advice.starts_with(&format!("{place} ")));
                outcomes.contains(&finding.outcome) && is_named
            })
        };
        for path in self.digests.iter().filter(|(_, worth)| **worth == DigestWorth::Signed).map(|(path, _)| path) {
            let json = copy.digest(path).expect("a digest file");
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let place = |bucket: &str, object: &str| format!("s3://{bucket}/{object}");
            for log in json["logFiles"].as_array().expect("log files") {
                let (bucket, object) = (text(&log["s3Bucket"]), text(&log["s3Object"]));
                if !is_here(&crate::reference::proof::key_of(&object))
                    && !is_said(&[VerifyOutcome::LogMissing], &place(&bucket, &object))
                {
                    return Err(format!("{path} declares {object}, which is not here, and that is not reported"));
                }
            }
            let (bucket, object) = (text(&json["previousDigestS3Bucket"]), text(&json["previousDigestS3Object"]));
            let is_missing = !object.is_empty() && !is_here(&crate::reference::proof::key_of(&object));
            if is_missing
                && !is_said(&[VerifyOutcome::DigestMissing, VerifyOutcome::ChainOlder], &place(&bucket, &object))
            {
                return Err(format!("{path} follows {object}, which is not here, and that is not reported"));
            }
        }
        Ok(())
    }

    /// Undeclared log files: delivered by a trail, or planted.
    fn compare_undeclared(
        &self,
        copy: &Copy<'_>,
        outcomes: &BTreeMap<String, Vec<VerifyOutcome>>,
    ) -> Result<(), String> {
        let undeclared = self.logs.iter().filter(|(_, worth)| **worth == LogWorth::Undeclared).map(|(path, _)| path);
        for path in undeclared {
            let found = outcomes.get(path).map(Vec::as_slice).unwrap_or_default();
            let [outcome] = found else { return Err(format!("{path}: {found:?}")) };
            let is_problem = outcome.severity() == Severity::Problem;
            let Some(log) = self.world.logs.get(path) else { continue };
            if let Some(plant) = log.plant {
                let is_reported = match plant {
                    Plant::AmongOthers => !self.is_covered(copy, log) || *outcome == VerifyOutcome::LogUndeclared,
                    Plant::OfAnotherDay => *outcome == VerifyOutcome::LogMisplaced,
                    // What is missing is reported, too.
                    Plant::InAFolderOfItsOwn => {
                        !self.is_covered_by_one(copy, log)
                            || is_problem
                            || *outcome == VerifyOutcome::LogOfMissingDigest
                    }
                };
                if !is_reported {
                    return Err(format!("{path} was planted, {plant:?}, and is {outcome:?}"));
                }
            } else if is_problem && !self.may_be_suspected(log, *outcome) {
                return Err(format!("{path} was delivered, and is {outcome:?}"));
            }
        }
        Ok(())
    }

    /// Whether signed digest files of every trail that delivers to a log file's place and Region would have to declare it.
    fn is_covered(&self, copy: &Copy<'_>, log: &Log) -> bool {
        let mut trails = self.world.trails_of(log).peekable();
        trails.peek().is_some() && trails.all(|trail| self.covers(copy, trail, log))
    }

    /// Whether those of any trail of its account and Region would.
    fn is_covered_by_one(&self, copy: &Copy<'_>, log: &Log) -> bool {
        self.world.trails_of_area(log).any(|trail| self.covers(copy, trail, log))
    }

    fn covers(&self, copy: &Copy<'_>, trail: &WorldTrail, log: &Log) -> bool {
        let of_trail = |path: &&String| path.contains(&trail.mark());
        let hours = self.digests.iter().filter(|(path, worth)| of_trail(path) && **worth == DigestWorth::Signed);
        let mut hours: Vec<(i64, i64)> = hours
            .filter(|(path, _)| !path.contains("_backfill"))
            .map(|(path, _)| copy.digest(path).expect("a digest file"))
            .map(|json| (seconds(&json["digestStartTime"]), seconds(&json["digestEndTime"])))
            .collect();
        hours.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (start, end) in hours {
            match joined.last_mut().filter(|last| last.1 == start) {
                Some(last) => last.1 = end,
                None => joined.push((start, end)),
            }
        }
        let is_in = |(start, end): &(i64, i64)| *start <= log.minute && log.minute + LATEST_DELIVERY < *end;
        let is_covered = joined.iter().any(is_in);
        // A backfill digest file that is absent or does not count may declare it.
        let late = self
            .digests
            .iter()
            .filter(|(path, worth)| of_trail(path) && path.contains("_backfill") && **worth != DigestWorth::Wrong);
        is_covered && (!trail.has_backfill || late.count() == 2)
    }

    /// Whether only the trail itself could show that a log file that it delivered was not planted.
    fn may_be_suspected(&self, log: &Log, outcome: VerifyOutcome) -> bool {
        let is_known = |mark: &str| {
            let counts = |(path, worth): (&String, &DigestWorth)| {
                path.contains(mark) && !path.contains("_backfill") && *worth != DigestWorth::Wrong
            };
            self.digests.iter().any(counts)
        };
        let trail = &self.world.trails[log.trail];
        // No digest file here shows that there is such a trail, nor a backfill digest file, if that was the newest; or a forged
        // one claims to cover the hour; or another trail delivers to the same place.
        !is_known(&trail.mark())
            || log.is_late
            || self.world.forged.contains(&log.trail)
            || (outcome == VerifyOutcome::LogOfUnknownTrail && self.world.trails_of(log).count() > 1)
    }

    fn compare_conversion(&self, workdir: &Workdir) -> Result<(), String> {
        let lake = workdir.convert("copy", "--verify --public-keys keys.json");
        let rows = lake.rows("archives");
        let integrity: BTreeMap<&str, &str> =
            rows.iter().map(|row| (text(row, "archive"), text(row, "integrity"))).collect();
        for (path, worth) in &self.logs {
            let found = integrity.get(&*uri(&workdir.at("copy").join(path))).copied().unwrap_or("absent");
            let agrees = match worth {
                LogWorth::Proved => found == "verified",
                LogWorth::Contradicted => found == "invalid",
                LogWorth::Unproved(true) | LogWorth::OfWrongDigest => found == "not_covered",
                // Depending on whether the unsigned digest file has a place in its chain.
                LogWorth::Unproved(false) => matches!(found, "invalid" | "not_covered"),
                LogWorth::Undeclared => matches!(found, "not_covered" | "not_checked"),
            };
            if !agrees {
                return Err(format!("{path} is {worth:?}, and {found} in the lake\n{}", lake.stderr));
            }
        }
        Ok(())
    }
}

/// Nothing is wrong with an untouched copy.
fn expect_sound(report: &VerifyReport) -> Result<(), String> {
    let is_false = |outcome: &VerifyOutcome| {
        outcome.severity() == Severity::Problem && *outcome != VerifyOutcome::LogOfUnknownTrail
    };
    let false_alarms: Vec<_> = report.findings.iter().filter(|finding| is_false(&finding.outcome)).collect();
    if false_alarms.is_empty() { Ok(()) } else { Err(format!("nobody has tampered with it: {false_alarms:#?}")) }
}

fn seconds(time: &serde_json::Value) -> i64 {
    time.as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok()).expect("a time").as_second()
}
