//! The place of an event in the layout of CloudTrail's keys.
//!
//! In: the rows of a batch. Out: the account, kind, Region and day of each. Never: text of an event in a path, except its
//! letters, digits and dashes.
//!
//! The day is that of the event. CloudTrail uses the day of the delivery, which the lake does not keep.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, TimestampMillisecondArray};

use super::merge::{text_member, value_member};
use crate::columns::text_values::TextValues;
use crate::flatten::timestamp::{self, civil_from_days, epoch_day};

/// Maximum length of an account or Region in a path, in bytes. A longer one is truncated.
const LONGEST_NAME: usize = 64;
/// Account or Region of an event that has none.
const UNKNOWN: &str = "unknown";

/// The common key of the archives of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FolderKey {
    account: Box<str>,
    /// `CloudTrail`, or the name of a related kind.
    kind: &'static str,
    region: Box<str>,
    /// Days since 1970.
    day: i64,
}

impl FolderKey {
    /// The folder, relative to the root of the tree (CloudTrail User Guide, log file locations).
    pub(super) fn folder(&self) -> String {
        let Self { account, kind, region, .. } = self;
        let (year, month, day) = civil_from_days(self.day);
        format!("AWSLogs/{account}/{kind}/{region}/{year:04}/{month:02}/{day:02}")
    }

    /// The name of an archive whose latest event has this time, in milliseconds since 1970. `unique` is sixteen
    /// characters.
    pub(super) fn file_name(&self, latest: i64, unique: &str) -> String {
        let Self { account, kind, region, .. } = self;
        let (year, month, day) = civil_from_days(self.day);
        let minute = latest.div_euclid(60_000).rem_euclid(24 * 60);
        let (hour, minute) = (minute / 60, minute % 60);
        format!("{account}_{kind}_{region}_{year:04}{month:02}{day:02}T{hour:02}{minute:02}Z_{unique}.json.gz")
    }
}

/// The folder of a kind of events (CloudTrail User Guide, log file locations).
fn kind_of(category: Option<&str>) -> &'static str {
    match category {
        Some("Insight") => "CloudTrail-Insight",
        Some("NetworkActivity") => "CloudTrail-NetworkActivity",
        Some("Aggregated") => "CloudTrail-Aggregated",
        _ => "CloudTrail",
    }
}

/// Text of an event as a component of a name.
fn path_safe(text: Option<&str>) -> Box<str> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return UNKNOWN.into() };
    let replaced = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    text.chars().take(LONGEST_NAME).map(replaced).collect::<String>().into()
}

/// Keys of events, numbered in order of first occurrence.
#[derive(Debug, Default)]
pub(super) struct FolderKeys {
    keys: Vec<FolderKey>,
    numbers: HashMap<FolderKey, u32>,
}

impl FolderKeys {
    fn number_of(&mut self, key: FolderKey) -> u32 {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    /// Takes the keys out, by number.
    pub(super) fn take(&mut self) -> Vec<FolderKey> {
        self.numbers.clear();
        std::mem::take(&mut self.keys)
    }
}

/// The columns of a batch that make keys.
pub(super) struct FolderKeyColumns<'b> {
    /// Columns with the account that an event was delivered to; the first value counts, as in AWS's own library.
    accounts: [Option<TextValues<'b>>; 3],
    region: Option<TextValues<'b>>,
    category: Option<TextValues<'b>>,
    time: Option<&'b TimestampMillisecondArray>,
}

impl<'b> FolderKeyColumns<'b> {
    /// Columns without a value may be missing.
    pub(super) fn of(batch: &'b RecordBatch) -> Self {
        let text = |name| TextValues::of(batch.column_by_name(name)?);
        Self {
            accounts: ["recipient_account_id", "user_identity_account_id", "session_issuer_account_id"].map(text),
            region: text("aws_region"),
            category: text("event_category"),
            time: batch.column_by_name("event_time").and_then(|column| column.as_primitive_opt()),
        }
    }

    /// The time of a row's event and the number of its key; `unmapped` is that of the row.
    pub(super) fn key(&self, row: usize, unmapped: Option<&str>, keys: &mut FolderKeys) -> (i64, u32) {
        let time = self.time.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        // Aggregated events have a window instead (CloudTrail User Guide, aggregated events).
        let time = time.or_else(|| window_end(unmapped?)).unwrap_or_default();
        let account = self.accounts.iter().flatten().find_map(|accounts| accounts.value(row));
        let of_its_own = account.is_none().then(|| text_member(unmapped?, "accountId")).flatten();
        let value = |column: &Option<TextValues<'b>>| column.as_ref().and_then(|column| column.value(row));
        let key = FolderKey {
            account: path_safe(account.or(of_its_own.as_deref())),
            kind: kind_of(value(&self.category)),
            region: path_safe(value(&self.region)),
            day: epoch_day(time),
        };
        (time, keys.number_of(key))
    }
}

fn window_end(unmapped: &str) -> Option<i64> {
    let window = value_member(unmapped, "timeWindow")?;
    Some(timestamp::parse_iso(&text_member(window, "windowEnd")?)?.epoch_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_cloudtrail() {
        let key = FolderKey {
            account: path_safe(Some("123456789012")),
            kind: kind_of(Some("Insight")),
            region: path_safe(Some("us-east-1")),
            day: 17_640,
        };
        assert_eq!(key.folder(), "AWSLogs/123456789012/CloudTrail-Insight/us-east-1/2018/04/19");
        assert_eq!(
            key.file_name(1_524_155_570_000, "Mu0KsOhtH1ar15ZZ"),
            "123456789012_CloudTrail-Insight_us-east-1_20180419T1632Z_Mu0KsOhtH1ar15ZZ.json.gz"
        );
    }

    #[test]
    fn text_of_events_cannot_escape_its_folder() {
        for (text, expected) in [
            (None, UNKNOWN),
            (Some(""), UNKNOWN),
            (Some("../../etc"), "------etc"),
            (Some("a_b\0\n/é"), "a-b----"),
            (Some("anonymous"), "anonymous"),
        ] {
            assert_eq!(&*path_safe(text), expected);
        }
        assert_eq!(path_safe(Some(&"x".repeat(10_000))).len(), LONGEST_NAME);
    }
}
