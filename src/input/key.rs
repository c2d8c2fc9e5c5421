//! What the key of an object reveals before it is read.
//!
//! In: a path. Out: account, Region and time of delivery, if it is a key of CloudTrail. Never: a guess.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::Span;
use jiff::civil::Date;

use crate::model::Selection;

/// The parts of a CloudTrail object's key (CloudTrail User Guide):
/// `[prefix/]AWSLogs/[o-orgid/]<account>/<folder>/<region>/YYYY/MM/DD/<file>`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectKey<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    /// `YYYYMMDDHHMM`.
    pub(super) delivered: Option<u64>,
}

/// Maximum delay of a delivery in days: CloudTrail retries for 30 days when a bucket cannot be reached (CloudTrail User Guide).
const LATEST_DELIVERY_DAYS: i64 = 31;

/// Days that the time in a delivery's name may precede its events: minutes are enough to cross midnight. In
/// AWS's own example of a digest file the newest event of a log file is later than its name (CloudTrail User Guide, digest
/// file structure).
const EARLIEST_DELIVERY_DAYS: i64 = 1;

impl<'a> ObjectKey<'a> {
    pub(super) fn of(path: &'a Path) -> Self {
        let mut key = Self { delivered: path.file_name().and_then(delivery_minute), ..Self::default() };
        let mut parts = path.iter().rev().skip(1).map(|part| part.to_str().unwrap_or_default());
        let date: [&str; 3] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let (region, folder, account) = (parts.next(), parts.next(), parts.next());
        let is_date = [2, 2, 4].iter().zip(date).all(|(length, part)| part.len() == *length && is_digits(part));
        if is_date && folder.is_some_and(|folder| folder.starts_with("CloudTrail")) {
            (key.account, key.region) = (account, region);
        }
        key
    }

    /// Whether the object may hold events of the selection.
    pub(super) fn may_match(&self, selection: &Selection) -> bool {
        let is_listed = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_none_or(|value| list.iter().any(|wanted| wanted == value))
        };
        let day = self.delivered.and_then(|minute| {
            let date = i32::try_from(minute / 10_000).ok()?;
            let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
            Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
        });
        let (first, last) = delivery_days(selection);
        is_listed(&selection.accounts, self.account)
            && is_listed(&selection.regions, self.region)
            && day.is_none_or(|day| first.is_none_or(|first| day >= first) && last.is_none_or(|last| day <= last))
    }
}

/// The first and the last day of deliveries that may hold events of a selection.
pub(super) fn delivery_days(selection: &Selection) -> (Option<Date>, Option<Date>) {
    // Days outside the calendar are no bounds.
    let date = |day: i64| jiff::civil::date(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok();
    let first = selection.from_day.and_then(|day| date(day.saturating_sub(EARLIEST_DELIVERY_DAYS)));
    let last = selection.to_day.and_then(|day| date(day.saturating_add(LATEST_DELIVERY_DAYS)));
    (first, last)
}

/// Whether a file is named like a CloudTrail log file, `<account>_CloudTrail[-<kind>]_<region>_YYYYMMDDTHHMM[SS]Z…`, in
/// any folder (CloudTrail User Guide, "CloudTrail log file name format"). Digest files have the name of their
/// trail before the time, and do not match.
pub(super) fn is_log_name(path: &[u8]) -> bool {
    // Windows tools separate the folders in a zip with backslashes.
    let name = path.rsplit(|byte| b"/\\".contains(byte)).next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let mut parts = name.split('_');
    let mut next = || parts.next().unwrap_or_default();
    let (account, service, region, time) = (next(), next(), next(), next());
    let kind = service.strip_prefix("CloudTrail");
    let is_kind = |kind: &str| kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let minute = time.split_once('Z').map_or("", |(minute, _)| minute);
    let is_time = minute.split_once('T').is_some_and(|(date, time)| {
        date.len() == 8 && is_digits(date) && matches!(time.len(), 4 | 6) && is_digits(time)
    });
    account.len() == 12
        && is_digits(account)
        && kind.is_some_and(|kind| kind.is_empty() || kind.strip_prefix('-').is_some_and(is_kind))
        && !region.is_empty()
        && region.bytes().all(is_region)
        && is_time
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `YYYYMMDDHHMM` of the `_YYYYMMDDTHHMMZ` in a file name.
fn delivery_minute(name: &OsStr) -> Option<u64> {
    name.as_bytes().windows(15).find_map(|window| {
        let [b'_', date @ .., b'Z'] = window else {
            return None;
        };
        let digits = [&date[..8], &date[9..]].concat();
        let text = std::str::from_utf8(&digits).ok().filter(|text| is_digits(text) && date[8] == b'T')?;
        text.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "111122223333_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz";

    #[track_caller]
    fn check(path: &str, account: Option<&str>, region: Option<&str>, delivered: Option<u64>) {
        assert_eq!(ObjectKey::of(Path::new(path)), ObjectKey { account, region, delivered }, "{path}");
    }

    #[test]
    fn keys_of_every_layout() {
        let minute = Some(201_508_010_210);
        let account = Some("111122223333");
        let region = Some("us-east-2");
        check(&format!("/b/AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}"), account, region, minute);
        check(
            &format!("/b/p/q/AWSLogs/o-abcdefghij/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}"),
            account,
            region,
            minute,
        );
        check(
            &format!("/b/AWSLogs/111122223333/CloudTrail-Insight/us-east-2/2015/08/01/{NAME}"),
            account,
            region,
            minute,
        );
        check(&format!("/somewhere/{NAME}"), None, None, minute);
        check("/b/AWSLogs/111122223333/Config/us-east-2/2015/8/1/x_20150801T02Z.json.gz", None, None, None);
        check("/x_20140620T1255ZHdkvFTXOA3Vnhbc.json.gz", None, None, Some(201_406_201_255));
    }

    #[test]
    fn names_of_log_files_are_recognised_in_any_folder() {
        for name in [
            NAME,
            "AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/111122223333_CloudTrail_us-east-2_20150801T0210Z_x.json.gz",
            "logs\\111122223333_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json",
            "111122223333_CloudTrail-Insight_us-gov-west-1_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz",
            "111122223333_CloudTrail-NetworkActivity_us-east-2_20150801T021000Z_Mu0KsOhtH1ar15ZZ",
            "111122223333_CloudTrail_us-east-2_20150801T0210Z.json.gz.1",
        ] {
            assert!(is_log_name(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "logs.json.gz",
            "1111_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz",
            "111122223333_Config_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz",
            "111122223333_CloudTrails_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz",
            "111122223333_CloudTrail-Digest_us-east-2_mytrail_us-east-2_20150801T020000Z.json.gz",
            "111122223333_CloudTrail_us-east-2_2015-08-01.json.gz",
            "111122223333_vpcflowlogs_us-east-2_fl-1_20150801T0210Z_x.log.gz",
            "111122223333_CloudTrail_us-east-2_20150801T0210Z_x.json.gz/other.json",
        ] {
            assert!(!is_log_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn selectors_never_skip_what_they_may_want() {
        let path = format!("/AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}");
        let key = ObjectKey::of(Path::new(&path));
        let day = 16_648; // 2015-08-01
        let with = |from_day, to_day| Selection { from_day, to_day, ..Selection::default() };
        assert!(key.may_match(&with(Some(day), None)));
        // It may hold events of just after midnight.
        assert!(key.may_match(&with(Some(day + 1), None)));
        assert!(!key.may_match(&with(Some(day + 2), None)));
        assert!(key.may_match(&with(None, Some(day - 31))));
        assert!(!key.may_match(&with(None, Some(day - 32))));
        assert!(key.may_match(&with(Some(i64::MIN), Some(i64::MAX))));
        assert!(!key.may_match(&Selection { accounts: vec!["9".into()], ..Selection::default() }));
        assert!(
            ObjectKey::of(Path::new("/x.json"))
                .may_match(&Selection { accounts: vec!["9".into()], ..Selection::default() })
        );
    }
}
