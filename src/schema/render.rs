//! The column tables for people and machines.
//!
//! In: the declarations. Out: text, Markdown (the tables of `data/columns.md`) or JSON. Never: a fact that is not declared.

use std::fmt::Write;
use std::str::FromStr;

use serde_json::{Value, json};

use super::{Hint, SCHEMA_VERSION, Table};
use crate::error::Reason;

/// Form of the column tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaFormat {
    /// Aligned columns for a terminal.
    Text,
    /// Markdown tables.
    Markdown,
    /// One JSON object.
    Json,
}

impl FromStr for SchemaFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "markdown" => Ok(Self::Markdown),
            "json" => Ok(Self::Json),
            _ => Err(format!("no format is called {name:?}; there are text, markdown, json")),
        }
    }
}

/// Renders the column tables of the given tables.
#[must_use]
pub fn render(tables: &[Table], format: SchemaFormat) -> String {
    match format {
        SchemaFormat::Text => tables.iter().map(|table| text(*table)).collect::<Vec<_>>().join("\n"),
        SchemaFormat::Markdown => tables.iter().map(|table| markdown(*table)).collect::<Vec<_>>().join("\n"),
        SchemaFormat::Json => {
            let tables: serde_json::Map<_, _> =
                tables.iter().map(|table| (table.name().to_owned(), json_table(*table))).collect();
            format!("{:#}\n", json!({"schema_version": SCHEMA_VERSION, "tables": tables}))
        }
    }
}

fn text(table: Table) -> String {
    let width = |part: fn(&super::Column) -> &str| {
        table.columns().iter().map(|column| part(column).chars().count()).max().unwrap_or_default()
    };
    let (names, types) = (width(|column| column.name), width(|column| column.kind.label()));
    let mut out = format!("{table}: {}\n", table.doc());
    for column in table.columns() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:names$}  {:types$}  {}", column.name, column.kind.label(), column.doc);
    }
    out
}

fn markdown(table: Table) -> String {
    let mut out = format!("#### `{table}`\n\n{}\n\n", table.doc());
    let has_sources = table.columns().iter().any(|column| !column.source.is_empty());
    out.push_str(if has_sources {
        "| column | type | from | |\n|---|---|---|---|\n"
    } else {
        "| column | type | |\n|---|---|---|\n"
    });
    for column in table.columns() {
        let doc = column.doc.replace('|', "\\|");
        let _ = match (has_sources, column.source) {
            (true, "") => writeln!(out, "| `{}` | {} | | {doc} |", column.name, column.kind.label()),
            (true, source) => writeln!(out, "| `{}` | {} | `{source}` | {doc} |", column.name, column.kind.label()),
            (false, _) => writeln!(out, "| `{}` | {} | {doc} |", column.name, column.kind.label()),
        };
    }
    if table == Table::Quarantine {
        out.push_str("\n| reason | |\n|---|---|\n");
        for reason in Reason::ALL {
            let _ = writeln!(out, "| `{reason}` | {} |", reason.doc());
        }
    }
    out
}

fn json_table(table: Table) -> Value {
    let columns: Vec<_> = table
        .columns()
        .iter()
        .map(|column| {
            json!({
                "id": column.id,
                "name": column.name,
                "type": column.kind.label(),
                "source": (!column.source.is_empty()).then_some(column.source),
                "bloom_filter": matches!(column.hint, Hint::Lookup | Hint::LookupRepeats),
                "description": column.doc,
            })
        })
        .collect();
    json!({"description": table.doc(), "columns": columns})
}
