//! A member of a zip, compared with its declaration.
//!
//! In: its bytes, unpacked. Out: the same; an error where they differ from the declaration. Never: mistakes a failed read
//! for damage.

use std::io::{self, Read};

use crate::input::container::damage;
use crate::input::{Unusable, is_of_system};

/// What a zip declares about a member.
#[derive(Clone, Copy, Debug)]
pub(in crate::input) struct DeclaredMember {
    /// Where it is in the zip.
    pub(in crate::input) start: u64,
    pub(in crate::input) bytes: u64,
    pub(in crate::input) crc32: u32,
}

/// Reads a member and compares it with its declaration.
pub(in crate::input) fn checked(reader: impl Read + Send + 'static, declared: DeclaredMember) -> Box<dyn Read + Send> {
    Box::new(CheckedReader { reader, declared, left: declared.bytes, crc: flate2::Crc::new() })
}

struct CheckedReader<R> {
    reader: R,
    declared: DeclaredMember,
    left: u64,
    crc: flate2::Crc,
}

impl<R> CheckedReader<R> {
    /// The error for a damaged member: nothing shows which of its bytes are right.
    fn damage(&self, what: &str) -> io::Error {
        let start = self.declared.start;
        let finding = damage(Some(start), format!("the member of the zip at byte {start} is damaged: {what}"));
        io::Error::other(Unusable { finding, sound_bytes: 0 })
    }
}

impl<R: Read> Read for CheckedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.reader.read(buffer) {
            Ok(read) => read,
            Err(error) if is_of_system(&error) || error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.damage(&error.to_string())),
        };
        self.crc.update(&buffer[..read]);
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(self.damage("it is larger than the zip says"));
        };
        self.left = left;
        if read == 0 && !buffer.is_empty() && (self.left > 0 || self.crc.sum() != self.declared.crc32) {
            return Err(self.damage("its checksum or size is not what the zip says"));
        }
        Ok(read)
    }
}
