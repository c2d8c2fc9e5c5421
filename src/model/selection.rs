//! Which events are wanted.
//!
//! In: nothing. Out: days, accounts and Regions as plain fields. Never: judges an event; the code that has it does.

/// Which events are wanted; an empty list selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// First event date, in days since 1970.
    pub from_day: Option<i64>,
    /// Last event date, in days since 1970.
    pub to_day: Option<i64>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
}

impl Selection {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}
