//! Which event is which: what makes two events the same, and where each stands.
//!
//! In: the identifying fields of an event. Out: a key, added to the [`KeyIndex`] of a run. Never: decides
//! which of two equal events is kept; that depends on archives that other workers have.

use std::fmt;

use twox_hash::XxHash3_128;

use crate::flatten::timestamp::epoch_day;
use crate::model::Place;

/// Stands for an event: a hash of what makes it that event. Two of 10 billion events share one with a probability of
/// 10⁻¹⁹.
pub(crate) type EventKey = u128;

/// What makes an event that event: copies of it agree in all four, as they are in their columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'t> {
    pub(crate) event_id: &'t str,
    pub(crate) account: Option<&'t str>,
    pub(crate) event_time_ms: Option<i64>,
    pub(crate) event_name: Option<&'t str>,
}

impl<'t> Identity<'t> {
    /// The identity of an event; `None` when it has no identifier, so that nothing is known to be its copy.
    pub(crate) fn new(
        event_id: Option<&'t str>,
        account: Option<&'t str>,
        event_time_ms: Option<i64>,
        event_name: Option<&'t str>,
    ) -> Option<Self> {
        let event_id = event_id.filter(|id| !id.is_empty())?;
        Some(Self { event_id, account, event_time_ms, event_name })
    }

    /// Its key; `buffer` is room to write in.
    pub(crate) fn key(&self, buffer: &mut Vec<u8>) -> EventKey {
        buffer.clear();
        // No value ends in a way that another could begin: each is hashed with its length.
        for text in [Some(self.event_id), self.account, self.event_name] {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            buffer.extend_from_slice(&length.to_le_bytes());
            buffer.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        if let Some(time) = self.event_time_ms {
            buffer.extend_from_slice(&time.to_le_bytes());
        }
        XxHash3_128::oneshot(buffer)
    }
}

/// An event and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyEntry {
    pub(crate) key: EventKey,
    pub(crate) place: Place,
}

/// The keys of a unit of work, and the days of their events, in days since 1970.
#[derive(Debug, Default)]
pub(crate) struct UnitKeys {
    pub(crate) keys: Vec<KeyEntry>,
    pub(crate) days: Vec<Option<i64>>,
    /// Room to make keys in.
    buffer: Vec<u8>,
}

impl UnitKeys {
    /// Adds an event.
    pub(crate) fn push(&mut self, identity: &Identity<'_>, place: Place) {
        let day = identity.event_time_ms.map(epoch_day);
        // Nearly every event falls on the day of the one before it.
        if self.days.last() != Some(&day) && !self.days.contains(&day) {
            self.days.push(day);
        }
        self.keys.push(KeyEntry { key: identity.key(&mut self.buffer), place });
    }

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.days.clear();
    }
}

/// Collects the keys of events, on any thread and in any order.
pub(crate) trait KeyIndex: fmt::Debug + Send + Sync {
    /// Notes where events stand; may order them otherwise. Of all places of one key the first is kept.
    fn insert(&self, unit: &mut UnitKeys);

    /// Forgets the events from this place on; nobody notes any meanwhile.
    fn forget_from(&self, place: Place);
}

/// An archive as events refer to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveRef<'a> {
    /// Its URI.
    pub(crate) uri: &'a str,
    /// Its position in the run.
    pub(crate) position: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, account: Option<&str>, time: Option<i64>, name: Option<&str>) -> EventKey {
        Identity::new(Some(id), account, time, name).unwrap().key(&mut Vec::new())
    }

    #[test]
    fn a_key_tells_every_field_apart() {
        let keys = [
            key("a", Some("1"), Some(0), Some("n")),
            key("b", Some("1"), Some(0), Some("n")),
            key("a", Some("2"), Some(0), Some("n")),
            key("a", None, Some(0), Some("n")),
            key("a", Some(""), Some(0), Some("n")),
            key("a", Some("1"), None, Some("n")),
            key("a", Some("1"), Some(1), Some("n")),
            key("a", Some("1"), Some(0), None),
            key("a", Some("1n"), Some(0), Some("")),
            key("a1", Some(""), Some(0), Some("n")),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(one), "key {at} is another's");
        }
        assert_eq!(keys[0], key("a", Some("1"), Some(0), Some("n")));
    }

    #[test]
    fn an_event_without_an_identifier_is_no_copy_of_any() {
        assert!(Identity::new(None, Some("1"), Some(0), Some("n")).is_none());
        assert!(Identity::new(Some(""), Some("1"), Some(0), Some("n")).is_none());
    }

    #[test]
    fn places_are_in_the_order_of_archives_and_events() {
        let places = [Place::PUBLISHED, Place::new(0, 0), Place::new(0, 1), Place::after(0), Place::new(1, u32::MAX)];
        assert!(places.is_sorted_by(|one, two| one < two));
        assert_eq!(Place::after(0), Place::new(1, 0));
        assert_eq!((Place::new(7, 9).archive(), Place::new(7, 9).event_index()), (7, 9));
        assert_eq!(Place::new(1, 2).next(), Place::new(1, 3));
    }
}
