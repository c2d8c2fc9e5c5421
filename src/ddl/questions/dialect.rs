//! The few things that engines say differently.
//!
//! In: a question's SQL, with `{{name argument …}}` where engines differ. Out: the SQL of one engine. Never: a difference
//! that is not declared in the table below.

use crate::ddl::Engine;

/// What stands for a placeholder; `$1`, `$2`, … are its arguments, which are names of columns or of JSON members.
struct Placeholder {
    name: &'static str,
    athena: &'static str,
    spark: &'static str,
    duckdb: &'static str,
}

/// A placeholder that only saves writing the same text many times.
const fn everywhere(name: &'static str, text: &'static str) -> Placeholder {
    Placeholder { name, athena: text, spark: text, duckdb: text }
}

/// Times are UTC clock times without a zone from here on, whatever the zone of a session: Athena has them so, and the other
/// two, whose conversions may go through the session's zone, count from 1970. `DuckDB` does for instants and clock times alike.
const PLACEHOLDERS: [Placeholder; 14] = [
    // An instant as UTC clock time.
    Placeholder {
        name: "utc",
        athena: "$1",
        spark: "(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, CAST(unix_millis($1) / 1000BD AS DECIMAL(18, 6))))",
        duckdb: "make_timestamp_ms(epoch_ms($1))",
    },
    // The UTC hour that it lies in.
    Placeholder {
        name: "utc_hour",
        athena: "date_trunc('hour', $1)",
        spark: "(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, CAST(unix_millis($1) DIV 3600000 AS INT)))",
        duckdb: "date_trunc('hour', make_timestamp_ms(epoch_ms($1)))",
    },
    // The first day of the UTC month that it lies in.
    Placeholder {
        name: "utc_month",
        athena: "CAST(date_trunc('month', $1) AS DATE)",
        spark: "trunc(date_from_unix_date(CAST(unix_millis($1) DIV 86400000 AS INT)), 'MM')",
        duckdb: "CAST(date_trunc('month', make_timestamp_ms(epoch_ms($1))) AS DATE)",
    },
    // Whole hours from 1970 to it.
    Placeholder {
        name: "hours_since_1970",
        athena: "date_diff('hour', TIMESTAMP '1970-01-01 00:00:00', $1)",
        spark: "unix_millis($1) DIV 3600000",
        duckdb: "epoch_ms($1) // 3600000",
    },
    // Whole seconds from one instant to another.
    Placeholder {
        name: "seconds_from",
        athena: "date_diff('second', $1, $2)",
        spark: "(unix_millis($2) - unix_millis($1)) DIV 1000",
        duckdb: "(epoch_ms($2) - epoch_ms($1)) // 1000",
    },
    // A text out of JSON, by the path of members to it; null where it is no JSON, at which only DuckDB would fail.
    Placeholder {
        name: "json",
        athena: "json_extract_scalar($1, '$.$2')",
        spark: "get_json_object($1, '$.$2')",
        duckdb: "TRY(json_extract_string($1, '$.$2'))",
    },
    // Elements of a list; null for no list.
    Placeholder { name: "length", athena: "CARDINALITY($1)", spark: "ARRAY_SIZE($1)", duckdb: "LEN($1)" },
    // What a list of allocations adds up to.
    Placeholder {
        name: "allocated",
        athena: "reduce($1, CAST(0 AS DECIMAL(38, 6)), (total, element) -> CAST(total + COALESCE(element.allocated_usage_quantity, 0) AS DECIMAL(38, 6)), total -> total)",
        spark: "aggregate($1, CAST(0 AS DECIMAL(38, 6)), (total, element) -> CAST(total + COALESCE(element.allocated_usage_quantity, 0) AS DECIMAL(38, 6)))",
        duckdb: "CAST(list_sum([element.allocated_usage_quantity FOR element IN $1]) AS DECIMAL(38, 6))",
    },
    // Each element of a list of structs in a row of its own, its members as columns.
    Placeholder {
        name: "each",
        athena: "CROSS JOIN UNNEST($1) AS element ($2, $3)",
        spark: "LATERAL VIEW INLINE($1) element AS $2, $3",
        duckdb: "CROSS JOIN LATERAL (SELECT element.$2, element.$3 FROM (SELECT UNNEST($1) AS element)) AS element",
    },
    // The same, with one row of nulls for no element.
    Placeholder {
        name: "each_or_null",
        athena: "LEFT JOIN UNNEST($1) AS element ($2, $3) ON TRUE",
        spark: "LATERAL VIEW OUTER INLINE($1) element AS $2, $3",
        duckdb: "LEFT JOIN LATERAL (SELECT element.$2, element.$3 FROM (SELECT UNNEST($1) AS element)) AS element ON TRUE",
    },
    // What makes two records one (Metering Service API Reference, `BatchMeterUsage`), as columns of `metering_submissions`.
    everywhere(
        "key",
        "aws_region, agreement, customer, dimension, usage_hour, unread_timestamp, metered_by, client_token, known_only_by, known_only_by_index",
    ),
    // What tells one call from another, as columns of `metering_submissions`: by its place where it has no id.
    everywhere(
        "call",
        "event_id, CASE WHEN event_id IS NULL THEN archive END, CASE WHEN event_id IS NULL THEN event_index END",
    ),
    // The order of submission; whatever comes after the time only makes it the same in every engine.
    everywhere(
        "earliest_first",
        "submitted_at NULLS LAST, event_id NULLS LAST, record_index NULLS LAST, archive, event_index, metering_record_id NULLS LAST",
    ),
    // The same, backwards.
    everywhere(
        "latest_first",
        "submitted_at DESC NULLS LAST, event_id DESC NULLS LAST, record_index DESC NULLS LAST, archive DESC, event_index DESC, metering_record_id DESC NULLS LAST",
    ),
];

/// The SQL of an engine; `None` for an engine that the questions are not written for.
pub(super) fn translate(sql: &str, engine: Engine) -> Option<String> {
    let mut translated = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some((before, placeholder, after)) = next_placeholder(rest) {
        translated.push_str(before);
        let mut words = placeholder.split_whitespace();
        let name = words.next().unwrap_or_default();
        let mut text = match PLACEHOLDERS.iter().find(|known| known.name == name) {
            Some(known) => known.text(engine)?.to_owned(),
            // It stays as it is, for the test of all views to find.
            None => format!("{{{{{placeholder}}}}}"),
        };
        for (at, argument) in words.enumerate() {
            text = text.replace(&format!("${}", at + 1), argument);
        }
        translated.push_str(&text);
        rest = after;
    }
    translated.push_str(rest);
    Some(translated)
}

fn next_placeholder(sql: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = sql.split_once("{{")?;
    let (placeholder, after) = rest.split_once("}}")?;
    Some((before, placeholder, after))
}

impl Placeholder {
    fn text(&self, engine: Engine) -> Option<&'static str> {
        match engine {
            Engine::Athena => Some(self.athena),
            Engine::Spark => Some(self.spark),
            Engine::DuckDb => Some(self.duckdb),
            Engine::ClickHouse => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_take_their_arguments() {
        let translated = |engine| translate("a {{seconds_from x y}} b {{json z p.q}}", engine);
        let athena = "a date_diff('second', x, y) b json_extract_scalar(z, '$.p.q')";
        assert_eq!(translated(Engine::Athena).as_deref(), Some(athena));
        let spark = "a (unix_millis(y) - unix_millis(x)) DIV 1000 b get_json_object(z, '$.p.q')";
        assert_eq!(translated(Engine::Spark).as_deref(), Some(spark));
        assert_eq!(translated(Engine::ClickHouse), None);
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        assert_eq!(translate("a {{utcs b}} c", Engine::DuckDb).as_deref(), Some("a {{utcs b}} c"));
        assert_eq!(translate("a {{", Engine::DuckDb).as_deref(), Some("a {{"));
        assert_eq!(translate("", Engine::DuckDb).as_deref(), Some(""));
    }
}
