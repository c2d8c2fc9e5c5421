//! A copy of CloudTrail's log files against its digest files, without a connection to AWS.
//!
//! In: a copy of what CloudTrail delivered, public keys. Out: what is proved, what is not, and what is wrong. Never:
//! changes anything, trusts a file about itself, or ends because of one.
//!
//! ```text
//! place ──→ digest ──→ chain ──→ history ──→ declarations ──→ logs ──→ report
//! kind of   read and   proved    gaps, lines  hash by key      hash     lines,
//! file      hashed     or not    covered hours                 compare  counts
//!              ↑          ↑                                       ↓
//!          signature   keys, metadata                 coverage, origins: undeclared
//! ```
//!
//! # Where a file belongs
//!
//! A copy keeps keys from the folder `AWSLogs` on: `AWSLogs/[o-id/]account/folder/Region/YYYY/MM/DD/name`. Whatever
//! precedes it is the copy's own root, so buckets and prefixes are not compared with the path; they are part of what is
//! signed. All inputs together are one copy: a log file may be under another root than its digest file, as after a
//! change of buckets. A name that ends in `.json` stands for the `.json.gz`: a gunzipped file holds what was signed.
//!
//! Several trails may deliver to one account and Region, each to a bucket and a prefix that its digest files declare. A log
//! file that is not declared is judged by the trails whose files are in its folder: where only one has files there, by that
//! one. With several it may belong to any; it is undeclared when all of them cover its minute, or when those that do not are
//! two hours away from it. In a folder that no digest file mentions, one trail that covers its minute is enough. A log file
//! that a missing or malformed digest file may declare is not called undeclared.
//!
//! # What is proved
//!
//! A digest file is *valid* when a signature for it verifies with the public key of its fingerprint: the one in
//! the next digest file, or one from a sidecar file. A log file is valid when its text has the hash that a valid
//! digest file declares. The newest digest file of a chain without a sidecar file has *no signature*: it is reported and
//! counted, its log files are hashed and *not proved*, and it is not a problem unless it contradicts its neighbours, is
//! alone in its chain, or declares log files of hours whose valid digest files do not. That determines the exit code of
//! the command: otherwise no plain copy would ever be intact. In S3 the object's own metadata has the signature, and it is
//! read from there.
//!
//! # What an attacker with write access to the copy can do
//!
//! | action | reported as |
//! |---|---|
//! | change, truncate, extend a log file | `log_hash_differs`, `log_malformed`, `log_trailing_data` |
//! | remove or move one | `log_missing`; the moved one `log_undeclared`, `log_misplaced` or `log_without_digests` |
//! | add one | `log_undeclared`, `log_of_unknown_trail`, `log_misplaced`; in hours without digest files it is counted as not covered |
//! | change a digest file, or sign it with another key | `digest_signature_failed`, `digest_key_missing`; the one before it stays valid, by its own signature |
//! | move, swap, replay one | `digest_moved`, and `digest_missing` where it was |
//! | move all of them | `no_logs_folder` where they are not below a folder `AWSLogs` |
//! | remove some | `digest_missing`, and `chain_hole` with the hours without proof |
//! | add one in the chain | `digest_unlinked`, or `digest_signature_failed` when another points to it |
//! | add one after the newest | `digest_without_signature`: not proved, as all that it declares; what it declares of past hours is `log_out_of_hour`, except for backfill digest files, which are meant for that; `digest_unlinked` where it contradicts a signed one |
//! | make up a chain | `digest_signature_failed`; of one digest file `digest_without_proof` |
//! | remove the last ones before a gap | `chain_gap`, which may be that or a pause: nothing names them |
//! | remove the oldest | `log_before_oldest`, `log_of_older_backfill`, `chain_older`: as if they had not been copied; `digest_missing` from the first requested day on |
//! | remove the newest | the report's range ends earlier; `log_after_last`, and `chain_ends_early` when other chains go on |
//! | remove all of an account and Region | `log_without_digests` |
//!
//! # For code that has the text already
//!
//! `proof::Proofs` validates digest files alone, and reports for each converted archive what its text proves: a
//! conversion hashes what it has inflated anyway, and reads again only what is not simply one gzip member. It decides as
//! `verify` does, by `logs::compare`.
//!
//! # Memory
//!
//! 200 bytes of the list for each file, 24 more for each log file and 60 for its declaration, and the texts of the digest
//! files of an account and Region while they are verified. Lines of an outcome beyond the first 1,000 are only counted,
//! unless all are requested.

mod advice;
mod ahead;
mod chain;
mod coverage;
mod declarations;
mod digest;
mod digests;
mod history;
mod keys;
mod logs;
mod metadata;
mod origins;
mod outcome;
mod place;
mod proof;
mod report;
mod signature;
mod strays;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::error::{Error, ErrorKind, Result, printable_path};
use crate::input::{Archive, Search, discover};
use crate::model::limits;
use crate::model::{Selection, check_local};
use crate::pool::thread_pool;
use crate::store::{Session, StoreOptions};

use coverage::{NEAR_SECONDS, TrailHours, undeclared_outcome};
use digest::DigestReader;
use digests::{Digests, Survey, range_of};
use history::Range;
use keys::PublicKeys;
use logs::{CheckedLog, LogChecker, why_unreadable};
use origins::Origins;
use place::{FilePlace, before_logs_folder, is_of_folder_day, log_time};
use report::ReportLines;

pub(crate) use proof::{Proof, Proofs};

pub use outcome::{Severity, Subject, VerifyOutcome};
pub use place::Area;
pub use report::{Chain, DigestCounts, LogCounts, VerifyFinding, VerifyReport};

/// A request to validate a copy.
#[derive(Clone, Debug)]
pub struct VerifyConfig {
    /// Files and folders of the copy, or `s3://` URLs.
    pub inputs: Vec<PathBuf>,
    /// How S3 is reached.
    pub store: StoreOptions,
    /// Files with the output of `aws cloudtrail list-public-keys`.
    pub public_keys: Vec<PathBuf>,
    /// Selected digest files: by their account, their Region and the day of their end.
    pub selection: Selection,
    /// Worker threads.
    pub threads: usize,
    /// Whether to list valid files too, without a limit.
    pub verbose: bool,
}

impl VerifyConfig {
    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(inputs: Vec<PathBuf>, public_keys: Vec<PathBuf>) -> Self {
        Self {
            inputs,
            store: StoreOptions::default(),
            public_keys,
            selection: Selection::default(),
            threads: limits::threads(),
            verbose: false,
        }
    }
}

/// Validates a copy.
///
/// # Errors
///
/// Invalid public keys, inputs that do not exist or cannot be listed, days in the wrong order, and failures of the
/// system. Problems of a file are not errors but part of the report.
pub fn verify(config: &VerifyConfig) -> Result<VerifyReport> {
    let Selection { from_day, to_day, .. } = config.selection;
    if from_day.zip(to_day).is_some_and(|(from, to)| from > to) {
        return Err(Error::new(ErrorKind::ConfigInvalid, "--from is after --to"));
    }
    if config.public_keys.is_empty() {
        return Err(Error::new(ErrorKind::ConfigInvalid, "no public keys were given; name a file with --public-keys"));
    }
    config.public_keys.iter().try_for_each(|file| check_local("--public-keys", file))?;
    let keys = PublicKeys::read(&config.public_keys)?;
    let pool = thread_pool(config.threads)?;
    pool.install(|| {
        // Days select digest files only; a log file may be delivered long after the day in its name.
        let selection = Selection { from_day: None, to_day: None, ..config.selection.clone() };
        let session = Session::new(&config.store);
        let search = Search { lake: None, selection: &selection, session: &session, is_new: &|_| true };
        let archives = discover(&config.inputs, Vec::new(), &search)?;
        loop {
            let report = verify_files(config, &archives, &keys);
            // What could not be read is not known to be missing.
            if !session.confirm()? {
                return Ok(report);
            }
        }
    })
}

fn verify_files(config: &VerifyConfig, archives: &[Archive], keys: &PublicKeys) -> VerifyReport {
    let range = range_of(&config.selection);
    let requested = |day: Option<i64>, second| day.and_then(|_| jiff::Timestamp::from_second(second).ok());
    let mut report = VerifyReport {
        inputs: config.inputs.iter().map(|input| printable_path(&input.display().to_string())).collect(),
        requested_from: requested(config.selection.from_day, range.from),
        requested_to: requested(config.selection.to_day, range.to),
        ..VerifyReport::default()
    };
    let mut survey = Survey::new(archives, &config.selection);
    report.other_files = survey.other_files;
    let mut digests = Digests::read(archives, &mut survey, keys, &config.selection, config.verbose);
    let mut lines = ReportLines::new(config.verbose);
    survey.strays.report_all(archives, &mut report, &mut lines);
    let hours = take_histories(&mut digests, &mut report, &mut lines);
    report_early_ends(&report.chains, &mut lines);

    let logs = LogChecker::default();
    let mut checked = logs.check(archives, &survey.logs, &digests.declarations);
    for number in checked.iter().filter_map(|checked| checked.declaration) {
        digests.declarations.mark_found(number);
    }
    checked.extend(digests.declarations.missing().map(|number| CheckedLog {
        archive: None,
        declaration: Some(number),
        outcome: Some(VerifyOutcome::LogMissing),
    }));
    report.stored_bytes = logs.stored_bytes.load(Ordering::Relaxed);
    report.inflated_bytes = logs.inflated_bytes.load(Ordering::Relaxed);
    note_origins(archives, &checked, &mut digests);
    let outcomes = count_logs(archives, &checked, &hours, &digests.origins, range, &mut lines);
    report_logs(archives, &digests, outcomes, &mut lines);
    lines.into_findings(&mut report);
    report.sum_up_logs();
    report.logs.undeclared += survey.strays.logs.len() as u64;
    report
}

/// Adds up the results of each account and Region; returns the covered hours.
fn take_histories(
    digests: &mut Digests,
    report: &mut VerifyReport,
    lines: &mut ReportLines,
) -> HashMap<Area, Vec<TrailHours>> {
    let mut hours = HashMap::new();
    for history in std::mem::take(&mut digests.histories) {
        report.digests.add(history.digests);
        report.backfill_digests.add(history.backfill_digests);
        lines.add(history.lines);
        for chain in &history.chains {
            report.found_from = report.found_from.into_iter().chain(chain.from).min();
            report.found_to = report.found_to.max(chain.to);
        }
        report.chains.extend(history.chains.into_iter().filter(|chain| chain.digests > 0));
        hours.insert(history.area, history.hours);
    }
    hours
}

/// The newest digest files of a chain may have been removed, and nothing in the chain shows it.
fn report_early_ends(chains: &[Chain], lines: &mut ReportLines) {
    let ends = || chains.iter().filter(|chain| !chain.is_backfill).filter_map(|chain| Some((chain, chain.to?)));
    let Some(newest) = ends().map(|(_, end)| end).max() else { return };
    for (chain, end) in ends() {
        if newest.as_second() - end.as_second() > NEAR_SECONDS && lines.count(VerifyOutcome::ChainEndsEarly) {
            let place = format!("{} {}", chain.area, chain.trail);
            let finding = VerifyFinding::new(VerifyOutcome::ChainEndsEarly, &place)
                .with_detail(&format!(" than {end}; others go on to {newest}"));
            lines.push((u32::MAX, 0), finding);
        }
    }
}

/// Records where the declared log files are: that may be in other folders, without digest files. Undeclared
/// files are judged by that; usually there are none.
fn note_origins(archives: &[Archive], checked: &[CheckedLog], digests: &mut Digests) {
    if checked.iter().all(|checked| checked.outcome.is_some()) {
        return;
    }
    let mut elsewhere = BTreeSet::new();
    let mut at_home = BTreeSet::new();
    for CheckedLog { archive, declaration, outcome } in checked {
        let declaration = declaration.and_then(|number| digests.declarations.get(number));
        let origin = declaration.and_then(|one| digests.origin_of.get(one.digest as usize).copied().flatten());
        if let (Some(archive), Some(origin), Some(VerifyOutcome::LogValid)) = (archive, origin, outcome) {
            let path = archives[*archive as usize].path();
            let path = path.to_string_lossy();
            let Some(root) = before_logs_folder(&path) else { continue };
            match digests.origins.at(root) {
                Some(origins) if origins.contains(&origin) => drop(at_home.insert(origin)),
                Some(_) => {}
                None => drop(elsewhere.insert((origin, root.to_owned()))),
            }
        }
    }
    // A trail with log files next to its digest files has only copies elsewhere.
    for (origin, root) in elsewhere.into_iter().filter(|(origin, _)| !at_home.contains(origin)) {
        digests.origins.note(&root, origin);
    }
}

/// Counts the outcomes of log files; returns those to report.
fn count_logs(
    archives: &[Archive],
    checked: &[CheckedLog],
    hours: &HashMap<Area, Vec<TrailHours>>,
    origins: &Origins,
    range: Range,
    lines: &mut ReportLines,
) -> Vec<(CheckedLog, VerifyOutcome)> {
    let outcome_of = |checked: &CheckedLog| {
        if checked.outcome.is_some() {
            return checked.outcome;
        }
        let path = archives[checked.archive? as usize].path();
        let place = FilePlace::of(&path);
        let minute = log_time(&place.key);
        // A name with another day than its folder proves nothing.
        if place.area.is_none() || minute.is_some_and(|minute| !is_of_folder_day(&place.key, minute)) {
            return Some(VerifyOutcome::LogMisplaced);
        }
        if minute.is_some_and(|minute| !range.has(minute)) {
            return None;
        }
        let hours = place.area.as_ref().and_then(|area| hours.get(area)).map(Vec::as_slice).unwrap_or_default();
        let text = path.to_string_lossy();
        let of_folder = before_logs_folder(&text).and_then(|root| origins.at(root));
        Some(undeclared_outcome(hours, minute, of_folder))
    };
    let mut outcomes = Vec::new();
    for one in checked {
        if let Some(outcome) = outcome_of(one)
            && lines.count(outcome)
        {
            outcomes.push((*one, outcome));
        }
    }
    outcomes
}

/// Reports log files. Their names were not kept: those that a digest file declares are read from it again.
fn report_logs(
    archives: &[Archive],
    digests: &Digests,
    outcomes: Vec<(CheckedLog, VerifyOutcome)>,
    lines: &mut ReportLines,
) {
    let (declared, others): (Vec<_>, Vec<_>) =
        outcomes.into_iter().partition(|(checked, _)| checked.declaration.is_some());
    for (checked, outcome) in others {
        let Some(archive) = checked.archive else { continue };
        let path = archives[archive as usize].path();
        let finding = VerifyFinding::new(outcome, &path.display().to_string()).at(&path);
        lines.push((u32::MAX, 1), finding);
    }
    let of = |(checked, _): &(CheckedLog, VerifyOutcome)| {
        let declaration = checked.declaration.and_then(|number| digests.declarations.get(number));
        declaration.map_or((u32::MAX, u32::MAX), |declaration| (declaration.digest, declaration.index))
    };
    let mut declared = declared;
    declared.sort_by_key(of);
    let groups: Vec<&[(CheckedLog, VerifyOutcome)]> = declared.chunk_by(|one, two| of(one).0 == of(two).0).collect();
    let tell = |group: &[(CheckedLog, VerifyOutcome)]| {
        let (digest, _) = of(group.first()?);
        let indexes: Vec<u32> = group.iter().map(|outcomes| of(outcomes).1).collect();
        let archive = digests.archives.get(digest as usize).map(|archive| &archives[*archive])?;
        let names = DigestReader::default().names_of_logs(archive, &indexes);
        let findings = (0..).zip(group).map(|(at, outcomes @ (checked, outcome))| {
            let path = checked.archive.map(|archive| archives[archive as usize].path());
            let place = match names.get(at) {
                Some((bucket, object)) => format!("s3://{bucket}/{object}"),
                None => path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            };
            let mut finding = VerifyFinding::new(*outcome, &place);
            if let (Some(path), Some(archive)) = (path, checked.archive) {
                finding = finding.at(&path);
                if *outcome == VerifyOutcome::LogUnreadable {
                    finding.advice =
                        why_unreadable(&archives[archive as usize]).map(|why| crate::error::printable(&why));
                }
            }
            ((digest, of(outcomes).1.saturating_add(1)), finding)
        });
        Some(findings.collect::<Vec<_>>())
    };
    let findings: Vec<_> = groups.into_par_iter().filter_map(tell).collect();
    for (place, finding) in findings.into_iter().flatten() {
        lines.push(place, finding);
    }
}
