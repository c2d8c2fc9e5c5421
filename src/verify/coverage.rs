//! Which hours the digest files of an account and Region cover.
//!
//! In: hours of digest files, by chain. Out: what it means that a log file of a minute is not declared. Never: calls a
//! log file undeclared that a digest file of a later hour may declare.

use super::outcome::Outcome;

/// Seconds from the minute in a log file's name to its delivery, at most. The name tells when CloudTrail began to write
/// it: in the User Guide's samples a file of 19:15 is in the digest file that begins at 19:17:28, and a file of 14:45
/// holds events of 14:52.
const LATEST_DELIVERY_SECONDS: i64 = 15 * 60;

/// Why no digest file covers the time before a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// A starting digest file begins it.
    Stopped,
    /// Digest files are missing, or invalid.
    Missing,
}

/// Hours without a gap, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: i64,
    end: i64,
    before: Hole,
}

/// The hours of one chain.
#[derive(Clone, Debug, Default)]
pub(super) struct ChainHours {
    /// In order.
    spans: Vec<Span>,
}

impl ChainHours {
    /// Adds the hours of a digest file; the oldest come first.
    pub(super) fn add(&mut self, start: i64, end: i64, is_starting: bool) {
        match self.spans.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => {
                let before = if is_starting { Hole::Stopped } else { Hole::Missing };
                self.spans.push(Span { start, end: end.max(start), before });
            }
        }
    }

    /// Start of the first and end of the last.
    pub(super) fn ends(&self) -> Option<(i64, i64)> {
        Some((self.spans.first()?.start, self.spans.last()?.end))
    }

    /// What it means that a log file of this minute is not declared.
    pub(super) fn judge(&self, minute: i64) -> Option<Outcome> {
        let (first, last) = self.ends()?;
        let latest = minute.saturating_add(LATEST_DELIVERY_SECONDS);
        // Seconds are cut off in a name.
        if minute.saturating_add(59) < first {
            let is_whole = self.spans.first().is_some_and(|span| span.before == Hole::Stopped);
            return Some(if is_whole { Outcome::LogBeforeFirst } else { Outcome::LogBeforeOldest });
        }
        if latest >= last {
            return Some(Outcome::LogAfterLast);
        }
        let next = self.spans.partition_point(|span| span.end <= latest);
        let span = self.spans.get(next)?;
        // The second half of the minute may be in it, and the first not.
        let is_covered = minute.saturating_add(59) >= span.start;
        Some(match span.before {
            _ if is_covered => Outcome::LogUndeclared,
            Hole::Stopped => Outcome::LogInGap,
            Hole::Missing => Outcome::LogOfMissingDigest,
        })
    }
}

/// What it means that a log file is not declared by any of an area's chains: `minute` is that of its name.
pub(super) fn judge_undeclared(chains: &[ChainHours], minute: Option<i64>) -> Outcome {
    let Some(minute) = minute else {
        let has_hours = chains.iter().any(|chain| chain.ends().is_some());
        return if has_hours { Outcome::LogUndeclared } else { Outcome::LogWithoutDigests };
    };
    // Which trail it is of cannot be told. What one chain covers, it would have to declare.
    let rank = |outcome: &Outcome| match outcome {
        Outcome::LogUndeclared => 4,
        Outcome::LogOfMissingDigest => 3,
        Outcome::LogInGap => 2,
        Outcome::LogBeforeOldest | Outcome::LogAfterLast => 1,
        _ => 0,
    };
    chains.iter().filter_map(|chain| chain.judge(minute)).max_by_key(rank).unwrap_or(Outcome::LogWithoutDigests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    #[test]
    fn what_a_missing_declaration_means_depends_on_the_minute() {
        let mut chain = ChainHours::default();
        // Two hours, an hour off, two hours, an hour missing, an hour.
        for (start, is_starting) in [(1, true), (2, false), (4, true), (5, false), (7, false)] {
            chain.add(start * HOUR + 91, (start + 1) * HOUR + 91, is_starting);
        }
        assert_eq!(chain.ends(), Some((HOUR + 91, 8 * HOUR + 91)));
        let quarter = LATEST_DELIVERY_SECONDS;
        for (minute, outcome) in [
            (0, Outcome::LogBeforeFirst),
            (HOUR, Outcome::LogBeforeFirst),
            // Its 31st second is in.
            (HOUR + 60, Outcome::LogUndeclared),
            (2 * HOUR, Outcome::LogUndeclared),
            (3 * HOUR + 60 - quarter, Outcome::LogUndeclared),
            (3 * HOUR + 120 - quarter, Outcome::LogInGap),
            (3 * HOUR + 60, Outcome::LogInGap),
            (4 * HOUR, Outcome::LogInGap),
            (4 * HOUR + 60, Outcome::LogUndeclared),
            (6 * HOUR + 120, Outcome::LogOfMissingDigest),
            (7 * HOUR + 60, Outcome::LogUndeclared),
            (8 * HOUR + 60 - quarter, Outcome::LogUndeclared),
            (8 * HOUR + 120 - quarter, Outcome::LogAfterLast),
            (9 * HOUR, Outcome::LogAfterLast),
        ] {
            assert_eq!(chain.judge(minute), Some(outcome), "minute {minute}");
        }
    }

    #[test]
    fn before_the_oldest_digest_file_there_were_others_unless_it_is_a_starting_one() {
        let mut chain = ChainHours::default();
        chain.add(HOUR, 2 * HOUR, false);
        assert_eq!(chain.judge(0), Some(Outcome::LogBeforeOldest));
    }

    #[test]
    fn of_several_chains_the_one_that_covers_it_decides() {
        let mut one = ChainHours::default();
        one.add(0, HOUR, true);
        let mut two = ChainHours::default();
        two.add(0, 9 * HOUR, true);
        assert_eq!(judge_undeclared(&[one.clone(), two], Some(4 * HOUR)), Outcome::LogUndeclared);
        assert_eq!(judge_undeclared(&[one.clone()], Some(4 * HOUR)), Outcome::LogAfterLast);
        assert_eq!(judge_undeclared(&[one], None), Outcome::LogUndeclared);
        assert_eq!(judge_undeclared(&[], Some(0)), Outcome::LogWithoutDigests);
        assert_eq!(judge_undeclared(&[ChainHours::default()], None), Outcome::LogWithoutDigests);
    }
}
