//! What the path of a folder says about the keys in it.
//!
//! In: a path. Out: whether keys in it may be wanted, and how to list those that are. Never: skips a folder that is
//! not one of CloudTrail's own.

use std::ops::RangeInclusive;
use std::path::Path;

use jiff::civil::Date;

use super::key::delivery_days;
use crate::model::Selection;

/// What is known about the keys in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// None is wanted.
    Nothing,
    /// Some of its folders may be skipped, or should each be listed separately.
    Folders,
    /// It is the folder of a month, and some of its days are not wanted.
    Days(DaysOfMonth),
    /// Only each key can be judged.
    Keys,
    /// It is not below a folder `AWSLogs`, but may contain one.
    Unknown,
}

/// Judges a folder by the layout `AWSLogs/[o-orgid/]<account>/<folder>/<region>/YYYY/MM/DD` (CloudTrail User Guide).
pub(super) fn below(folder: &Path, selection: &Selection) -> Below {
    let parts: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    let Some(at) = parts.iter().rposition(|part| *part == "AWSLogs") else { return Below::Unknown };
    let parts = &parts[at + 1..];
    let parts = match parts {
        [organisation, below @ ..] if is_organisation(organisation) => below,
        _ => parts,
    };
    let is_wanted = |list: &[String], value: &str| list.is_empty() || list.iter().any(|wanted| wanted == value);
    let is_account = |name: &str| name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
    // CloudTrail Lake stores query results there, in another layout.
    let is_trail = |name: &str| name.starts_with("CloudTrail") && name != "CloudTrail-Lake";
    match parts {
        [account, ..] if is_account(account) && !is_wanted(&selection.accounts, account) => Below::Nothing,
        [] | [_] => Below::Folders,
        [_, folder, ..] if !is_trail(folder) => Below::Keys,
        [account, ..] if !is_wanted(&selection.accounts, account) => Below::Nothing,
        [_, _] => Below::Folders,
        [_, _, region, ..] if !is_wanted(&selection.regions, region) => Below::Nothing,
        _ if selection.from_day.is_none() && selection.to_day.is_none() => Below::Keys,
        [_, _, _] => Below::Folders,
        [_, _, _, date @ ..] => match days_of(date) {
            None => Below::Keys,
            Some(days) if !overlaps(&days, selection) => Below::Nothing,
            Some(days) => match date {
                [_] => Below::Folders,
                [_, _] => DaysOfMonth::of(&days, selection).map_or(Below::Keys, Below::Days),
                _ => Below::Keys,
            },
        },
    }
}

fn is_organisation(name: &str) -> bool {
    let is_id = |id: &str| (10..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    name.strip_prefix("o-").is_some_and(is_id)
}

/// The days of a folder named after a year, a month or a day; `None` for other names.
fn days_of(date: &[&str]) -> Option<RangeInclusive<Date>> {
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<i16>().ok())?
    };
    let small = |text: &str| i8::try_from(number(text, 2)?).ok();
    let year = number(date.first()?, 4)?;
    let (first, last) = match date[1..] {
        [] => (Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?),
        [month] => {
            let first = Date::new(year, small(month)?, 1).ok()?;
            (first, first.last_of_month())
        }
        [month, day] => {
            let day = Date::new(year, small(month)?, small(day)?).ok()?;
            (day, day)
        }
        _ => return None,
    };
    Some(first..=last)
}

fn overlaps(days: &RangeInclusive<Date>, selection: &Selection) -> bool {
    let (first, last) = delivery_days(selection);
    first.is_none_or(|first| *days.end() >= first) && last.is_none_or(|last| *days.start() <= last)
}

/// The wanted days of a month, when not all are wanted: their keys sort after `after` and before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DaysOfMonth {
    month: Date,
    /// `DD`, when earlier days are not wanted.
    pub(super) after: Option<String>,
    /// Sorts after all keys of the last day, when later days are not wanted.
    pub(super) until: Option<String>,
}

impl DaysOfMonth {
    fn of(month: &RangeInclusive<Date>, selection: &Selection) -> Option<Self> {
        let (first, last) = delivery_days(selection);
        let first = first.filter(|first| first > month.start());
        let last = last.filter(|last| last < month.end());
        if first.is_none() && last.is_none() {
            return None;
        }
        Some(Self {
            month: *month.start(),
            after: first.map(|first| format!("{:02}", first.day())),
            // A slash sorts before a zero.
            until: last.map(|last| format!("{:02}0", last.day())),
        })
    }

    /// Whether the part of a key below the month's folder begins with the folder of a day, wanted or not.
    pub(super) fn has(&self, below: &str) -> bool {
        let (year, month) = (format!("{:04}", self.month.year()), format!("{:02}", self.month.month()));
        below.split_once('/').is_some_and(|(day, _)| days_of(&[&year, &month, day]).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(accounts: &[&str], regions: &[&str], days: (Option<i64>, Option<i64>)) -> Selection {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Selection { from_day: days.0, to_day: days.1, accounts: owned(accounts), regions: owned(regions) }
    }

    #[track_caller]
    fn check(folder: &str, selection: &Selection, expected: &Below) {
        assert_eq!(&below(Path::new(folder), selection), expected, "{folder} {selection:?}");
    }

    #[test]
    fn folders_of_other_accounts_and_regions_are_skipped() {
        let all = Selection::default();
        let one = selection(&["111122223333"], &["us-east-1"], (None, None));
        for root in ["s3://bucket", "s3://bucket/a/AWSLogs/x", "/copy"] {
            check(&format!("{root}/AWSLogs"), &one, &Below::Folders);
            check(&format!("{root}/AWSLogs/o-abcdefghij"), &one, &Below::Folders);
            for logs in [format!("{root}/AWSLogs"), format!("{root}/AWSLogs/o-abcdefghij")] {
                check(&format!("{logs}/111122223333"), &one, &Below::Folders);
                check(&format!("{logs}/444455556666"), &one, &Below::Nothing);
                check(&format!("{logs}/444455556666"), &all, &Below::Folders);
                check(&format!("{logs}/444455556666/Config/us-east-1"), &one, &Below::Nothing);
                check(&format!("{logs}/111122223333/Config"), &one, &Below::Keys);
                check(&format!("{logs}/other"), &one, &Below::Folders);
                check(&format!("{logs}/other/CloudTrail"), &one, &Below::Nothing);
                check(&format!("{logs}/111122223333/CloudTrail"), &one, &Below::Folders);
                check(&format!("{logs}/111122223333/CloudTrail-Digest/eu-west-1"), &one, &Below::Nothing);
                check(&format!("{logs}/111122223333/CloudTrail-Insight/us-east-1"), &one, &Below::Keys);
                check(&format!("{logs}/111122223333/CloudTrail-Lake/Query"), &one, &Below::Keys);
            }
        }
        check("s3://bucket/CloudTrail-logs", &one, &Below::Unknown);
        check("s3://bucket/444455556666/CloudTrail/eu-west-1", &one, &Below::Unknown);
    }

    #[test]
    fn folders_of_other_days_are_skipped() {
        let region = "s3://b/AWSLogs/1/CloudTrail/us-east-1";
        // 2025-03-01 to 2025-03-02; deliveries from 2025-02-28 to 2025-04-02 may hold their events.
        let days = selection(&[], &[], (Some(20_148), Some(20_149)));
        check(region, &days, &Below::Folders);
        let in_month = |month, after: Option<&str>, until: Option<&str>| DaysOfMonth {
            month: jiff::civil::date(2025, month, 1),
            after: after.map(str::to_owned),
            until: until.map(str::to_owned),
        };
        for (folder, expected) in [
            ("2024", Below::Nothing),
            ("2025", Below::Folders),
            ("2025/01", Below::Nothing),
            ("2025/02", Below::Days(in_month(2, Some("28"), None))),
            ("2025/02/27", Below::Nothing),
            ("2025/02/28", Below::Keys),
            ("2025/03", Below::Keys),
            ("2025/03/01", Below::Keys),
            ("2025/04", Below::Days(in_month(4, None, Some("020")))),
            ("2025/04/02", Below::Keys),
            ("2025/04/03", Below::Nothing),
            ("2025/3", Below::Keys),
            ("2025/13", Below::Keys),
            ("backup", Below::Keys),
            ("2025/03/01/more", Below::Keys),
        ] {
            check(&format!("{region}/{folder}"), &days, &expected);
        }
        let from = selection(&[], &[], (Some(20_148 + 300), None));
        check(&format!("{region}/2025/12"), &from, &Below::Days(in_month(12, Some("25"), None)));
        check(&format!("{region}/2026/01"), &from, &Below::Keys);
        // The first day of a year: 2025-01-01.
        let from = selection(&[], &[], (Some(20_089), None));
        let december = DaysOfMonth { month: jiff::civil::date(2024, 12, 1), after: Some("31".to_owned()), until: None };
        for (folder, expected) in [
            ("2023", Below::Nothing),
            ("2024", Below::Folders),
            ("2024/11", Below::Nothing),
            ("2024/12", Below::Days(december)),
            ("2024/12/30", Below::Nothing),
            ("2024/12/31", Below::Keys),
            ("2025/01", Below::Keys),
        ] {
            check(&format!("{region}/{folder}"), &from, &expected);
        }
        let month = in_month(4, None, Some("020"));
        assert!(month.has("01/a") && month.has("30/a") && !month.has("31/a") && !month.has("1/a") && !month.has("01"));
    }
}
