//! Rows to partitions.
//!
//! In: the partition columns asked for and the fields of an event. Out: the event's partition, as the folder path
//! that Hive-style readers expect, and batches grouped by partition. Never: lets text from an archive choose a path:
//! whatever could is percent-encoded.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use crate::flatten::timestamp;
use crate::model::PartitionColumn;

/// Value of a partition column when the event has none; every engine knows it (Hive).
pub(crate) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// What decides an event's partition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PartitionFields<'t> {
    pub(crate) event_time_ms: Option<i64>,
    pub(crate) account: Option<&'t str>,
    pub(crate) region: Option<&'t str>,
    pub(crate) event_source: Option<&'t str>,
}

/// A partition: its path below the table, such as `event_date=2018-04-19`.
pub(crate) type PartitionPath = Arc<str>;

/// Numbers the partitions of one batch in order of appearance.
#[derive(Debug)]
pub(crate) struct PartitionIndex {
    columns: Vec<PartitionColumn>,
    paths: Vec<PartitionPath>,
    known: HashMap<PartitionPath, u32>,
    /// Nearly every event falls on the day of the one before it.
    last_day: Option<(Option<i64>, u32)>,
    path: String,
}

impl PartitionIndex {
    pub(crate) fn new(columns: &[PartitionColumn]) -> Self {
        Self {
            columns: columns.to_vec(),
            paths: Vec::new(),
            known: HashMap::new(),
            last_day: None,
            path: String::new(),
        }
    }

    /// The number of the partition that an event belongs to.
    pub(crate) fn number_of(&mut self, fields: PartitionFields<'_>) -> u32 {
        let day = fields.event_time_ms.map(timestamp::epoch_day);
        let is_by_day = self.columns == [PartitionColumn::EventDate];
        if let Some((last_day, number)) = self.last_day
            && is_by_day
            && last_day == day
        {
            return number;
        }
        self.path.clear();
        for column in &self.columns {
            write_segment(&mut self.path, *column, fields, day);
        }
        let number = if let Some(number) = self.known.get(self.path.as_str()) {
            *number
        } else {
            let number = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
            let path: PartitionPath = Arc::from(self.path.as_str());
            self.paths.push(Arc::clone(&path));
            self.known.insert(path, number);
            number
        };
        self.last_day = is_by_day.then_some((day, number));
        number
    }

    /// Whether the path does not give this value back.
    pub(crate) fn hides(&self, column: PartitionColumn, value: &str) -> bool {
        self.columns.contains(&column) && is_hidden(value)
    }

    /// Partitions so far.
    pub(crate) const fn len(&self) -> usize {
        self.paths.len()
    }

    /// The partitions by number; the index is empty again.
    pub(crate) fn take_paths(&mut self) -> Vec<PartitionPath> {
        self.known.clear();
        self.last_day = None;
        std::mem::take(&mut self.paths)
    }
}

fn write_segment(path: &mut String, column: PartitionColumn, fields: PartitionFields<'_>, day: Option<i64>) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(column.as_str());
    path.push('=');
    let text = match column {
        PartitionColumn::Account => fields.account,
        PartitionColumn::Region => fields.region,
        PartitionColumn::EventSource => fields.event_source,
        PartitionColumn::EventDate | PartitionColumn::EventMonth => {
            // Writing to a String cannot fail.
            let _ = match day.map(timestamp::civil_from_days) {
                Some((year, month, date)) if column == PartitionColumn::EventDate => {
                    write!(path, "{year:04}-{month:02}-{date:02}")
                }
                Some((year, month, _)) => write!(path, "{year:04}-{month:02}"),
                None => path.write_str(NULL_PARTITION),
            };
            return;
        }
    };
    match text {
        Some(text) if !text.is_empty() => encode(path, text),
        _ => path.push_str(NULL_PARTITION),
    }
}

/// Whether a folder's name does not give a value back: it is empty, too long, or what stands for none.
pub(crate) fn is_hidden(value: &str) -> bool {
    value.is_empty() || value.len() * 3 > LONGEST_VALUE || value == NULL_PARTITION
}

/// A value as the name of a partition's folder has it.
pub(crate) fn folder_value(value: &str) -> String {
    let mut name = String::from("=");
    if value.is_empty() {
        name.push_str(NULL_PARTITION);
    } else {
        encode(&mut name, value);
    }
    name.split_off(1)
}

/// The value that the name of a partition's folder has, if it has any; whether it [is hidden](is_hidden) is for others to
/// say.
pub(crate) fn value_of_folder(name: &str) -> Option<String> {
    if name == NULL_PARTITION {
        return None;
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    // A value may have been cut within a character.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a path says of a partition column; `None` when its rows have no value, or an empty one.
pub(crate) fn value_in_path(path: &Path, column: PartitionColumn) -> Option<String> {
    let segments = path.iter().filter_map(|segment| segment.to_str()?.split_once('='));
    let value = segments.filter(|(name, _)| *name == column.as_str()).map(|(_, value)| value).next_back();
    value.and_then(value_of_folder)
}

/// Longest encoded value: file systems stop at 255 bytes a name, and the column's name goes before it.
const LONGEST_VALUE: usize = 200;

/// Percent-encodes everything but letters, digits and a few harmless signs, as Hive does.
fn encode(path: &mut String, text: &str) {
    let limit = path.len() + LONGEST_VALUE;
    for byte in text.bytes() {
        if path.len() + 3 > limit {
            break;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !path.ends_with(['=', '.']))
        {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(columns: &[PartitionColumn], fields: PartitionFields<'_>, expected: &str) {
        let mut index = PartitionIndex::new(columns);
        let number = index.number_of(fields);
        assert_eq!(&*index.take_paths()[number as usize], expected);
    }

    #[test]
    fn paths_are_what_hive_style_readers_expect() {
        let fields = PartitionFields {
            event_time_ms: Some(1_524_155_570_000),
            account: Some("012345678901"),
            region: Some("us-east-1"),
            event_source: Some("s3.amazonaws.com"),
        };
        check(&[PartitionColumn::EventDate], fields, "event_date=2018-04-19");
        check(
            &[PartitionColumn::Region, PartitionColumn::EventMonth, PartitionColumn::Account],
            fields,
            "region=us-east-1/event_month=2018-04/account=012345678901",
        );
        check(&[PartitionColumn::EventSource], fields, "event_source=s3.amazonaws.com");
        let none = PartitionFields::default();
        check(&[PartitionColumn::EventDate], none, "event_date=__HIVE_DEFAULT_PARTITION__");
        check(&[PartitionColumn::Account], none, "account=__HIVE_DEFAULT_PARTITION__");
    }

    #[test]
    fn archive_text_cannot_leave_its_folder() {
        for (text, expected) in [
            ("../../etc", "%2E.%2F.%2E%2Fetc"),
            ("..", "%2E."),
            ("a/b=c%", "a%2Fb%3Dc%25"),
            ("\0\n é", "%00%0A%20%C3%A9"),
        ] {
            let mut path = String::from("region=");
            encode(&mut path, text);
            assert_eq!(path, format!("region={expected}"));
        }
        let mut path = String::from("region=");
        encode(&mut path, &"/".repeat(1_000));
        assert!(path.len() <= "region=".len() + LONGEST_VALUE);
    }

    #[test]
    fn folders_give_their_values_back_or_hide_them() {
        for value in ["us-east-1", "s3.amazonaws.com", "..", "a/b=c%", "%41", "\0\n é", "."] {
            assert!(!is_hidden(value));
            assert_eq!(value_of_folder(&folder_value(value)).as_deref(), Some(value));
        }
        for value in ["", NULL_PARTITION, &"é".repeat(34)] {
            assert!(is_hidden(value), "{value}");
        }
        assert_eq!(value_of_folder(&folder_value("")), None);
    }

    #[test]
    fn paths_give_values_back() {
        for text in ["s3.amazonaws.com", "../../etc", "a/b=c%", "\0\n é", "__HIVE"] {
            let mut path = String::from("/lake/events/event_source=outer/event_source=");
            encode(&mut path, text);
            path.push_str("/part-000001-00000.parquet");
            assert_eq!(value_in_path(Path::new(&path), PartitionColumn::EventSource).as_deref(), Some(text));
        }
        let none = format!("event_source={NULL_PARTITION}/part-000001-00000.parquet");
        assert_eq!(value_in_path(Path::new(&none), PartitionColumn::EventSource), None);
        assert_eq!(value_in_path(Path::new("events/part-000001-00000.parquet"), PartitionColumn::EventSource), None);
        assert_eq!(value_of_folder("%é%4%zz%41").as_deref(), Some("%é%4%zzA"));
    }

    #[test]
    fn one_number_for_one_partition() {
        let mut index = PartitionIndex::new(&[PartitionColumn::EventDate]);
        let day = |day: i64| PartitionFields { event_time_ms: Some(day * 86_400_000 + 5), ..Default::default() };
        let numbers: Vec<_> = [0, 0, 1, 0, -1, 1].map(|at| index.number_of(day(at))).into();
        assert_eq!(numbers, [0, 0, 1, 0, 2, 1]);
        assert_eq!(
            index.take_paths().iter().map(|path| &**path).collect::<Vec<_>>(),
            ["event_date=1970-01-01", "event_date=1970-01-02", "event_date=1969-12-31"]
        );
    }
}
