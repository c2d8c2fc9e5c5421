//! One event, read once: which columns it fills and what it has beside them.
//!
//! In: the tape of an event. Out: its cells in source order, its `unmapped` members, and the few fields that decide
//! where its rows go. Never: writes a row, so that an event can still be refused.

use std::collections::HashSet;

use super::fast_call::FastCall;
use super::routes::{Routes, Target};
use super::timestamp::{self, Instant};
use super::unmapped::Unmapped;
use crate::json::tape::{Member, Shape, Value};
use crate::schema::{Kind, Table};

/// A value that fits its column.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'t> {
    Text(&'t str),
    Json(&'t str),
    Boolean(bool),
    Timestamp(i64),
    Resources(Value<'t>),
    /// [`EventFields::resources`].
    PlainResources,
}

/// A resource that an event touched, as its column has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resource<'t> {
    pub(crate) arn: Option<&'t str>,
    pub(crate) account_id: Option<&'t str>,
    pub(crate) kind: Option<&'t str>,
}

impl<'t> Resource<'t> {
    /// Its members in the order of the column.
    pub(super) const fn texts(&self) -> [Option<&'t str>; 3] {
        [self.arn, self.account_id, self.kind]
    }
}

/// Why an event has no unambiguous meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// The member of this path occurs twice.
    DuplicateKey(String),
}

/// Columns of `events` at most.
const MOST_COLUMNS: usize = 96;
const _: () = assert!(Table::Events.columns().len() <= MOST_COLUMNS);

/// The position of what has no cell.
const NO_CELL: u8 = u8::MAX;

/// An event taken apart.
pub(crate) struct EventFields<'t> {
    cells: Vec<(usize, Cell<'t>)>,
    /// Position of each column's cell.
    positions: [u8; MOST_COLUMNS],
    /// The event's own spelling of a column's member, used when the usual one is absent.
    alias: Option<(usize, &'t str)>,
    /// Columns whose usual member is there, with a value that does not fit.
    misfits: Vec<usize>,
    /// What has no column.
    pub(crate) unmapped: Unmapped,
    pub(super) unknown_names: Vec<&'t str>,
    /// Objects that the identity cache knows: their kinds and numbers.
    pub(crate) known: Vec<(usize, u32)>,
    /// Resources of an event that was read without a parse.
    pub(crate) resources: Vec<Resource<'t>>,
    /// The metering call of such an event, if it is one.
    pub(crate) call: FastCall<'t>,
}

/// The UTF-16 units that a name stands for, which may be half of a pair, by its text in the source.
fn code_units(raw: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        let unit = match escaped {
            None => {
                units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
                continue;
            }
            Some('u') => {
                let digits = characters.by_ref().take(4).filter_map(|digit| digit.to_digit(16));
                digits.fold(0, |unit, digit| unit << 4 | digit)
            }
            Some('b') => 8,
            Some('t') => 9,
            Some('n') => 10,
            Some('f') => 12,
            Some('r') => 13,
            Some(itself) => u32::from(itself),
        };
        units.extend(u16::try_from(unit));
    }
    units
}

impl<'t> EventFields<'t> {
    pub(crate) fn new() -> Self {
        Self {
            cells: Vec::with_capacity(64),
            positions: [NO_CELL; MOST_COLUMNS],
            alias: None,
            misfits: Vec::new(),
            unmapped: Unmapped::default(),
            unknown_names: Vec::new(),
            known: Vec::new(),
            resources: Vec::new(),
            call: FastCall::default(),
        }
    }

    /// Makes ready for another event.
    pub(super) fn clear(&mut self) {
        self.truncate(0);
        self.alias = None;
        self.misfits.clear();
        self.unmapped.clear();
        self.unknown_names.clear();
        self.known.clear();
        self.resources.clear();
        self.call.clear();
    }

    pub(super) fn push(&mut self, column: usize, cell: Cell<'t>) {
        self.positions[column] = u8::try_from(self.cells.len()).unwrap_or(NO_CELL);
        self.cells.push((column, cell));
    }

    /// Forgets all cells but the first ones.
    pub(super) fn truncate(&mut self, cells: usize) {
        for (column, _) in self.cells.drain(cells..) {
            self.positions[column] = NO_CELL;
        }
    }

    /// The cells of the event in source order.
    pub(crate) fn cells(&self) -> &[(usize, Cell<'t>)] {
        &self.cells
    }

    /// The cell of one column.
    pub(crate) fn cell(&self, column: usize) -> Option<&Cell<'t>> {
        self.cells.get(usize::from(self.positions[column])).map(|(_, cell)| cell)
    }

    /// The text of one column.
    pub(crate) fn text(&self, column: usize) -> Option<&'t str> {
        match self.cell(column)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The timestamp of one column, in milliseconds since 1970.
    pub(crate) fn timestamp(&self, column: usize) -> Option<i64> {
        match self.cell(column)? {
            Cell::Timestamp(epoch_ms) => Some(*epoch_ms),
            _ => None,
        }
    }

    /// Reads an event, which must be an object.
    pub(crate) fn read(&mut self, routes: &Routes, event: Value<'t>) -> Result<(), FieldError> {
        self.clear();
        self.read_object(routes, Routes::EVENT, event)?;
        let Some((column, text)) = self.alias else { return Ok(()) };
        if self.cell(column).is_none() && !self.misfits.contains(&column) {
            self.push(column, Cell::Text(text));
        } else if self.text(column) == Some(text) {
            // Nothing else would distinguish it from an event that has the other spelling alone.
            let name = Table::Events.columns()[column].source;
            if let Some(member) = event.members().find(|member| member.name() == name) {
                self.unmapped.add(name, member.raw());
            }
        }
        Ok(())
    }

    /// Reads an object of the event that is flattened itself; `raw` tells its text.
    pub(super) fn read_flattened(
        &mut self,
        routes: &Routes,
        object: usize,
        value: Value<'t>,
        raw: impl FnOnce() -> &'t str,
    ) -> Result<(), FieldError> {
        let before = (self.cells.len(), self.unmapped.checkpoint());
        self.read_object(routes, object, value)?;
        // What its columns do not show at all is kept as it is.
        if before == (self.cells.len(), self.unmapped.checkpoint()) {
            self.unmapped.add(routes.object(object).path, raw());
        }
        Ok(())
    }

    fn read_object(&mut self, routes: &Routes, object: usize, value: Value<'t>) -> Result<(), FieldError> {
        let route = routes.object(object);
        let mut seen = 0_u64;
        let unknown_before = self.unknown_names.len();
        let mut odd_names: Vec<Vec<u16>> = Vec::new();
        for member in value.members() {
            let Some((position, target)) = route.find(member.name()) else {
                if member.has_text_name() {
                    self.unknown_names.push(member.name());
                } else {
                    let name = code_units(member.raw_name());
                    if odd_names.contains(&name) {
                        let path = if route.path.is_empty() { String::new() } else { format!("{}.", route.path) };
                        return Err(FieldError::DuplicateKey(path + member.raw_name()));
                    }
                    odd_names.push(name);
                }
                if !member.value().is_null() {
                    self.unmapped.add_member(route.path, member);
                }
                continue;
            };
            if seen & (1 << position) != 0 {
                return Err(FieldError::DuplicateKey(route.member_path(position)));
            }
            seen |= 1 << position;
            if member.value().is_null() {
                continue;
            }
            match target {
                Target::Column { index, kind } => {
                    if !self.read_cell(index, kind, member) {
                        self.unmapped.add(&route.member_path(position), member.raw());
                    }
                }
                Target::Object(below) if member.value().is_object() => {
                    self.read_flattened(routes, below, member.value(), || member.raw())?;
                }
                Target::Object(below) => {
                    self.unmapped.add(routes.object(below).path, member.raw());
                }
                Target::Alias(column) => {
                    self.alias = member.value().text().map(|text| (column, text));
                    self.unmapped.add(&route.member_path(position), member.raw());
                }
            }
        }
        let duplicate = first_duplicate(&self.unknown_names[unknown_before..]);
        self.unknown_names.truncate(unknown_before);
        match duplicate {
            Some(name) if route.path.is_empty() => Err(FieldError::DuplicateKey(name.to_owned())),
            Some(name) => Err(FieldError::DuplicateKey(format!("{}.{name}", route.path))),
            None => Ok(()),
        }
    }

    /// Reads a value that is not null; `false` when it also has to be kept as it is, since its column cannot give it
    /// back.
    fn read_cell(&mut self, index: usize, kind: Kind, member: Member<'t>) -> bool {
        let value = member.value();
        let (cell, is_whole) = match kind {
            Kind::Text => (value.text().map(Cell::Text), true),
            Kind::Json => (Some(Cell::Json(member.raw())), true),
            Kind::Timestamp => match value.text().and_then(timestamp::parse_iso) {
                Some(Instant { epoch_ms, is_canonical }) => (Some(Cell::Timestamp(epoch_ms)), is_canonical),
                None => (None, false),
            },
            Kind::Boolean { as_text } => match value.shape() {
                Shape::Boolean(truth) => (Some(Cell::Boolean(truth)), !as_text),
                Shape::String("true") => (Some(Cell::Boolean(true)), as_text),
                Shape::String("false") => (Some(Cell::Boolean(false)), as_text),
                _ => (None, false),
            },
            Kind::Resources if value.shape() == Shape::Array => {
                (Some(Cell::Resources(value)), value.elements().all(is_plain_resource))
            }
            // Numbers of an event are never flattened into a column of their own.
            Kind::Resources | Kind::Int | Kind::Long | Kind::Quantity | Kind::Allocations | Kind::Binary => {
                (None, false)
            }
        };
        if let Some(cell) = cell {
            self.push(index, cell);
            is_whole
        } else {
            self.misfits.push(index);
            false
        }
    }
}

/// Whether the list column gives this element of `resources` back whole.
fn is_plain_resource(resource: Value<'_>) -> bool {
    let mut seen = [false; 3];
    resource.is_object()
        && resource.members().filter(|member| !member.value().is_null()).all(|member| {
            let position = match member.name() {
                "ARN" => 0,
                "accountId" => 1,
                "type" => 2,
                _ => return false,
            };
            let is_first = !std::mem::replace(&mut seen[position], true);
            is_first && member.value().text().is_some()
        })
}

/// The first name that occurs a second time.
fn first_duplicate<'t>(names: &[&'t str]) -> Option<&'t str> {
    const FEW: usize = 16;
    if names.len() <= FEW {
        return names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| *name);
    }
    let mut seen = HashSet::with_capacity(names.len());
    names.iter().copied().find(|name| !seen.insert(*name))
}
