//! Standard input as an archive.
//!
//! In: standard input. Out: a copy of it that can be read at any position, repeatedly. Never: held in memory.

use std::io::{self, Read};
use std::path::Path;

use twox_hash::XxHash3_128;

use super::Archive;
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::model::STDIN;

/// Copies standard input to an unnamed file in a folder. Its name in the lake is a hash of its bytes, so that the
/// same bytes are the same archive.
///
/// # Errors
///
/// When it cannot be read, or the copy cannot be written.
pub(crate) fn copy_stdin(disk: &Disk, folder: &Path) -> Result<Archive> {
    let unwritable = |error| {
        let error = Error::at(ErrorKind::ScratchUnwritable, folder, error);
        error.advise("standard input is copied there; name files instead of `-`, or make room")
    };
    let file = disk.nameless_file(&folder.join("trailmill-stdin")).map_err(unwritable)?;
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; 1 << 20];
    let (mut bytes, mut hash) = (0, XxHash3_128::new());
    loop {
        let read = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::at(ErrorKind::InputUnreadable, Path::new(STDIN), error)),
        };
        file.write_at(&buffer[..read], bytes).map_err(unwritable)?;
        hash.write(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(Archive::stdin(file, bytes, hash.finish_128()))
}
