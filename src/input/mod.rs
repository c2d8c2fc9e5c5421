//! Names of files and folders in, text of archives out.
//!
//! May: read. Never: writes, parses JSON, starts a thread.
//! In flow order:

mod discover;

mod inflate;

pub(crate) use discover::{Archive, Found, discover};
pub(crate) use inflate::{Inflated, Inflater, MAX_IN_MEMORY_BYTES};
