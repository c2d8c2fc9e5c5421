//! The fast path: an event in the form that CloudTrail writes, read without parsing all of it.
//!
//! In: a cursor at the start of an event. Out: the same fields as from a tape. Never: an answer for what is unusual in
//! any way: white space, escapes in a column, a value of another type, damage. The parser reads those events.
//!
//! JSON columns are proved to be JSON and copied; texts are taken where they stand; an object that is flattened is
//! read, and known from the second time on.

use super::fields::{Cell, EventFields, Resource};
use super::identity_cache::IdentityCache;
use super::routes::{Routes, Target};
use super::timestamp;
use super::usage_records::is_metering;
use crate::columns::table::TableBuilder;
use crate::json::cursor::{Cursor, Token};
use crate::schema::{Kind, column_at};

/// Members without a column that are compared each with each.
const MOST_UNKNOWN: usize = 16;

/// What the fast path reads with and writes into.
pub(crate) struct FastPath<'l> {
    pub(crate) routes: &'l Routes,
    pub(crate) identity_cache: &'l mut IdentityCache,
    pub(crate) table: &'l mut TableBuilder,
    /// Whether the records of metering calls are wanted.
    pub(crate) reads_calls: bool,
}

impl<'t> EventFields<'t> {
    /// Reads an event; `false` when it is one for the parser.
    pub(crate) fn read_fast(&mut self, cursor: Cursor<'t, '_>, fast_path: &mut FastPath<'_>) -> bool {
        self.clear();
        fast_path.identity_cache.evict_stale(fast_path.table);
        self.read_members(cursor, fast_path).is_some()
    }

    fn read_members(&mut self, mut cursor: Cursor<'t, '_>, fast_path: &mut FastPath<'_>) -> Option<()> {
        let route = fast_path.routes.object(Routes::EVENT);
        let mut seen = 0_u64;
        cursor.object(|cursor, name| match route.find(name) {
            Some((position, target)) => {
                mark(&mut seen, position)?;
                match target {
                    Target::Column { index, kind: Kind::Json } if fast_path.reads_calls && is_call(index) => {
                        self.read_call(cursor, index)
                    }
                    Target::Column { index, kind } => self.read_column(cursor, index, kind),
                    Target::Object(object) => self.read_known(cursor, object, fast_path),
                    Target::Alias(_) => None,
                }
            }
            None => self.read_unknown(cursor, route.path, 0, name),
        })?;
        cursor.is_at_end().then_some(())
    }

    fn read_column(&mut self, cursor: &mut Cursor<'t, '_>, index: usize, kind: Kind) -> Option<()> {
        if kind == Kind::Resources && cursor.rest().starts_with('[') {
            self.read_resources(cursor)?;
            self.push(index, Cell::PlainResources);
            return Some(());
        }
        let start = cursor.place();
        let cell = match (kind, cursor.value()?) {
            (_, Token::Word("null")) => return Some(()),
            (Kind::Json, _) => Cell::Json(cursor.since(start)),
            (Kind::Text, Token::String(text)) => Cell::Text(cursor.plain(text)?),
            (Kind::Timestamp, Token::String(text)) => {
                Cell::Timestamp(timestamp::parse_iso(text).filter(|time| time.is_canonical)?.epoch_ms)
            }
            (Kind::Boolean { as_text: false }, Token::Word("true"))
            | (Kind::Boolean { as_text: true }, Token::String("true")) => Cell::Boolean(true),
            (Kind::Boolean { as_text: false }, Token::Word("false"))
            | (Kind::Boolean { as_text: true }, Token::String("false")) => Cell::Boolean(false),
            _ => return None,
        };
        self.push(index, cell);
        Some(())
    }

    /// Reads the request or response of an event, which may be a metering call.
    fn read_call(&mut self, cursor: &mut Cursor<'t, '_>, index: usize) -> Option<()> {
        if !is_metering(self) {
            return self.read_column(cursor, index, Kind::Json);
        }
        let start = cursor.place();
        if self.text(column_at!(Events.event_name)) != Some("BatchMeterUsage") {
            return None;
        }
        if index == column_at!(Events.response_elements) {
            self.call.read_response(cursor)?;
        } else if self.cell(column_at!(Events.response_elements)).is_none() {
            self.call.read_request(cursor)?;
        } else {
            return None;
        }
        match cursor.since(start) {
            "null" => {}
            text => self.push(index, Cell::Json(text)),
        }
        Some(())
    }

    /// Reads an object that is flattened itself, which may be known.
    fn read_known(&mut self, cursor: &mut Cursor<'t, '_>, object: usize, fast_path: &mut FastPath<'_>) -> Option<()> {
        if !cursor.rest().starts_with('{') {
            return self.read_flattened_fast(cursor, object, fast_path.routes);
        }
        let miss = match fast_path.identity_cache.find(object, cursor.rest()) {
            Ok(found) => {
                cursor.skip(found.bytes);
                self.unmapped.extend_inner(fast_path.identity_cache.unmapped(found.number));
                self.known.push((object, found.number));
                return Some(());
            }
            Err(miss) => miss,
        };
        let start = cursor.place();
        let (cells_before, unmapped_before) = (self.cells().len(), self.unmapped.checkpoint());
        self.read_flattened_fast(cursor, object, fast_path.routes)?;
        if miss.has_come_before {
            let (cells, unmapped) = (&self.cells()[cells_before..], self.unmapped.inner_since(unmapped_before));
            let text = cursor.since(start);
            let FastPath { identity_cache, table, .. } = fast_path;
            if let Some(number) = identity_cache.learn(&miss, object, text, cells, unmapped, table) {
                self.truncate(cells_before);
                self.known.push((object, number));
            }
        }
        Some(())
    }

    /// Reads the members of an object that is flattened itself.
    fn read_flattened_fast(&mut self, cursor: &mut Cursor<'t, '_>, object: usize, routes: &Routes) -> Option<()> {
        if cursor.rest().starts_with("null") {
            return cursor.value().map(drop);
        }
        let route = routes.object(object);
        let start = cursor.place();
        let before = (self.cells().len(), self.unmapped.checkpoint());
        let unknown_before = self.unknown_names.len();
        let mut seen = 0_u64;
        cursor.object(|cursor, name| match route.find(name) {
            Some((position, target)) => {
                mark(&mut seen, position)?;
                match target {
                    Target::Column { index, kind } => self.read_column(cursor, index, kind),
                    Target::Object(below) => self.read_flattened_fast(cursor, below, routes),
                    Target::Alias(_) => None,
                }
            }
            None => self.read_unknown(cursor, route.path, unknown_before, name),
        })?;
        self.unknown_names.truncate(unknown_before);
        // What its columns do not show at all is kept as it is.
        if before == (self.cells().len(), self.unmapped.checkpoint()) {
            self.unmapped.add(route.path, cursor.since(start));
        }
        Some(())
    }

    /// Reads a member without a column of the object at `path`, whose other such names begin at `names`.
    fn read_unknown(&mut self, cursor: &mut Cursor<'t, '_>, path: &str, names: usize, name: &'t str) -> Option<()> {
        let name = cursor.plain(name)?;
        if self.unknown_names.len() == MOST_UNKNOWN || self.unknown_names[names..].contains(&name) {
            return None;
        }
        self.unknown_names.push(name);
        let start = cursor.place();
        if cursor.value()? != Token::Word("null") {
            self.unmapped.add_named(path, name, cursor.since(start));
        }
        Some(())
    }

    /// Reads an array of resources that their column gives back whole.
    fn read_resources(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<()> {
        cursor.array(|cursor| {
            self.resources.push(read_resource(cursor)?);
            Some(())
        })
    }
}

/// Marks a member as seen, unless it is.
fn mark(seen: &mut u64, position: usize) -> Option<()> {
    let is_first = *seen & (1 << position) == 0;
    *seen |= 1 << position;
    is_first.then_some(())
}

/// Whether a column is the request or the response of an event.
const fn is_call(column: usize) -> bool {
    column == column_at!(Events.request_parameters) || column == column_at!(Events.response_elements)
}

fn read_resource<'t>(cursor: &mut Cursor<'t, '_>) -> Option<Resource<'t>> {
    let mut resource = Resource::default();
    let mut seen = 0;
    cursor.object(|cursor, name| {
        let (position, place) = match name {
            "ARN" => (0, &mut resource.arn),
            "accountId" => (1, &mut resource.account_id),
            "type" => (2, &mut resource.kind),
            _ => return None,
        };
        mark(&mut seen, position)?;
        match cursor.value()? {
            Token::String(text) => *place = Some(cursor.plain(text)?),
            Token::Word("null") => {}
            _ => return None,
        }
        Some(())
    })?;
    Some(resource)
}
