//! Where each member of an event goes, derived from the column declarations.
//!
//! In: [`Table::Events`]'s columns. Out: one [`ObjectRoute`] for every object that is flattened, which finds the
//! target of a member by its name with one multiplication and one comparison. Never: a member name written down a
//! second time.

use crate::schema::{Kind, Table};

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
#[derive(Debug)]
pub(crate) struct ObjectRoute {
    /// Member names joined by points; empty for the event itself.
    pub(crate) path: String,
    /// Name and target of each member.
    members: Vec<(&'static str, Target)>,
    /// Perfect hash of the names: slot → position in `members`, or [`EMPTY`].
    slots: [u8; SLOTS],
    multiplier: u64,
}

const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Aggregated events spell `eventID` this way (CloudTrail User Guide, aggregated events).
pub(crate) const ALIASES: [(&str, &str); 1] = [("eventId", "event_id")];

impl ObjectRoute {
    fn new(path: String) -> Self {
        Self { path, members: Vec::new(), slots: [EMPTY; SLOTS], multiplier: 0 }
    }

    /// Position of the member among the route's members, and its target.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, Target)> {
        let position = usize::from(self.slots[slot(name, self.multiplier)]);
        let (known, target) = self.members.get(position)?;
        (*known == name).then_some((position, *target))
    }

    /// The path of a member of this object.
    pub(crate) fn member_path(&self, position: usize) -> String {
        let name = self.members.get(position).map_or("", |(name, _)| name);
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Searches for a multiplier under which no two names share a slot.
    fn hash_names(&mut self) {
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        'search: loop {
            let mut slots = [EMPTY; SLOTS];
            for (position, (name, _)) in self.members.iter().enumerate() {
                let slot = &mut slots[slot(name, multiplier)];
                if *slot != EMPTY {
                    multiplier =
                        multiplier.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    continue 'search;
                }
                *slot = u8::try_from(position).unwrap_or(EMPTY);
            }
            (self.slots, self.multiplier) = (slots, multiplier);
            return;
        }
    }
}

/// Hashes length, first four and last four bytes, which tell all declared names of one object apart.
fn slot(name: &str, multiplier: u64) -> usize {
    let bytes = name.as_bytes();
    let word = |part: Option<&[u8; 4]>| part.map_or(0, |part| u64::from(u32::from_le_bytes(*part)));
    let (first, last) = match bytes.len() {
        4.. => (word(bytes.first_chunk()), word(bytes.last_chunk())),
        _ => (bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last << 32 ^ (bytes.len() as u64) << 17).wrapping_mul(multiplier);
    (mixed >> 56) as usize
}

/// The routes of all flattened objects; the event itself is the first.
#[derive(Debug)]
pub(crate) struct Routes {
    objects: Vec<ObjectRoute>,
}

impl Routes {
    /// Position of the route of the event itself.
    pub(crate) const EVENT: usize = 0;

    pub(crate) fn new() -> Self {
        let mut routes = Self { objects: vec![ObjectRoute::new(String::new())] };
        for (index, column) in Table::Events.columns().iter().enumerate() {
            if !column.source.is_empty() {
                routes.add(column.source, Target::Column { index, kind: column.kind });
            }
        }
        for (name, column) in ALIASES {
            if let Some(index) = Table::Events.column_index(column) {
                routes.add(name, Target::Alias(index));
            }
        }
        routes.objects.iter_mut().for_each(ObjectRoute::hash_names);
        routes
    }

    pub(crate) fn object(&self, position: usize) -> &ObjectRoute {
        &self.objects[position]
    }

    fn add(&mut self, source: &'static str, target: Target) {
        let mut object = Self::EVENT;
        let mut rest = source;
        while let Some((name, below)) = rest.split_once('.') {
            object = self.object_below(object, name);
            rest = below;
        }
        self.objects[object].members.push((rest, target));
    }

    fn object_below(&mut self, parent: usize, name: &'static str) -> usize {
        let known = self.objects[parent].members.iter().find_map(|(member, target)| match target {
            Target::Object(object) if *member == name => Some(*object),
            _ => None,
        });
        known.unwrap_or_else(|| {
            let path = &self.objects[parent].path;
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let object = self.objects.len();
            self.objects.push(ObjectRoute::new(path));
            self.objects[parent].members.push((name, Target::Object(object)));
            object
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_source_is_found_and_nothing_else() {
        let routes = Routes::new();
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
            assert!(object.members.len() <= 64, "members are marked in 64 bits");
        }
        for name in ["", "eventtime", "eventTim", "zzz", "é", "eventTime "] {
            assert_eq!(routes.object(Routes::EVENT).find(name), None, "{name}");
        }
    }
}
