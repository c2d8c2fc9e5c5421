//! Rows of `events` to events.
//!
//! In: batches of a part. Out: the JSON of each row, one after the other. Never: a member that the event did not have, or
//! two of one name.
//!
//! The columns of an object are adjacent, so an event is written sequentially: a step for each column, and one
//! for either end of an object. Members in `unmapped` are added at the end of their object, and replace columns.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};

use super::columns::{ColumnMembers, RenderedMembers, close, push_json};
use super::merge::{EVENT, Merge, Paths};
use crate::columns::text_values::TextValues;
use crate::schema::{Table, column_at};

/// A step in writing an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathStep {
    /// The member of a column.
    Column(usize),
    /// An object opens.
    Open(usize),
    /// It closes.
    Close(usize),
}

/// The steps that all events share.
#[derive(Debug)]
pub(super) struct EventShape {
    paths: Paths,
    /// `"name":` of each column.
    names: Vec<Vec<u8>>,
    /// `"name":{` of each object.
    openings: Vec<Vec<u8>>,
    steps: Vec<PathStep>,
}

/// `"name":` for the last component of a path.
fn quoted(path: &str) -> String {
    format!("\"{}\":", path.rsplit('.').next().unwrap_or_default())
}

impl EventShape {
    pub(super) fn new() -> Self {
        let names = Table::Events.columns().iter().map(|column| quoted(column.source).into_bytes());
        let mut shape =
            Self { paths: Paths::new(), names: names.collect(), openings: vec![Vec::new()], steps: Vec::new() };
        shape.add_steps("");
        shape
    }

    /// The steps through the object with this path prefix, in the order of the columns, except that `eventVersion`
    /// comes first, as in CloudTrail: programs recognise an event by that.
    fn add_steps(&mut self, start: &'static str) {
        let mut done: Vec<&str> = Vec::new();
        let columns = Table::Events.columns().iter().enumerate();
        let mut columns: Vec<_> = columns.filter(|(_, column)| !column.source.is_empty()).collect();
        columns.sort_by_key(|(_, column)| column.source != "eventVersion");
        for (at, column) in columns {
            let Some(below) = column.source.strip_prefix(start) else { continue };
            let Some((name, _)) = below.split_once('.') else {
                self.steps.push(PathStep::Column(at));
                continue;
            };
            let path = &column.source[..start.len() + name.len()];
            let Some(object) = self.paths.object(path).filter(|_| !done.contains(&name)) else { continue };
            done.push(name);
            self.openings.resize(self.openings.len().max(object + 1), Vec::new());
            self.openings[object] = format!("{}{{", quoted(path)).into_bytes();
            self.steps.push(PathStep::Open(object));
            self.add_steps(&column.source[..=path.len()]);
            self.steps.push(PathStep::Close(object));
        }
    }
}

/// Writes the events of a piece; keeps what several batches share.
pub(super) struct EventWriter {
    shape: Arc<EventShape>,
    ready: Vec<Option<Arc<RenderedMembers>>>,
    merge: Merge,
    /// Where the open objects begin: before their names, and inside.
    opened: Vec<(usize, usize)>,
    /// The member for `event_source` if it comes from the path of the part.
    source: Vec<u8>,
}

/// A batch, prepared to be written row by row.
pub(super) struct EventRows<'b> {
    columns: Vec<Option<ColumnMembers<'b>>>,
    /// Steps for rows without `unmapped`: those that have a value in the batch.
    plain: Vec<PathStep>,
    unmapped: Option<&'b StringArray>,
    event_ids: Option<TextValues<'b>>,
}

impl EventRows<'_> {
    /// The `unmapped` text of a row.
    pub(super) fn unmapped(&self, row: usize) -> Option<&str> {
        self.unmapped.and_then(|texts| texts.is_valid(row).then(|| texts.value(row)))
    }
}

impl EventWriter {
    /// A writer for rows of a part; `source` is the event source in its path.
    pub(super) fn new(shape: Arc<EventShape>, source: Option<&str>) -> Self {
        let member = |source: &str| format!("\"eventSource\":{},", serde_json::Value::from(source)).into_bytes();
        Self {
            ready: shape.names.iter().map(|_| None).collect(),
            shape,
            merge: Merge::default(),
            opened: Vec::new(),
            source: source.map(member).unwrap_or_default(),
        }
    }

    /// Prepares a batch. `None` when a column does not match its declaration.
    pub(super) fn rows<'b>(&mut self, batch: &'b RecordBatch) -> Option<EventRows<'b>> {
        let columns = self.shape.names.iter().map(|_| None).collect();
        let mut rows = EventRows { columns, plain: Vec::new(), unmapped: None, event_ids: None };
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let at = Table::Events.column_index(field.name())?;
            let column = &Table::Events.columns()[at];
            match column.name {
                "unmapped" => rows.unmapped = Some(array.as_string_opt()?),
                "event_id" => rows.event_ids = Some(TextValues::of(array)?),
                _ => {}
            }
            if !column.source.is_empty() && array.null_count() < array.len() {
                rows.columns[at] = Some(ColumnMembers::new(column, array, &self.shape.names[at], &mut self.ready[at])?);
            }
        }
        for step in &self.shape.steps {
            match step {
                PathStep::Column(at) if rows.columns[*at].is_none() => {}
                // An object without a value.
                PathStep::Close(_) if matches!(rows.plain.last(), Some(PathStep::Open(_))) => {
                    rows.plain.pop();
                }
                step => rows.plain.push(*step),
            }
        }
        Some(rows)
    }

    /// Appends the JSON of a row. `None` when its `unmapped` was not written by a conversion.
    pub(super) fn push(&mut self, rows: &EventRows<'_>, row: usize, out: &mut Vec<u8>) -> Option<()> {
        let Self { shape, merge, opened, source, .. } = self;
        out.push(b'{');
        let Some(unmapped) = rows.unmapped(row) else {
            out.extend_from_slice(source);
            EventWalk { shape, rows, row, opened, beside: None }.take(&rows.plain, out);
            close(out, b'{', b'}');
            return Some(());
        };
        let event_id = rows.event_ids.as_ref().and_then(|ids| ids.value(row));
        merge.read(&shape.paths, unmapped, event_id)?;
        if !merge.hides(column_at!(Events.event_source)) {
            out.extend_from_slice(source);
        }
        let mut walk = EventWalk { shape, rows, row, opened, beside: Some((merge, unmapped)) };
        walk.take(&shape.steps, out);
        walk.add_beside(EVENT, out);
        close(out, b'{', b'}');
        Some(())
    }
}

/// The walk through one event.
struct EventWalk<'w, 'b> {
    shape: &'w EventShape,
    rows: &'w EventRows<'b>,
    row: usize,
    opened: &'w mut Vec<(usize, usize)>,
    /// The members in the row's `unmapped`, with its text.
    beside: Option<(&'w Merge, &'w str)>,
}

impl EventWalk<'_, '_> {
    fn take(&mut self, steps: &[PathStep], out: &mut Vec<u8>) {
        for step in steps {
            match *step {
                PathStep::Column(at) => {
                    if let Some(members) = &self.rows.columns[at]
                        && !self.beside.is_some_and(|(merge, _)| merge.hides(at))
                    {
                        members.push(self.row, &self.shape.names[at], out);
                    }
                }
                PathStep::Open(object) => {
                    let before = out.len();
                    out.extend_from_slice(&self.shape.openings[object]);
                    self.opened.push((before, out.len()));
                }
                PathStep::Close(object) => {
                    self.add_beside(object, out);
                    let (before, inside) = self.opened.pop().unwrap_or_default();
                    if out.len() == inside {
                        out.truncate(before);
                    } else {
                        close(out, b'{', b'}');
                        out.push(b',');
                    }
                }
            }
        }
    }

    /// Appends the members of an object that are in `unmapped`.
    fn add_beside(&self, object: usize, out: &mut Vec<u8>) {
        let Some((merge, json)) = self.beside else { return };
        for (name, value) in merge.members(object, json) {
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            push_json(out, value);
            out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_written_once_and_inside_its_object() {
        let shape = EventShape::new();
        let mut columns = Vec::new();
        let mut depth = 0;
        for step in &shape.steps {
            match step {
                PathStep::Column(at) => {
                    assert_eq!(Table::Events.columns()[*at].source.matches('.').count(), depth);
                    columns.push(*at);
                }
                PathStep::Open(_) => depth += 1,
                PathStep::Close(_) => depth -= 1,
            }
        }
        columns.sort_unstable();
        let declared = Table::Events.columns().iter().enumerate().filter(|(_, column)| !column.source.is_empty());
        assert_eq!(columns, declared.map(|(at, _)| at).collect::<Vec<_>>());
        assert_eq!(depth, 0);
    }
}
