//! The place of an event.
//!
//! In: the position of an archive in a run, and of an event in it. Out: a number in the same order. Never: a path.

/// The place of an event among all archives of a run, in the order of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    /// Before every place of a run: in the lake already.
    pub(crate) const PUBLISHED: Self = Self(0);

    /// The event with this position in the archive with that position.
    pub(crate) const fn new(archive: u32, event_index: u32) -> Self {
        Self((archive as u64 + 1) << 32 | event_index as u64)
    }

    /// After all events of an archive.
    pub(crate) const fn after(archive: u32) -> Self {
        Self::new(archive + 1, 0)
    }

    /// The place as a number, and back.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The place of a number from [`Place::to_bits`].
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The next place.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Position of the archive; meaningless for [`Place::PUBLISHED`].
    pub(crate) const fn archive(self) -> u32 {
        ((self.0 >> 32) as u32).wrapping_sub(1)
    }

    /// Position of the event in its archive.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) const fn event_index(self) -> u32 {
        self.0 as u32
    }
}
