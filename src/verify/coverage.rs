//! Which hours the digest files of an account and Region cover.
//!
//! In: hours of digest files, by trail and chain. Out: what it means that a log file of a given minute is not declared. Never:
//! calls a log file undeclared that a later or missing digest file may declare.

use std::collections::BTreeSet;

use super::outcome::VerifyOutcome;

/// Maximum seconds from the minute in a log file's name to its delivery. The name is the time when CloudTrail began to write
/// it: in the User Guide's samples a file of 19:15 is in the digest file that begins at 19:17:28, and a file of 14:45
/// holds events of 14:52.
const LATEST_DELIVERY_SECONDS: i64 = 15 * 60;

/// How far outside the hours of a trail its log files may still be. Digest files come every hour, at slightly different
/// times in each Region.
pub(super) const NEAR_SECONDS: i64 = 2 * 3_600;

/// Why no digest file covers the time before a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoverageGap {
    /// The span begins with a starting digest file.
    Stopped,
    /// Digest files are missing, or invalid.
    Missing,
}

/// Hours without a gap, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: i64,
    end: i64,
    before: CoverageGap,
}

/// The hours of one chain.
#[derive(Clone, Debug, Default)]
pub(super) struct ChainHours {
    /// Sorted.
    spans: Vec<Span>,
}

impl ChainHours {
    /// Adds the hours of a digest file; the oldest come first. `is_starting` means that none is missing before them.
    pub(super) fn add(&mut self, start: i64, end: i64, is_starting: bool) {
        match self.spans.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => {
                let before = if is_starting { CoverageGap::Stopped } else { CoverageGap::Missing };
                self.spans.push(Span { start, end: end.max(start), before });
            }
        }
    }

    /// The start of the first span and the end of the last.
    pub(super) fn ends(&self) -> Option<(i64, i64)> {
        Some((self.spans.first()?.start, self.spans.last()?.end))
    }

    /// Whether it has hours shortly before or after this minute.
    fn is_near(&self, minute: i64) -> bool {
        self.spans.iter().any(|span| {
            let near = span.start.saturating_sub(NEAR_SECONDS)..=span.end.saturating_add(NEAR_SECONDS);
            near.contains(&minute)
        })
    }

    /// What it means that a log file of this minute is not declared.
    pub(super) fn outcome_at(&self, minute: i64) -> Option<VerifyOutcome> {
        let (first, last) = self.ends()?;
        let latest = minute.saturating_add(LATEST_DELIVERY_SECONDS);
        // Names omit the seconds: the second half of a minute may be covered, and the first not.
        if minute < first {
            let is_whole = self.spans.first().is_some_and(|span| span.before == CoverageGap::Stopped);
            return Some(if is_whole { VerifyOutcome::LogBeforeFirst } else { VerifyOutcome::LogBeforeOldest });
        }
        if latest >= last {
            return Some(VerifyOutcome::LogAfterLast);
        }
        let next = self.spans.partition_point(|span| span.end <= latest);
        let span = self.spans.get(next)?;
        let is_covered = minute >= span.start;
        Some(match span.before {
            _ if is_covered => VerifyOutcome::LogUndeclared,
            CoverageGap::Stopped => VerifyOutcome::LogInGap,
            CoverageGap::Missing => VerifyOutcome::LogOfMissingDigest,
        })
    }
}

/// The hours of one trail.
#[derive(Clone, Debug, Default)]
pub(super) struct TrailHours {
    /// Where it delivers to, by number.
    pub(super) origins: BTreeSet<u32>,
    pub(super) chain: ChainHours,
    /// Hours of malformed digest files in the copy, by their names: each of them is reported.
    pub(super) damaged: ChainHours,
    /// The same for backfill digest files.
    pub(super) damaged_backfill: ChainHours,
    /// Backfill digest files declare log files that were too late for those of their hours (CloudTrail User Guide), so they
    /// cover no hours; but a missing one may declare whatever another does not.
    pub(super) backfill: ChainHours,
}

impl TrailHours {
    /// Whether there are any digest files of the trail.
    fn is_listed(&self) -> bool {
        self.chain.ends().or(self.damaged.ends()).is_some()
    }

    /// What it means that a log file of this minute is not declared, if it is one of this trail.
    fn outcome_at(&self, minute: i64) -> Option<VerifyOutcome> {
        let by_name = self.damaged.outcome_at(minute).map(|outcome| match outcome {
            VerifyOutcome::LogUndeclared => VerifyOutcome::LogOfMissingDigest,
            outcome => outcome,
        });
        let outcome = match self.chain.outcome_at(minute) {
            Some(VerifyOutcome::LogUndeclared) => VerifyOutcome::LogUndeclared,
            _ if by_name == Some(VerifyOutcome::LogOfMissingDigest) => VerifyOutcome::LogOfMissingDigest,
            Some(outcome) => outcome,
            None => by_name?,
        };
        // A backfill digest file may declare what that of the hour does not.
        let late = match self.backfill.outcome_at(minute) {
            Some(VerifyOutcome::LogOfMissingDigest) => Some(VerifyOutcome::LogOfMissingDigest),
            _ if self.damaged_backfill.is_near(minute) => Some(VerifyOutcome::LogOfMissingDigest),
            Some(VerifyOutcome::LogBeforeOldest) if self.backfill.is_near(minute) => {
                Some(VerifyOutcome::LogOfOlderBackfill)
            }
            _ => None,
        };
        Some(late.filter(|_| outcome == VerifyOutcome::LogUndeclared).unwrap_or(outcome))
    }

    /// Whether a log file of this minute may belong to this trail, although its digest files do not cover it.
    fn may_have_delivered(&self, minute: i64, outcome: VerifyOutcome) -> bool {
        let is_missed = matches!(
            outcome,
            VerifyOutcome::LogOfMissingDigest | VerifyOutcome::LogOfOlderBackfill | VerifyOutcome::LogBeforeOldest
        );
        is_missed || self.chain.is_near(minute) || self.damaged.is_near(minute)
    }
}

/// Missing digest files come first: the log file may be declared there.
fn rank(outcome: VerifyOutcome) -> u8 {
    match outcome {
        VerifyOutcome::LogOfMissingDigest => 5,
        VerifyOutcome::LogOfOlderBackfill => 4,
        VerifyOutcome::LogUndeclared => 3,
        VerifyOutcome::LogInGap => 2,
        VerifyOutcome::LogBeforeOldest | VerifyOutcome::LogAfterLast => 1,
        _ => 0,
    }
}

/// What it means that no trail of an area declares a log file: `minute` is from its name, `origins` are those of its
/// folder.
pub(super) fn undeclared_outcome(
    trails: &[TrailHours],
    minute: Option<i64>,
    origins: Option<&BTreeSet<u32>>,
) -> VerifyOutcome {
    let trails = || trails.iter().filter(|trail| trail.is_listed());
    let Some(minute) = minute else {
        return if trails().next().is_some() { VerifyOutcome::LogUndeclared } else { VerifyOutcome::LogWithoutDigests };
    };
    let is_of_folder = |trail: &TrailHours| origins.is_some_and(|origins| !origins.is_disjoint(&trail.origins));
    // Any trail may deliver to a folder that no digest file mentions.
    let is_known = trails().any(is_of_folder);
    let outcomes = trails().filter(|trail| !is_known || is_of_folder(trail)).filter_map(|trail| {
        let outcome = trail.outcome_at(minute)?;
        Some((outcome, trail.may_have_delivered(minute, outcome)))
    });
    let outcomes: Vec<(VerifyOutcome, bool)> = outcomes.collect();
    let best = |is_wanted: &dyn Fn(&(VerifyOutcome, bool)) -> bool| {
        outcomes.iter().filter(|one| is_wanted(one)).map(|(outcome, _)| *outcome).max_by_key(|outcome| rank(*outcome))
    };
    let is_covered = |(outcome, _): &(VerifyOutcome, bool)| *outcome == VerifyOutcome::LogUndeclared;
    if !outcomes.iter().any(is_covered) {
        return best(&|_| true).unwrap_or(VerifyOutcome::LogWithoutDigests);
    }
    // One trail would have to declare it. Another trail for the same place may have delivered it; for an unknown folder
    // that is no excuse, unless a digest file is missing and reported.
    let is_excused = |(outcome, may_have_delivered): &(VerifyOutcome, bool)| {
        *may_have_delivered && (is_known || *outcome == VerifyOutcome::LogOfMissingDigest)
    };
    if let Some(outcome) = best(&|one| !is_covered(one) && is_excused(one)) {
        return outcome;
    }
    if outcomes.iter().all(is_covered) { VerifyOutcome::LogUndeclared } else { VerifyOutcome::LogOfUnknownTrail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    #[test]
    fn a_missing_declaration_is_judged_by_the_minute() {
        let mut chain = ChainHours::default();
        // Two hours, an hour off, two hours, an hour missing, an hour.
        for (start, is_starting) in [(1, true), (2, false), (4, true), (5, false), (7, false)] {
            chain.add(start * HOUR + 91, (start + 1) * HOUR + 91, is_starting);
        }
        assert_eq!(chain.ends(), Some((HOUR + 91, 8 * HOUR + 91)));
        let quarter = LATEST_DELIVERY_SECONDS;
        for (minute, outcome) in [
            (0, VerifyOutcome::LogBeforeFirst),
            (HOUR, VerifyOutcome::LogBeforeFirst),
            // Its 31st second is covered, and its first is not.
            (HOUR + 60, VerifyOutcome::LogBeforeFirst),
            (HOUR + 120, VerifyOutcome::LogUndeclared),
            (2 * HOUR, VerifyOutcome::LogUndeclared),
            (3 * HOUR + 60 - quarter, VerifyOutcome::LogUndeclared),
            (3 * HOUR + 120 - quarter, VerifyOutcome::LogInGap),
            (3 * HOUR + 60, VerifyOutcome::LogInGap),
            (4 * HOUR, VerifyOutcome::LogInGap),
            (4 * HOUR + 60, VerifyOutcome::LogInGap),
            (4 * HOUR + 120, VerifyOutcome::LogUndeclared),
            (6 * HOUR + 120, VerifyOutcome::LogOfMissingDigest),
            (7 * HOUR + 60, VerifyOutcome::LogOfMissingDigest),
            (7 * HOUR + 120, VerifyOutcome::LogUndeclared),
            (8 * HOUR + 60 - quarter, VerifyOutcome::LogUndeclared),
            (8 * HOUR + 120 - quarter, VerifyOutcome::LogAfterLast),
            (9 * HOUR, VerifyOutcome::LogAfterLast),
        ] {
            assert_eq!(chain.outcome_at(minute), Some(outcome), "minute {minute}");
        }
    }

    #[test]
    fn there_were_older_digest_files_unless_the_oldest_is_a_starting_one() {
        let mut chain = ChainHours::default();
        chain.add(HOUR, 2 * HOUR, false);
        assert_eq!(chain.outcome_at(0), Some(VerifyOutcome::LogBeforeOldest));
    }

    fn trail(origins: &[u32], hours: &[(i64, i64)]) -> TrailHours {
        let mut chain = ChainHours::default();
        for (start, end) in hours {
            chain.add(start * HOUR, end * HOUR, true);
        }
        TrailHours { origins: origins.iter().copied().collect(), chain, ..TrailHours::default() }
    }

    #[track_caller]
    fn check(trails: &[TrailHours], hour: i64, origins: Option<&[u32]>, outcome: VerifyOutcome) {
        let origins: Option<BTreeSet<u32>> = origins.map(|origins| origins.iter().copied().collect());
        assert_eq!(undeclared_outcome(trails, Some(hour * HOUR), origins.as_ref()), outcome);
    }

    #[test]
    fn the_trail_that_delivers_to_the_folder_decides() {
        let trails = [trail(&[0], &[(0, 1)]), trail(&[1, 2], &[(0, 9)])];
        check(&trails, 4, Some(&[0]), VerifyOutcome::LogAfterLast);
        check(&trails, 4, Some(&[1]), VerifyOutcome::LogUndeclared);
        check(&trails, 4, Some(&[2]), VerifyOutcome::LogUndeclared);
        // Both trails match, or none: the first has ended long before, or shortly before.
        for (origins, shortly) in [
            (Some(&[0, 1][..]), VerifyOutcome::LogAfterLast),
            (Some(&[7]), VerifyOutcome::LogOfUnknownTrail),
            (None, VerifyOutcome::LogOfUnknownTrail),
        ] {
            check(&trails, 4, origins, VerifyOutcome::LogOfUnknownTrail);
            check(&trails, 2, origins, shortly);
            check(&trails, 0, origins, VerifyOutcome::LogUndeclared);
            check(&trails, 20, origins, VerifyOutcome::LogAfterLast);
        }
        check(&trails[..1], 4, None, VerifyOutcome::LogAfterLast);
        check(&[], 0, None, VerifyOutcome::LogWithoutDigests);
        check(&[TrailHours::default()], 0, None, VerifyOutcome::LogWithoutDigests);
        assert_eq!(undeclared_outcome(&trails, None, None), VerifyOutcome::LogUndeclared);
        assert_eq!(undeclared_outcome(&[TrailHours::default()], None, None), VerifyOutcome::LogWithoutDigests);
    }

    #[test]
    fn missing_digest_files_take_precedence_over_time() {
        let mut holed = ChainHours::default();
        for (start, end, is_starting) in [(0, 1, true), (30, 31, false)] {
            holed.add(start * HOUR, end * HOUR, is_starting);
        }
        let holed = TrailHours { origins: BTreeSet::from([0]), chain: holed, ..TrailHours::default() };
        let stopped = trail(&[0], &[(0, 1), (30, 31)]);
        let whole = trail(&[0], &[(0, 40)]);
        check(&[holed, whole.clone()], 15, Some(&[0]), VerifyOutcome::LogOfMissingDigest);
        check(&[stopped.clone(), whole.clone()], 15, Some(&[0]), VerifyOutcome::LogOfUnknownTrail);
        check(&[stopped, whole], 2, Some(&[0]), VerifyOutcome::LogInGap);
    }

    #[test]
    fn backfill_covers_no_hours_but_missing_backfill_may_declare_any_log_file() {
        let mut late = trail(&[0], &[(0, 10)]);
        late.backfill.add(2 * HOUR, 3 * HOUR, true);
        check(std::slice::from_ref(&late), 2, None, VerifyOutcome::LogUndeclared);
        check(std::slice::from_ref(&late), 5, None, VerifyOutcome::LogUndeclared);
        // There is none between two that are linked; then one is missing.
        late.backfill.add(5 * HOUR, 6 * HOUR, true);
        check(std::slice::from_ref(&late), 4, None, VerifyOutcome::LogUndeclared);
        late.backfill.add(8 * HOUR, 9 * HOUR, false);
        check(std::slice::from_ref(&late), 7, None, VerifyOutcome::LogOfMissingDigest);
        let alone = TrailHours { backfill: late.chain, ..TrailHours::default() };
        check(&[alone], 5, None, VerifyOutcome::LogWithoutDigests);
        // The oldest of them is missing: its declarations are of an hour not far away.
        let mut older = trail(&[0], &[(0, 10)]);
        older.backfill.add(8 * HOUR, 9 * HOUR, false);
        check(std::slice::from_ref(&older), 7, None, VerifyOutcome::LogOfOlderBackfill);
        check(std::slice::from_ref(&older), 1, None, VerifyOutcome::LogUndeclared);
    }
}
