//! What a Marketplace seller asks of `usage_records`, as SQL views.
//!
//! In: the engine. Out: statements that make one view for each question, and a few that they stand on. Never: reads a
//! lake, or says a thing about bills: CloudTrail knows submissions only.

mod dialect;

mod views;

use super::Engine;
use views::{INTRODUCTION, RECONCILIATION, VIEWS, View};

/// Columns that a comment may take.
const WIDTH: usize = 110;

/// Statements that make the views of the seller's questions, with a comment on each; for an engine without them, a
/// comment that says so. They need `usage_records` and `events` under these names.
pub(crate) fn render(engine: Engine) -> String {
    let mut script = String::new();
    for paragraph in INTRODUCTION {
        comment(&mut script, "", paragraph);
        script.push_str("--\n");
    }
    let statements: Option<String> = VIEWS.iter().map(|view| statement(view, engine)).collect();
    let Some(statements) = statements else {
        return format!("-- The seller's questions are written for Athena, Spark and DuckDB, not for {engine}.\n");
    };
    script.push_str(&statements);
    script.push_str(&reconciliation());
    script
}

fn statement(view: &View, engine: Engine) -> Option<String> {
    let mut statement = String::from("\n");
    match view.question {
        Some(number) => comment(&mut statement, &format!("{number}. "), view.doc),
        None => comment(&mut statement, "", view.doc),
    }
    for caveat in view.caveats {
        comment(&mut statement, "- ", caveat);
    }
    let sql = dialect::translate(view.sql, engine)?;
    for piece in ["CREATE OR REPLACE VIEW ", view.name, " AS\n", sql.trim_end(), ";\n"] {
        statement.push_str(piece);
    }
    Some(statement)
}

/// The query that needs tables of AWS's, which may not be there: a comment, to be copied.
fn reconciliation() -> String {
    let mut text = String::from("\n");
    for paragraph in RECONCILIATION.doc {
        comment(&mut text, "", paragraph);
        text.push_str("--\n");
    }
    for line in RECONCILIATION.sql.lines() {
        text.push_str("--     ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Appends a paragraph as comment lines; `mark` stands before the first one.
fn comment(script: &mut String, mark: &str, paragraph: &str) {
    let mut line = format!("-- {mark}");
    let indent = line.len();
    let mut is_empty = true;
    for word in paragraph.split_whitespace() {
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            script.push_str(&line);
            script.push('\n');
            line = format!("{:indent$}", "--");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    script.push_str(&line);
    script.push('\n');
}

#[cfg(test)]
mod tests;
