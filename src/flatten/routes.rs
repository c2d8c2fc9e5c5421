//! Where each member of an event goes, derived from the column declarations when the program is built.
//!
//! In: [`Table::Events`]'s columns. Out: [`ROUTES`], one [`ObjectRoute`] for every object that is flattened, which finds the
//! target of a member by its name with one multiplication and one comparison. Never: a member name written down a
//! second time.

use crate::schema::{Kind, Table, column_at, is_same};

/// What happens to a member of a flattened object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Its value goes into this column of `events`.
    Column {
        /// Position among the columns.
        index: usize,
        /// Type of the column.
        kind: Kind,
    },
    /// It is an object that is flattened itself.
    Object(usize),
    /// Another spelling of a column's member, used when the usual one is absent.
    Alias(usize),
}

/// The members of one flattened object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectRoute {
    /// Member names joined by points; empty for the event itself.
    pub(crate) path: &'static str,
    /// Name and target of each member, then free places.
    members: [(&'static str, Target); MEMBERS],
    count: u8,
    /// Perfect hash of the names: slot → position in `members`, or [`EMPTY`].
    slots: [u8; SLOTS],
    multiplier: u64,
}

/// Most members of an object: those that were seen are marked in 64 bits.
const MEMBERS: usize = 64;
/// Most objects that are flattened, the event itself among them.
const OBJECTS: usize = 16;
const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Other spellings of members: aggregated events have one for `eventID` (CloudTrail User Guide, aggregated events).
pub(crate) const ALIASES: [(&str, usize); 1] = [("eventId", column_at!(Events.event_id))];

impl ObjectRoute {
    const fn new(path: &'static str) -> Self {
        let members = [("", Target::Object(Routes::EVENT)); MEMBERS];
        Self { path, members, count: 0, slots: [EMPTY; SLOTS], multiplier: 0 }
    }

    /// Position of the member among the route's members, and its target.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, Target)> {
        let position = usize::from(self.slots[slot(key(name), self.multiplier)]);
        let (known, target) = self.members.get(position)?;
        (*known == name).then_some((position, *target))
    }

    /// The path of a member of this object.
    pub(crate) fn member_path(&self, position: usize) -> String {
        let name = self.members.get(position).map_or("", |(name, _)| name);
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    const fn push(&mut self, name: &'static str, target: Target) {
        assert!(
            (self.count as usize) < MEMBERS,
            "an object of `events` has more members than can be marked: see `MEMBERS`"
        );
        self.members[self.count as usize] = (name, target);
        self.count += 1;
    }

    /// The flattened object that is a member of this one.
    const fn object_below(&self, name: &str) -> Option<usize> {
        let mut at = 0;
        while at < self.count as usize {
            if let (known, Target::Object(object)) = self.members[at]
                && is_same(known, name)
            {
                return Some(object);
            }
            at += 1;
        }
        None
    }

    /// Searches for a multiplier under which no two names share a slot.
    const fn hash_names(&mut self) {
        self.check_keys();
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        let mut tries = 0;
        while !self.fill_slots(multiplier) {
            multiplier = multiplier.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tries += 1;
            assert!(tries < 1_000, "no multiplier tells the members of an object of `events` apart: raise `SLOTS`");
        }
    }

    /// Whether each name has a slot of its own under this multiplier.
    const fn fill_slots(&mut self, multiplier: u64) -> bool {
        self.multiplier = multiplier;
        self.slots = [EMPTY; SLOTS];
        let mut position = 0;
        while position < self.count {
            let slot = slot(key(self.members[position as usize].0), multiplier);
            if self.slots[slot] != EMPTY {
                return false;
            }
            self.slots[slot] = position;
            position += 1;
        }
        true
    }

    /// No multiplier tells names apart that have one key.
    const fn check_keys(&self) {
        let mut one = 0;
        while one < self.count as usize {
            let mut other = one + 1;
            while other < self.count as usize {
                assert!(
                    key(self.members[one].0) != key(self.members[other].0),
                    "two members of an object of `events` agree in length, first and last four bytes, or are one: let `key` take in more of a name"
                );
                other += 1;
            }
            one += 1;
        }
    }
}

/// Length, first four and last four bytes of a name, which distinguish all declared names of one object.
const fn key(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => (short(bytes), 0),
    };
    first as u64 ^ (last as u64) << 32 ^ (bytes.len() as u64) << 17
}

/// All bytes of a name of less than four.
const fn short(mut bytes: &[u8]) -> u32 {
    let mut all = 0;
    while let [byte, rest @ ..] = bytes {
        all = all << 8 | *byte as u32;
        bytes = rest;
    }
    all
}

const fn slot(key: u64, multiplier: u64) -> usize {
    (key.wrapping_mul(multiplier) >> 56) as usize
}

/// The routes of all flattened objects; the event itself is the first.
#[derive(Debug)]
pub(crate) struct Routes {
    objects: [ObjectRoute; OBJECTS],
    count: usize,
}

/// The routes of `events`. What cannot be a route does not compile.
pub(crate) static ROUTES: Routes = Routes::new();

impl Routes {
    /// Position of the route of the event itself.
    pub(crate) const EVENT: usize = 0;

    #[expect(clippy::large_stack_arrays, reason = "only the compiler calls this")]
    const fn new() -> Self {
        let mut routes = Self { objects: [ObjectRoute::new(""); OBJECTS], count: 1 };
        let columns = Table::Events.columns();
        let mut index = 0;
        while index < columns.len() {
            if !columns[index].source.is_empty() {
                routes.add(columns[index].source, Target::Column { index, kind: columns[index].kind });
            }
            index += 1;
        }
        let mut alias = 0;
        while alias < ALIASES.len() {
            routes.add(ALIASES[alias].0, Target::Alias(ALIASES[alias].1));
            alias += 1;
        }
        let mut object = 0;
        while object < routes.count {
            routes.objects[object].hash_names();
            object += 1;
        }
        routes
    }

    pub(crate) fn object(&self, position: usize) -> &ObjectRoute {
        &self.objects[position]
    }

    const fn add(&mut self, source: &'static str, target: Target) {
        let (mut object, mut start, mut at) = (Self::EVENT, 0, 0);
        while at < source.len() {
            if source.as_bytes()[at] == b'.' {
                let path = source.split_at(at).0;
                object = self.object_below(object, path, path.split_at(start).1);
                start = at + 1;
            }
            at += 1;
        }
        self.objects[object].push(source.split_at(start).1, target);
    }

    const fn object_below(&mut self, parent: usize, path: &'static str, name: &'static str) -> usize {
        if let Some(known) = self.objects[parent].object_below(name) {
            return known;
        }
        let object = self.count;
        assert!(object < OBJECTS, "more objects of `events` are flattened than there is room for: raise `OBJECTS`");
        self.objects[object] = ObjectRoute::new(path);
        self.objects[parent].push(name, Target::Object(object));
        self.count += 1;
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_source_is_found_and_nothing_else() {
        let routes = &ROUTES;
        for (index, column) in Table::Events.columns().iter().enumerate().filter(|(_, c)| !c.source.is_empty()) {
            let mut object = routes.object(Routes::EVENT);
            let names: Vec<_> = column.source.split('.').collect();
            for (depth, name) in names.iter().enumerate() {
                match object.find(name) {
                    Some((_, Target::Object(below))) => object = routes.object(below),
                    Some((_, Target::Column { index: found, .. })) => {
                        assert_eq!((found, depth), (index, names.len() - 1), "{}", column.source);
                    }
                    other => panic!("{}: {other:?}", column.source),
                }
            }
        }
        for name in ["", "eventtime", "eventTim", "zzz", "é", "eventTime "] {
            assert_eq!(routes.object(Routes::EVENT).find(name), None, "{name}");
        }
    }
}
