//! Expected rows against the rows found: which are missing, which are too many, and in which columns they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, Value};

/// Differences that are printed in full; the rest is only counted.
const SHOWN: usize = 5;

/// Values longer than this are cut in the message.
const SHOWN_CHARS: usize = 300;

/// Compares two multisets of rows, in any order. The message pairs rows of the same archive, event and
/// record, and shows the columns in which they differ.
pub fn compare_rows(expected: &[Row], actual: &[Row]) -> Result<(), String> {
    let (missing, extra) = (without(expected, actual), without(actual, expected));
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "{} rows expected, {} found; {} expected rows were not found, {} rows were found that are not expected\n",
        expected.len(),
        actual.len(),
        missing.len(),
        extra.len()
    );
    let differences = pairs(missing, extra);
    for (key, expected, actual) in differences.iter().take(SHOWN) {
        message.push_str(&format!("\n{}\n", key.describe()));
        match (expected, actual) {
            (Some(expected), Some(actual)) => message.push_str(&columns_that_differ(expected, actual)),
            (Some(row), None) => message.push_str(&format!("  missing: {}\n", shown(&format!("{row:?}")))),
            (None, Some(row)) => message.push_str(&format!("  not expected: {}\n", shown(&format!("{row:?}")))),
            (None, None) => unreachable!("every difference has a row"),
        }
    }
    if differences.len() > SHOWN {
        message.push_str(&format!("\n… and {} more\n", differences.len() - SHOWN));
    }
    Err(message)
}

/// Number of rows and sum of quantities (in millionths) of each outcome in `usage_records`.
pub fn expected_outcome_totals(rows: &[Row]) -> BTreeMap<String, (u64, i128)> {
    let mut totals = BTreeMap::new();
    for row in rows {
        let outcome = row.get("outcome").and_then(Value::as_text).unwrap_or("(null)");
        let (count, sum): &mut (u64, i128) = totals.entry(outcome.to_owned()).or_default();
        *count += 1;
        if let Some(Value::Decimal(millionths)) = row.get("quantity") {
            *sum += millionths;
        }
    }
    totals
}

/// What identifies a row to a reader; several rows may share it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key([Option<Value>; 3]);

impl Key {
    const COLUMNS: [&str; 3] = ["archive", "event_index", "record_index"];

    fn of(row: &Row) -> Self {
        Self(Self::COLUMNS.map(|column| row.get(column).cloned()))
    }

    fn describe(&self) -> String {
        let parts = Self::COLUMNS.iter().zip(&self.0);
        let parts = parts.filter_map(|(column, value)| value.as_ref().map(|value| format!("{column} {value:?}")));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Rows that are in `rows` more often than in `others`, in order of their keys.
fn without(rows: &[Row], others: &[Row]) -> Vec<Row> {
    let mut balance: BTreeMap<&Row, usize> = BTreeMap::new();
    for row in others {
        *balance.entry(row).or_default() += 1;
    }
    let mut left: Vec<Row> = Vec::new();
    for row in rows {
        match balance.get_mut(row) {
            Some(count) if *count > 0 => *count -= 1,
            _ => left.push(row.clone()),
        }
    }
    left.sort_by_cached_key(|row| (Key::of(row), row.clone()));
    left
}

/// Puts a missing row and an unexpected one of the same key side by side.
fn pairs(missing: Vec<Row>, extra: Vec<Row>) -> Vec<(Key, Option<Row>, Option<Row>)> {
    let mut sides: BTreeMap<Key, (Vec<Row>, Vec<Row>)> = BTreeMap::new();
    for row in missing {
        sides.entry(Key::of(&row)).or_default().0.push(row);
    }
    for row in extra {
        sides.entry(Key::of(&row)).or_default().1.push(row);
    }
    let mut pairs = Vec::new();
    for (key, (missing, extra)) in sides {
        let (mut missing, mut extra) = (missing.into_iter(), extra.into_iter());
        loop {
            match (missing.next(), extra.next()) {
                (None, None) => break,
                (expected, actual) => pairs.push((key.clone(), expected, actual)),
            }
        }
    }
    pairs
}

fn columns_that_differ(expected: &Row, actual: &Row) -> String {
    let columns: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let mut message = String::new();
    for column in columns {
        let (expected, actual) = (expected.get(column), actual.get(column));
        if expected != actual {
            let cell = |value: Option<&Value>| value.map_or("null".to_owned(), |value| shown(&format!("{value:?}")));
            message.push_str(&format!("  {column}\n    expected {}\n    found    {}\n", cell(expected), cell(actual)));
        }
    }
    message
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: i64, name: &str) -> Row {
        Row::from([
            ("archive".to_owned(), Value::Text("a".to_owned())),
            ("event_index".to_owned(), Value::Int(index)),
            ("event_name".to_owned(), Value::Text(name.to_owned())),
        ])
    }

    #[test]
    fn order_does_not_matter_and_doubles_do() {
        assert_eq!(compare_rows(&[row(0, "x"), row(1, "y")], &[row(1, "y"), row(0, "x")]), Ok(()));
        assert_eq!(compare_rows(&[], &[]), Ok(()));
        let message = compare_rows(&[row(0, "x")], &[row(0, "x"), row(0, "x")]).expect_err("one too many");
        assert!(message.starts_with("1 rows expected, 2 found; 0 expected rows were not found, 1 rows"), "{message}");
    }

    #[test]
    fn the_message_shows_the_columns_that_differ() {
        let mut changed = row(1, "z");
        changed.insert("read_only".to_owned(), Value::Bool(true));
        let message = compare_rows(&[row(0, "x"), row(1, "y"), row(2, "w")], &[row(0, "x"), changed, row(3, "v")])
            .expect_err("three differences");
        assert_eq!(
            message,
            "3 rows expected, 3 found; 2 expected rows were not found, 2 rows were found that are not expected\n\
             \narchive \"a\", event_index 1\n  event_name\n    expected \"y\"\n    found    \"z\"\n  read_only\n    \
             expected null\n    found    true\n\
             \narchive \"a\", event_index 2\n  missing: {\"archive\": \"a\", \"event_index\": 2, \"event_name\": \"w\"}\n\
             \narchive \"a\", event_index 3\n  not expected: {\"archive\": \"a\", \"event_index\": 3, \"event_name\": \"v\"}\n"
        );
    }

    #[test]
    fn long_values_and_long_lists_are_cut() {
        let expected: Vec<Row> = (0..8).map(|index| row(index, &"é".repeat(1_000))).collect();
        let message = compare_rows(&expected, &[]).expect_err("all missing");
        assert!(message.contains("… and 3 more"), "{message}");
        assert!(message.len() < 5_000, "{}", message.len());
    }

    #[test]
    fn totals_count_rows_and_add_up_quantities() {
        let row = |outcome: &str, quantity: Option<i128>| {
            let mut row = Row::from([("outcome".to_owned(), Value::Text(outcome.to_owned()))]);
            row.extend(quantity.map(|millionths| ("quantity".to_owned(), Value::Decimal(millionths))));
            row
        };
        let rows = [row("success", Some(5)), row("success", None), row("unknown", Some(-2)), row("success", Some(7))];
        let totals = expected_outcome_totals(&rows);
        assert_eq!(totals, BTreeMap::from([("success".to_owned(), (3, 12)), ("unknown".to_owned(), (1, -2))]));
    }
}
