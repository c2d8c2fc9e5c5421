//! The command that a user can paste after a conversion.
//!
//! In: a lake and a question. Out: a line for a POSIX shell that runs `DuckDB`. Never: a path that the shell, SQL or a glob
//! interprets; a character that a terminal would act upon.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use trailmill::config::Config;
use trailmill::schema::Table;
use trailmill::shell::{is_printable, word};

/// The command that counts a table's rows by `columns`, sorted by the first; `None` where `DuckDB` cannot address the lake.
pub(super) fn command(config: &Config, table: Table, columns: &str) -> Option<String> {
    let select = |lake: &str| {
        let files = literal(&format!("{lake}{table}/**/*.parquet"));
        format!("select {columns}, count(*) from {files} group by 1 order by 1")
    };
    let lake = &config.lake;
    if let Some(place) = lake.to_str().and_then(key) {
        let lake = format!("s3://{}/", pattern(place.trim_end_matches('/')));
        // A URL has its parameters after a question mark, and a backslash is always an escape.
        let is_nameable =
            !place.contains(['?', '\\']) && !place.split('/').any(|segment| is_partition_of(segment, columns));
        return is_nameable.then(|| duckdb(&format!("{}; {}", secret(config), select(&lake))));
    }
    match lake.to_str() {
        Some(text) if is_taken_for_a_path(text) => Some(duckdb(&select(&format!("{}/", text.trim_end_matches('/'))))),
        // `cd` handles names that DuckDB would interpret.
        _ => Some(format!("(cd {} && {})", folder(lake), duckdb(&select("")))),
    }
}

/// What follows `s3://` in a URL.
fn key(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    ["s3", "s3a"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)
}

/// Whether `DuckDB` takes a path literally: not as the home folder (after `./`, too), a URL, a glob, which
/// lists the parent folder, or the folder of a partition, whose value replaces a column.
fn is_taken_for_a_path(path: &str) -> bool {
    let first = path.split('/').find(|segment| *segment != ".").unwrap_or_default();
    !first.starts_with('~') && !first.contains(':') && !path.contains(['\\', '*', '?', '[', '='])
}

/// Whether a folder looks like a partition by one of the queried columns.
fn is_partition_of(segment: &str, columns: &str) -> bool {
    let name = segment.split_once('=').map(|(name, _)| name.to_ascii_lowercase());
    name.is_some_and(|name| columns.split(|it: char| it != '_' && !it.is_alphanumeric()).any(|column| column == name))
}

/// A path as a folder for `cd`. The slash at its end protects a line break before it.
fn folder(path: &Path) -> String {
    let is_absolute = path.is_absolute();
    // Otherwise `cd` may take it for a flag, or look for it in CDPATH.
    let here: &[u8] = if is_absolute { b"" } else { b"./" };
    word(&[here, path.as_os_str().as_bytes(), b"/"].concat())
}

/// A path as a part of a glob that matches only this path.
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

/// The statement that lets `DuckDB` read from the bucket as the conversion did.
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

/// A statement, passed to `DuckDB`.
fn duckdb(statement: &str) -> String {
    // Single quotes, which SQL has anyway, stay readable where nothing else is special; `!` is special in shells with a history.
    let is_special = |character: char| "\"$`\\!".contains(character) || !is_printable(character);
    let quoted = if statement.contains(is_special) { word(statement.as_bytes()) } else { format!("\"{statement}\"") };
    format!("duckdb -c {quoted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The argument of `duckdb` when a shell runs the command.
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
    fn lakes_in_buckets_come_with_a_secret() {
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
        // It would use the path's value for the column, and a URL cannot be escaped in the middle.
        assert_eq!(pasted("s3://bucket/Event_Source=x/lake", |_| ()), None);
        assert!(pasted("s3://bucket/source=x/lake", |_| ()).is_some());
    }

    #[test]
    fn other_stores_and_options_are_in_the_secret() {
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
            // Empty variables are ignored.
            for (name, value) in [("AWS_ENDPOINT_URL_S3", ""), ("AWS_ENDPOINT_URL", "https://store")] {
                config.store.environment.insert(name.to_owned(), value.to_owned());
            }
        });
        assert_eq!(said, "create secret (type s3, endpoint 'store', url_style 'path', requester_pays true");
    }
}
