//! A cache of objects that repeat byte for byte, such as the identity of a caller or the TLS details of a service.
//!
//! In: the text of an object of the event that is flattened itself. Out: its number, under which the columns keep what
//! they got from it.
//! Never: knows an object that its columns do not give back.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::fields::{Cell, EventFields};
use super::routes::Routes;
use crate::columns::table::{KnownCell, TableBuilder};
use crate::json::tape::Parser;

/// Text that an object is looked up by. An identity differs from the next one within it, or little later.
const LOOKUP_BYTES: usize = 128;
/// Objects of one start that are known: each of them is compared with.
const MOST_ALIKE: usize = 32;
/// Objects and bytes of their text that are known at a time.
const MOST_OBJECTS: usize = 16_384;
const MOST_BYTES: usize = 8 << 20;

/// Known objects, as long as the dictionaries that their values were coded in.
#[derive(Default)]
pub(crate) struct IdentityCache {
    objects: Vec<CachedObject>,
    by_start: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Text of all objects, one after the other.
    texts: String,
    /// Text for `unmapped` of all objects.
    unmapped: String,
    dictionaries: u64,
}

/// Ranges are in the cache's own texts.
struct CachedObject {
    object: usize,
    text: (usize, usize),
    unmapped: (usize, usize),
}

/// A known object as it was found in a text.
pub(super) struct CacheHit {
    pub(super) number: u32,
    pub(super) bytes: usize,
}

/// The start of a text, as far as it belongs to an object whatever follows it.
fn start_of(text: &str) -> &[u8] {
    let start = &text.as_bytes()[..text.len().min(LOOKUP_BYTES)];
    let end = memchr::memchr(b'}', start).map_or(start.len(), |brace| brace + 1);
    &start[..end]
}

impl IdentityCache {
    /// Forgets everything when the columns have. They do when either of them holds too much.
    pub(crate) fn evict_stale(&mut self, table: &mut TableBuilder) {
        let is_full = self.objects.len() >= MOST_OBJECTS || self.texts.len() + self.unmapped.len() >= MOST_BYTES;
        if is_full || table.is_full() {
            table.close_chunk();
        }
        if self.dictionaries != table.dictionaries() {
            self.objects.clear();
            self.by_start.clear();
            self.texts.clear();
            self.unmapped.clear();
            self.dictionaries = table.dictionaries();
        }
    }

    /// The object that the text begins with, if it is known.
    pub(super) fn find(&self, object: usize, text: &str) -> Option<CacheHit> {
        let hash = self.hasher.hash_one((object, start_of(text)));
        let number = self.by_start.find(hash, |number| {
            let known = &self.objects[*number as usize];
            known.object == object && text.as_bytes().starts_with(&self.texts.as_bytes()[known.text.0..known.text.1])
        });
        let number = *number?;
        let known = &self.objects[number as usize];
        Some(CacheHit { number, bytes: known.text.1 - known.text.0 })
    }

    /// Learns an object; `None` where only the whole event tells what to make of it.
    pub(super) fn learn(
        &mut self,
        routes: &Routes,
        object: usize,
        text: &str,
        parser: &mut Parser,
        table: &mut TableBuilder,
    ) -> Option<u32> {
        let hash = self.hasher.hash_one((object, start_of(text)));
        let is_alike = |number: &&u32| {
            let known = &self.objects[**number as usize];
            known.object == object && start_of(&self.texts[known.text.0..known.text.1]) == start_of(text)
        };
        if self.by_start.iter_hash(hash).filter(is_alike).count() == MOST_ALIKE {
            return None;
        }
        let number = u32::try_from(self.objects.len()).ok()?;
        let (text_before, unmapped_before) = (self.texts.len(), self.unmapped.len());
        let parsed = parser.parse(text, |document| {
            let mut fields = EventFields::new();
            fields.read_flattened(routes, object, document.root(), || text).ok()?;
            let is_kept = fields.cells().iter().all(|(column, cell)| {
                let known = match cell {
                    Cell::Text(text) | Cell::Json(text) => KnownCell::Text(text),
                    Cell::Boolean(truth) => KnownCell::Boolean(*truth),
                    Cell::Timestamp(epoch_ms) => KnownCell::Timestamp(*epoch_ms),
                    Cell::Resources(_) | Cell::PlainResources => return false,
                };
                table.remember(object, number, *column, &known)
            });
            self.unmapped.push_str(fields.unmapped.inner());
            is_kept.then_some(())
        });
        self.texts.push_str(text);
        // Columns may keep something under its number, also when others could not: no other object gets that number.
        self.objects.push(CachedObject {
            object,
            text: (text_before, self.texts.len()),
            unmapped: (unmapped_before, self.unmapped.len()),
        });
        parsed.ok()??;
        let Self { objects, by_start, hasher, texts, .. } = self;
        let hash_of = |number: &u32| {
            let known = &objects[*number as usize];
            hasher.hash_one((known.object, start_of(&texts[known.text.0..known.text.1])))
        };
        by_start.insert_unique(hash, number, hash_of);
        Some(number)
    }

    /// The members of `unmapped` that a known object has.
    pub(super) fn unmapped(&self, number: u32) -> &str {
        let (start, end) = self.objects[number as usize].unmapped;
        &self.unmapped[start..end]
    }
}
