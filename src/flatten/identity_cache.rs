//! A cache of objects that repeat byte for byte, such as the identity of a caller or the TLS details of a service.
//!
//! In: the text of an object of the event that is flattened itself. Out: its number, under which the columns keep what
//! they got from it.
//! Never: knows an object that its columns do not give back.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::fields::Cell;
use crate::columns::table::{KnownCell, TableBuilder};

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
    /// Hashes of starts that have come before.
    seen: HashTable<u64>,
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

/// An object that is not known.
pub(super) struct CacheMiss {
    hash: u64,
    /// Whether another object began in the same way: those that come once are not worth being known.
    pub(super) has_come_before: bool,
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
            self.seen.clear();
            self.texts.clear();
            self.unmapped.clear();
            self.dictionaries = table.dictionaries();
        }
    }

    /// The object that the text begins with, if it is known.
    pub(super) fn find(&mut self, object: usize, text: &str) -> Result<CacheHit, CacheMiss> {
        let Self { objects, by_start, seen, hasher, texts, .. } = self;
        let hash = hasher.hash_one((object, start_of(text)));
        let number = by_start.find(hash, |number| {
            let known = &objects[*number as usize];
            known.object == object && text.as_bytes().starts_with(&texts.as_bytes()[known.text.0..known.text.1])
        });
        if let Some(number) = number {
            let known = &objects[*number as usize];
            return Ok(CacheHit { number: *number, bytes: known.text.1 - known.text.0 });
        }
        let seen = seen.entry(hash, |start| *start == hash, |start| *start);
        let has_come_before = matches!(seen, Entry::Occupied(_));
        seen.or_insert(hash);
        Err(CacheMiss { hash, has_come_before })
    }

    /// Learns an object that was read: its text, its cells, its members of `unmapped`. `None` when it is not kept.
    pub(super) fn learn(
        &mut self,
        miss: &CacheMiss,
        object: usize,
        text: &str,
        cells: &[(usize, Cell<'_>)],
        unmapped: &str,
        table: &mut TableBuilder,
    ) -> Option<u32> {
        let Self { objects, by_start, hasher, texts, .. } = self;
        if by_start.iter_hash(miss.hash).count() == MOST_ALIKE {
            return None;
        }
        let number = u32::try_from(objects.len()).ok()?;
        let (text_before, unmapped_before) = (texts.len(), self.unmapped.len());
        texts.push_str(text);
        self.unmapped.push_str(unmapped);
        // Columns may keep something under its number, also when others could not: no other object gets that number.
        objects.push(CachedObject {
            object,
            text: (text_before, texts.len()),
            unmapped: (unmapped_before, self.unmapped.len()),
        });
        let is_kept = cells.iter().all(|(column, cell)| {
            let known = match cell {
                Cell::Text(text) | Cell::Json(text) => KnownCell::Text(text),
                Cell::Boolean(truth) => KnownCell::Boolean(*truth),
                Cell::Timestamp(epoch_ms) => KnownCell::Timestamp(*epoch_ms),
                Cell::Resources(_) | Cell::PlainResources => return false,
            };
            table.remember(object, number, *column, &known)
        });
        if !is_kept {
            return None;
        }
        let hash_of = |number: &u32| {
            let known = &objects[*number as usize];
            hasher.hash_one((known.object, start_of(&texts[known.text.0..known.text.1])))
        };
        by_start.insert_unique(miss.hash, number, hash_of);
        Some(number)
    }

    /// The members of `unmapped` that a known object has.
    pub(super) fn unmapped(&self, number: u32) -> &str {
        let (start, end) = self.objects[number as usize].unmapped;
        &self.unmapped[start..end]
    }
}
