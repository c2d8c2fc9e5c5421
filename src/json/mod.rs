//! JSON text, as it stands.
//!
//! In: bytes. Out: where values, quotes and brackets stand, and what a value is. Never: does I/O, starts a thread, or
//! knows what CloudTrail is.

pub(crate) mod masks;

pub(crate) mod scan;

pub(crate) mod lenient;

pub(crate) mod tape;

pub(crate) mod index;

pub(crate) mod cursor;
