//! The command that a person may paste when a conversion is done.
//!
//! In: a lake and a question. Out: a line for a POSIX shell that asks `DuckDB`. Never: a path that the shell, SQL or a glob
//! takes for something else; a character that a terminal would act upon.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use trailmill::config::Config;
use trailmill::schema::Table;
use trailmill::shell::{is_printable, word};

/// The command that counts what a table has by `columns`, the first of them; `None` where `DuckDB` cannot name the lake.
pub(super) fn command(config: &Config, table: Table, columns: &str) -> Option<String> {
    let select = |lake: &str| {
        let files = literal(&format!("{lake}{table}/**/*.parquet"));
        format!("select {columns}, count(*) from {files} group by 1 order by 1")
    };
    let lake = &config.lake;
    if let Some(place) = lake.to_str().and_then(key) {
        let lake = format!("s3://{}/", pattern(place.trim_end_matches('/')));
        // A URL has its parameters behind a question mark, and a backslash is an escape wherever it stands.
        let is_nameable =
            !place.contains(['?', '\\']) && !place.split('/').any(|segment| is_partition_of(segment, columns));
        return is_nameable.then(|| duckdb(&format!("{}; {}", secret(config), select(&lake))));
    }
    match lake.to_str() {
        Some(text) if is_taken_for_a_path(text) => Some(duckdb(&select(&format!("{}/", text.trim_end_matches('/'))))),
        // The shell goes where DuckDB cannot be sent.
        _ => Some(format!("(cd {} && {})", folder(lake), duckdb(&select("")))),
    }
}

/// What follows `s3://` in a URL.
fn key(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    ["s3", "s3a"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)
}

/// Whether `DuckDB` takes a path for nothing but a path: not for the home folder (with `./` before it, too), a URL, a glob, which
/// lists the folder above, or the folder of a partition, whose value it puts in the place of a column.
fn is_taken_for_a_path(path: &str) -> bool {
    let first = path.split('/').find(|segment| *segment != ".").unwrap_or_default();
    !first.starts_with('~') && !first.contains(':') && !path.contains(['\\', '*', '?', '[', '='])
}

/// Whether a folder looks like a partition by a column that is asked for.
fn is_partition_of(segment: &str, columns: &str) -> bool {
    let name = segment.split_once('=').map(|(name, _)| name.to_ascii_lowercase());
    name.is_some_and(|name| columns.split(|it: char| it != '_' && !it.is_alphanumeric()).any(|column| column == name))
}

/// A path as a folder for `cd`. The slash at its end keeps a line break before it.
fn folder(path: &Path) -> String {
    let is_absolute = path.is_absolute();
    // Else `cd` may take it for a flag, or look for it in CDPATH.
    let here: &[u8] = if is_absolute { b"" } else { b"./" };
    word(&[here, path.as_os_str().as_bytes(), b"/"].concat())
}

/// A path as a part of a glob that matches this path alone.
fn pattern(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut pattern, character| {
        if matches!(character, '*' | '?' | '[') {
            pattern.extend(['[', character, ']']);
        } else {
            pattern.push(character);
        }
        pattern
    })
}

/// Text as an SQL literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What lets `DuckDB` read from the bucket as the conversion did.
fn secret(config: &Config) -> String {
    let store = &config.store;
    let mut said = vec!["type s3".to_owned()];
    if !store.is_anonymous {
        said.push("provider credential_chain".to_owned());
    }
    if let Some(region) = &store.region {
        said.push(format!("region {}", literal(region)));
    }
    let endpoint = store.named_endpoint();
    if let Some((_, endpoint)) = endpoint {
        let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        said.push(format!("endpoint {}", literal(host.trim_end_matches('/'))));
        if scheme.eq_ignore_ascii_case("http") {
            said.push("use_ssl false".to_owned());
        }
    }
    if store.uses_path_style || endpoint.is_some() {
        said.push("url_style 'path'".to_owned());
    }
    if store.requester_pays {
        said.push("requester_pays true".to_owned());
    }
    format!("create secret ({})", said.join(", "))
}

/// A statement, handed to `DuckDB`.
fn duckdb(statement: &str) -> String {
    // Single quotes, which SQL has anyway, are left readable where nothing else is special; `!` is so to shells with a history.
    let is_special = |character: char| "\"$`\\!".contains(character) || !is_printable(character);
    let quoted = if statement.contains(is_special) { word(statement.as_bytes()) } else { format!("\"{statement}\"") };
    format!("duckdb -c {quoted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `duckdb` gets when a shell runs the command.
    fn pasted(lake: &str, change: impl FnOnce(&mut Config)) -> Option<String> {
        let mut config = Config::new(Vec::new(), lake.into());
        change(&mut config);
        let line = command(&config, Table::Events, "event_source")?;
        let script = format!("duckdb() {{ printf '%s' \"$2\"; }}; {line}");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{line}");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn lakes_in_buckets_come_with_what_opens_them() {
        let select = |files: &str| format!("select event_source, count(*) from '{files}' group by 1 order by 1");
        let secret = "create secret (type s3, provider credential_chain); ";
        for (lake, files) in [
            ("s3://bucket/lake", "s3://bucket/lake/events/**/*.parquet"),
            ("S3a://bucket", "s3://bucket/events/**/*.parquet"),
            ("s3://bucket/it's [a] $HOME*/", "s3://bucket/it''s [[]a] $HOME[*]/events/**/*.parquet"),
            ("s3://bucket/a\u{1b}`id`", "s3://bucket/a\u{1b}`id`/events/**/*.parquet"),
        ] {
            assert_eq!(pasted(lake, |_| ()), Some(secret.to_owned() + &select(files)), "{lake}");
        }
        // DuckDB takes what follows the first for parameters, and the second for an escape.
        assert_eq!(pasted("s3://bucket/a?b", |_| ()), None);
        assert_eq!(pasted("s3://bucket/a\\b", |_| ()), None);
        // It would take the path's word for the column, and nothing is told it in the middle of a URL.
        assert_eq!(pasted("s3://bucket/Event_Source=x/lake", |_| ()), None);
        assert!(pasted("s3://bucket/source=x/lake", |_| ()).is_some());
    }

    #[test]
    fn other_stores_and_ways_to_them_are_said() {
        let begin = |change: fn(&mut Config)| {
            let said = pasted("s3://bucket/lake", change).unwrap();
            said.split_once("); ").unwrap().0.to_owned()
        };
        let said = begin(|config| {
            config.store.endpoint = Some("http://localhost:9000/".to_owned());
            config.store.region = Some("eu'1".to_owned());
        });
        let place = "endpoint 'localhost:9000', use_ssl false, url_style 'path'";
        assert_eq!(said, format!("create secret (type s3, provider credential_chain, region 'eu''1', {place}"));
        let said = begin(|config| {
            config.store.is_anonymous = true;
            config.store.requester_pays = true;
            // A variable that is empty says nothing.
            for (name, value) in [("AWS_ENDPOINT_URL_S3", ""), ("AWS_ENDPOINT_URL", "https://store")] {
                config.store.environment.insert(name.to_owned(), value.to_owned());
            }
        });
        assert_eq!(said, "create secret (type s3, endpoint 'store', url_style 'path', requester_pays true");
    }
}
