//! A member of a zip, compared with what the zip says of it.
//!
//! In: its bytes, unpacked. Out: the same; an error where they are not what the zip says. Never: takes bytes that could not be
//! had for damage.

use std::io::{self, Read};

use crate::input::container::damage;
use crate::input::{Unusable, is_of_system};

/// What a zip says of a member.
#[derive(Clone, Copy, Debug)]
pub(in crate::input) struct DeclaredMember {
    /// Where it is in the zip.
    pub(in crate::input) start: u64,
    pub(in crate::input) bytes: u64,
    pub(in crate::input) crc32: u32,
}

/// Reads a member and checks what is declared of it.
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
    /// That the member is damaged: nothing tells which of its bytes are right.
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
