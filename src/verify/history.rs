//! The history of an account and Region by its digest files, chain by chain.
//!
//! In: digest files with their statuses. Out: lines, counts, covered hours, and declarations of log files. Never:
//! counts an hour as covered without its digest file.

use std::collections::{BTreeSet, HashSet};

use super::advice::fetch_signature;
use super::chain::{Chains, DigestStatus, end_of};
use super::coverage::{ChainHours, TrailHours};
use super::declarations::{Declaration, DeclarationStatus};
use super::digest::{DeclaredLog, DigestContent, DigestText, Previous, ReadDigest};
use super::origins::{LogOrigin, Origins};
use super::outcome::VerifyOutcome;
use super::place::{Area, DigestName, KeyHash, before_logs_folder};
use super::report::{Chain, DigestCounts, ReportLines, VerifyFinding};

/// Seconds that a digest file covers.
const HOUR_SECONDS: i64 = 3_600;

/// The requested range of digest ends, in seconds since 1970; both ends count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Range {
    pub(super) fn has(&self, second: i64) -> bool {
        (self.from..=self.to).contains(&second)
    }
}

/// The history of an account and Region.
pub(super) struct History {
    pub(super) area: Area,
    /// Digest files in the order of the report, as positions in the list of archives.
    pub(super) archives: Vec<usize>,
    pub(super) chains: Vec<Chain>,
    pub(super) hours: Vec<TrailHours>,
    /// Where its trails deliver to.
    pub(super) origins: Origins,
    /// For each digest file, in the order of the report; `None` for those that do not count.
    pub(super) origin_of: Vec<Option<u32>>,
    pub(super) digests: DigestCounts,
    pub(super) backfill_digests: DigestCounts,
    pub(super) declarations: Vec<Declaration>,
    pub(super) lines: ReportLines,
}

impl History {
    /// Builds the history of verified digest files.
    pub(super) fn build(area: Area, chains: &Chains, range: Range, verbose: bool) -> Self {
        let mut history = Self {
            area,
            archives: chains.digests.iter().map(|digest| digest.archive).collect(),
            chains: Vec::new(),
            hours: Vec::new(),
            origins: Origins::default(),
            origin_of: vec![None; chains.digests.len()],
            digests: DigestCounts::default(),
            backfill_digests: DigestCounts::default(),
            declarations: Vec::new(),
            lines: ReportLines::new(verbose),
        };
        let mut last: Option<DigestName> = None;
        for positions in chains.ranges() {
            let Some(name) = chains.digests.get(positions.start).map(|digest| digest.name.clone()) else { continue };
            let hours = hours_of(chains, &positions, DigestStatus::is_usable);
            let mut origins = history.note_origins(chains, &positions);
            let damaged = history.note_damaged(chains, &positions, range, &mut origins);
            history.report_chain(chains, positions, range);
            // The chain of backfill digest files follows that of its trail.
            let is_of_last =
                last.is_some_and(|last| (&last.trail, &last.home_region) == (&name.trail, &name.home_region));
            match history.hours.last_mut().filter(|_| is_of_last) {
                Some(trail) => trail.origins.extend(origins),
                None => history.hours.push(TrailHours { origins, ..TrailHours::default() }),
            }
            match history.hours.last_mut() {
                Some(trail) if name.is_backfill => (trail.backfill, trail.damaged_backfill) = (hours, damaged),
                Some(trail) => (trail.chain, trail.damaged) = (hours, damaged),
                None => {}
            }
            last = Some(name);
        }
        history
    }

    /// Records where a chain's trail delivers to. Anyone can write unsigned files: they count only where there is nothing else.
    fn note_origins(&mut self, chains: &Chains, positions: &std::ops::Range<usize>) -> BTreeSet<u32> {
        let is_proved = positions.clone().any(|at| chains.statuses[at] == DigestStatus::Valid);
        let counts = |status: DigestStatus| if is_proved { status == DigestStatus::Valid } else { status.is_usable() };
        // Of two with one key, one is a copy, which may have been put anywhere.
        let is_single = |at: usize| counts(chains.statuses[at]) && chains.copies(at) == 1;
        let has_single = positions.clone().any(is_single);
        let mut origins = BTreeSet::new();
        for at in positions.clone().filter(|at| counts(chains.statuses[*at])) {
            let path = chains.digests[at].path.to_string_lossy();
            let Some((root, origin)) = before_logs_folder(&path).zip(chains.text(at).and_then(origin_of)) else {
                continue;
            };
            let origin = self.origins.number(origin);
            if !has_single || is_single(at) {
                self.origins.note(root, origin);
            }
            self.origin_of[at] = Some(origin);
            origins.insert(origin);
        }
        origins
    }

    /// The hours of malformed digest files, by their names. They state no bucket, so their folder is used instead.
    fn note_damaged(
        &mut self,
        chains: &Chains,
        positions: &std::ops::Range<usize>,
        range: Range,
        origins: &mut BTreeSet<u32>,
    ) -> ChainHours {
        let mut hours = ChainHours::default();
        for digest in positions.clone().rev().map(|at| &chains.digests[at]) {
            let is_damaged = matches!(digest.content, DigestContent::Malformed(_) | DigestContent::Unreadable(_));
            let path = digest.path.to_string_lossy();
            let Some((end, root)) = digest.name.end.zip(before_logs_folder(&path)) else { continue };
            if is_damaged && range.has(end) {
                let origin = self.origins.number((String::new(), root.to_owned()));
                self.origins.note(root, origin);
                origins.insert(origin);
                hours.add(end.saturating_sub(HOUR_SECONDS), end, false);
            }
        }
        hours
    }

    fn report_chain(&mut self, chains: &Chains, positions: std::ops::Range<usize>, range: Range) {
        let Some(DigestName { trail, home_region, is_backfill, .. }) =
            positions.clone().next().map(|first| chains.digests[first].name.clone())
        else {
            return;
        };
        let mut chain = Chain {
            area: self.area.clone(),
            trail: crate::error::printable(&trail),
            home_region: crate::error::printable(&home_region),
            is_backfill,
            digests: 0,
            valid: 0,
            from: None,
            to: None,
        };
        let proved = hours_of(chains, &positions, |status| status == DigestStatus::Valid);
        let mut missing = HashSet::new();
        for at in positions.clone() {
            let digest = &chains.digests[at];
            let is_in_range = is_in_range(digest, range);
            self.declare(chains, at, is_in_range, &proved);
            if is_in_range && chains.statuses[at] != DigestStatus::Unread {
                chain.digests += 1;
                chain.valid += u64::from(chains.statuses[at] == DigestStatus::Valid);
                self.report_digest(chains, at, proved.ends().is_some());
            }
            self.report_link(chains, at, &positions, range, &mut missing);
        }
        for text in positions.clone().filter_map(|at| chains.text(at).filter(|_| chains.statuses[at].is_usable())) {
            if range.has(text.end) {
                let time = |second| jiff::Timestamp::from_second(second).ok();
                chain.from = chain.from.into_iter().chain(time(text.start)).min();
                chain.to = chain.to.max(time(text.end));
            }
        }
        self.chains.push(chain);
    }

    fn counts(&mut self, is_backfill: bool) -> &mut DigestCounts {
        if is_backfill { &mut self.backfill_digests } else { &mut self.digests }
    }

    fn report_digest(&mut self, chains: &Chains, at: usize, is_chain_proved: bool) {
        let digest = &chains.digests[at];
        let counts = self.counts(digest.name.is_backfill);
        counts.total += 1;
        let outcome = match chains.statuses[at] {
            DigestStatus::Unread => return,
            DigestStatus::Valid => {
                counts.valid += 1;
                VerifyOutcome::DigestValid
            }
            DigestStatus::WithoutSignature => {
                counts.without_signature += 1;
                if is_chain_proved { VerifyOutcome::DigestWithoutSignature } else { VerifyOutcome::DigestWithoutProof }
            }
            DigestStatus::Invalid(outcome) => {
                counts.invalid += 1;
                outcome
            }
        };
        if !self.lines.count(outcome) {
            return;
        }
        let text = chains.text(at);
        let path = digest.path.display().to_string();
        // The place that a forged one states means nothing.
        let place = match text.filter(|text| text.is_at_its_place) {
            Some(text) => format!("s3://{}/{}", text.bucket, text.object),
            None => path.clone(),
        };
        let mut finding = VerifyFinding::new(outcome, &place).at(&digest.path);
        finding.is_backfill = digest.name.is_backfill;
        let fingerprint = text.map(|text| text.fingerprint.as_str()).unwrap_or_default();
        finding = match (outcome, &digest.content) {
            (VerifyOutcome::DigestKeyMissing, _) => {
                finding.with_detail(&format!(" in region {} for fingerprint {fingerprint}", self.area.region))
            }
            (VerifyOutcome::DigestKeyUnusable, _) => finding.with_detail(&format!(" with fingerprint {fingerprint}")),
            (_, DigestContent::Malformed(why) | DigestContent::Unreadable(why)) => {
                finding.advice = Some(crate::error::printable(why));
                finding
            }
            _ => finding,
        };
        if chains.statuses[at] == DigestStatus::WithoutSignature {
            if let Some(Err(why)) = &digest.sidecar {
                finding = finding.with_detail(&format!("; {why}"));
            }
            finding.advice = text.map(|text| fetch_signature(&text.bucket, &text.object, &path));
        }
        if digest.lacks_signature {
            let why = digest.sidecar.as_ref().and_then(|sidecar| sidecar.as_ref().err());
            let why = why.map_or("its object has no signature in its metadata", String::as_str);
            finding.advice = Some(crate::error::printable(why));
        }
        self.lines.push((position(at), 0), finding);
    }

    /// Reports a gap or a missing file before this digest file, by its link to the previous one.
    fn report_link(
        &mut self,
        chains: &Chains,
        at: usize,
        positions: &std::ops::Range<usize>,
        range: Range,
        missing: &mut HashSet<KeyHash>,
    ) {
        let Some(text) = chains.text(at).filter(|_| chains.statuses[at].is_usable()) else { return };
        let digest = &chains.digests[at];
        let older = (at + 1..positions.end).find(|older| chains.digests[*older].key != digest.key);
        let until =
            |older: usize| format!(" between {} and {}", time(end_of(&chains.digests[older])), time(text.start));
        let Some(previous) = &text.previous else {
            if let Some(older) = older.filter(|_| is_in_range(digest, range)) {
                let is_proved = chains.statuses[at] == DigestStatus::Valid;
                let doubt = if is_proved { "" } else { "; the starting digest file after them is not proved" };
                let more = format!("{}, or digest files were removed{doubt}", until(older));
                self.report_chain_line(at, digest, VerifyOutcome::ChainGap, &more, None);
            }
            return;
        };
        if chains.is_here(&previous.key) {
            return;
        }
        let end = DigestName::parse(&previous.object, &self.area.region).end.unwrap_or(text.start);
        // One after the range shows gaps that begin in it: digest files come every hour.
        let is_after = end > range.to && text.start >= range.from && !digest.name.is_backfill;
        let begins_before = |older: usize| end_of(&chains.digests[older]).saturating_add(HOUR_SECONDS) <= range.to;
        if is_after && older.is_some_and(begins_before) && missing.insert(previous.key) {
            let more = older.map(until).unwrap_or_default();
            self.report_chain_line(at, digest, VerifyOutcome::ChainHole, &more, None);
        }
        if !range.has(end) || !missing.insert(previous.key) {
            return;
        }
        // With a first day all since then were requested; otherwise older ones need not have been copied.
        match older {
            None if range.from == i64::MIN => {
                let Previous { bucket, object, .. } = previous;
                let why = format!("s3://{bucket}/{object} was not copied, or was removed");
                let more = format!(" than {}", time(text.start));
                self.report_chain_line(at, digest, VerifyOutcome::ChainOlder, &more, Some(&why));
            }
            None => self.report_missing(at, digest, previous),
            Some(older) => {
                self.report_missing(at, digest, previous);
                self.report_chain_line(at, digest, VerifyOutcome::ChainHole, &until(older), None);
            }
        }
    }

    fn report_missing(&mut self, at: usize, digest: &ReadDigest, previous: &Previous) {
        let counts = self.counts(digest.name.is_backfill);
        counts.total += 1;
        counts.invalid += 1;
        if self.lines.count(VerifyOutcome::DigestMissing) {
            let place = format!("s3://{}/{}", previous.bucket, previous.object);
            let mut finding = VerifyFinding::new(VerifyOutcome::DigestMissing, &place);
            finding.is_backfill = digest.name.is_backfill;
            self.lines.push((position(at), u32::MAX), finding);
        }
    }

    fn report_chain_line(
        &mut self,
        at: usize,
        digest: &ReadDigest,
        outcome: VerifyOutcome,
        more: &str,
        advice: Option<&str>,
    ) {
        if self.lines.count(outcome) {
            let mut finding =
                VerifyFinding::new(outcome, &format!("{} {}", self.area, digest.name.trail)).with_detail(more);
            finding.is_backfill = digest.name.is_backfill;
            finding.advice = advice.map(crate::error::printable_path);
            self.lines.push((position(at), u32::MAX), finding);
        }
    }

    fn declare(&mut self, chains: &Chains, at: usize, is_in_range: bool, proved: &ChainHours) {
        let Some(text) = chains.text(at) else { return };
        let status = match chains.statuses[at] {
            DigestStatus::Valid if is_in_range => DeclarationStatus::Proved,
            DigestStatus::WithoutSignature if is_in_range => DeclarationStatus::NotProved,
            DigestStatus::Valid | DigestStatus::WithoutSignature => DeclarationStatus::OutOfRange,
            DigestStatus::Invalid(_) | DigestStatus::Unread => DeclarationStatus::Invalid,
        };
        // Without a key one can still append a digest file after the newest one, and let it declare files that were added to
        // hours long past. Backfill digest files do that legitimately.
        let may_be_late = status != DeclarationStatus::NotProved || chains.digests[at].name.is_backfill;
        let status_of = |log: &DeclaredLog| {
            let is_late =
                log.minute.is_some_and(|minute| proved.outcome_at(minute) == Some(VerifyOutcome::LogUndeclared));
            if is_late && !may_be_late { DeclarationStatus::OutOfHour } else { status }
        };
        self.declarations.extend(text.logs.iter().enumerate().map(|(index, log)| Declaration {
            key: log.key,
            sha256: log.sha256.unwrap_or_default(),
            has_sha256: log.sha256.is_some(),
            status: status_of(log),
            is_found: false,
            digest: position(at),
            index: position(index),
        }));
    }
}

/// The bucket and the prefix of a digest file.
fn origin_of(text: &DigestText) -> Option<LogOrigin> {
    Some((text.bucket.clone(), before_logs_folder(&text.object)?.to_owned()))
}

/// The hours of digest files of a chain that have such a status.
fn hours_of(
    chains: &Chains,
    positions: &std::ops::Range<usize>,
    is_wanted: impl Fn(DigestStatus) -> bool,
) -> ChainHours {
    let mut hours = ChainHours::default();
    for at in positions.clone().rev().filter(|at| is_wanted(chains.statuses[*at])) {
        if let Some(text) = chains.text(at) {
            // Backfill digest files come when they are needed: there is none between two that are linked.
            let is_backfill = chains.digests[at].name.is_backfill;
            let is_linked = |previous: &Previous| is_backfill && chains.is_usable(&previous.key);
            hours.add(text.start, text.end, text.previous.as_ref().is_none_or(is_linked));
        }
    }
    hours
}

pub(super) fn is_in_range(digest: &ReadDigest, range: Range) -> bool {
    let end = end_of(digest);
    end == i64::MIN || range.has(end)
}

/// There are never as many as four billion digest files.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

pub(super) fn time(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}
