//! JSON text, verbatim.
//!
//! In: bytes. Out: the positions of values, quotes and brackets, and the type of a value. Never: does I/O, starts a thread, or
//! knows CloudTrail.

pub(crate) mod masks;

pub(crate) mod scan;

pub(crate) mod lenient;

pub(crate) mod tape;

pub(crate) mod bitmap;

pub(crate) mod cursor;
