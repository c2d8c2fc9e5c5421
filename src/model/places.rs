//! Places that users type.
//!
//! In: an argument, and its flag. Out: whether it is valid there, before anything is
//! read or written; and the names of a lake's own folders. Never: checks whether anything exists.

use std::ffi::OsStr;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result, printable_path};
use crate::schema::Table;
use crate::store::ObjectUrl;

/// The input that means standard input.
pub(crate) const STDIN: &str = "-";

/// Folder of a lake for everything except tables; engines ignore names that start with `_`.
pub(crate) const STATE_FOLDER: &str = "_trailmill";

/// Whether a name below a lake is one of its own folders; there may be others.
pub(crate) fn is_own_folder(name: &OsStr) -> bool {
    name == STATE_FOLDER || Table::ALL.iter().any(|table| name == table.name())
}

/// Checks a place that may be in a bucket; `named` is its flag or argument.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] for a URL that is not of S3, or of a key that cannot be requested.
pub fn check_place(named: &str, place: &Path) -> Result<()> {
    ObjectUrl::of(place)
        .map(drop)
        .map_err(|error| refused(named, place, &format!("{}{}", error.cause(), error.advice())))
}

/// Checks a place that is a file or a folder of this machine; `named` is its flag or argument.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] for any URL: a folder called `s3:` is never meant.
pub fn check_local(named: &str, place: &Path) -> Result<()> {
    check_place(named, place)?;
    if ObjectUrl::is_url(place) {
        let why = "it has to be a file or folder of this machine; name one, and copy it from there or to there with `aws s3 cp`";
        return Err(refused(named, place, why));
    }
    Ok(())
}

fn refused(named: &str, place: &Path, why: &str) -> Error {
    let typed = printable_path(&place.display().to_string());
    Error::new(ErrorKind::ConfigInvalid, format!("{named}: {typed}: {why}"))
}
