//! Compares log files with the declarations of digest files.
//!
//! In: the log files of a copy, declarations. Out: the outcome of each. Never: holds more of a log file than a piece, or
//! reads one without a usable declaration.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use super::ahead::{AHEAD_BYTES, read_in_order};
use super::declarations::{Declaration, DeclarationStatus, Declarations, Declared};
use super::digest::finish;
use super::outcome::VerifyOutcome;
use crate::input::{Archive, MemberEnd, MemberReader};
use crate::model::Sha256;
use crate::model::limits;
use crate::pool::Pool;

/// The outcome of a log file.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedLog {
    /// Position in the list of archives; `None` when it is missing.
    pub(super) archive: Option<u32>,
    /// Number of the declaration.
    pub(super) declaration: Option<u32>,
    /// `None` when it is not declared: the covered hours decide then.
    pub(super) outcome: Option<VerifyOutcome>,
}

/// Checks log files.
#[derive(Default)]
pub(super) struct LogChecker {
    readers: Pool<MemberReader>,
    pub(super) stored_bytes: AtomicU64,
    pub(super) inflated_bytes: AtomicU64,
}

impl LogChecker {
    /// Checks the log files at these positions, in their order.
    pub(super) fn check(&self, archives: &[Archive], logs: &[u32], declarations: &Declarations) -> Vec<CheckedLog> {
        let file = |at: usize| &archives[logs[at] as usize];
        let is_read = |at: usize| matches!(declarations.of(&file(at).path()), Declared::By(_));
        let check = |at: usize, fetched| self.check_one(logs[at], file(at), fetched, declarations);
        let mut checked = Vec::with_capacity(logs.len());
        read_in_order(logs.len(), file, AHEAD_BYTES, is_read, check, |found| checked.extend(found));
        checked
    }

    /// `fetched` are its bytes if they were fetched ahead.
    fn check_one(
        &self,
        log: u32,
        archive: &Archive,
        fetched: Option<io::Result<Bytes>>,
        declarations: &Declarations,
    ) -> Vec<CheckedLog> {
        let checked = |declaration, outcome| CheckedLog { archive: Some(log), declaration, outcome };
        let path = archive.path();
        let numbers = match declarations.of(&path) {
            Declared::By(numbers) => numbers,
            Declared::ByInvalid => return vec![checked(None, Some(VerifyOutcome::LogOfInvalidDigest))],
            Declared::OutOfRange => return Vec::new(),
            Declared::No => return vec![checked(None, None)],
        };
        let mut reader = self.readers.take().unwrap_or_default();
        let mut hash = Context::new(&SHA256);
        let mut inflated = 0;
        let end = reader.read(archive, fetched, limits::INFLATED_BYTES, |piece| {
            hash.update(piece);
            inflated += piece.len() as u64;
        });
        self.readers.give(reader);
        self.stored_bytes.fetch_add(archive.bytes, Ordering::Relaxed);
        self.inflated_bytes.fetch_add(inflated, Ordering::Relaxed);
        let sha256 = finish(hash);
        let outcome = |number: &u32| {
            let declaration = declarations.get(*number)?;
            let outcome = match &end {
                Ok(end) => compare(*end, &sha256, declaration),
                Err(error) if error.kind() == io::ErrorKind::NotFound => VerifyOutcome::LogMissing,
                Err(_) => VerifyOutcome::LogUnreadable,
            };
            Some(checked(Some(*number), Some(outcome)))
        };
        numbers.iter().filter_map(outcome).collect()
    }
}

/// The outcome of a log file whose first gzip member, or which itself, has a text with this hash and ends
/// like this, by its declaration: for `verify` and for `convert --verify`.
pub(super) fn compare(end: MemberEnd, sha256: &Sha256, declaration: &Declaration) -> VerifyOutcome {
    match end {
        MemberEnd::TrailingData => VerifyOutcome::LogTrailingData,
        MemberEnd::Damaged | MemberEnd::TooLarge => VerifyOutcome::LogMalformed,
        _ if !declaration.has_sha256 => VerifyOutcome::LogHashUnknown,
        // A gunzipped copy holds what was signed all the same.
        MemberEnd::Gzip | MemberEnd::Plain if declaration.fits(sha256) => match declaration.status {
            DeclarationStatus::Proved => VerifyOutcome::LogValid,
            DeclarationStatus::OutOfHour => VerifyOutcome::LogOutOfHour,
            _ => VerifyOutcome::LogNotProved,
        },
        MemberEnd::Gzip => VerifyOutcome::LogHashDiffers,
        MemberEnd::Plain => VerifyOutcome::LogMalformed,
    }
}

/// The error of the system for a file that cannot be read.
pub(super) fn why_unreadable(archive: &Archive) -> Option<String> {
    // Opening a pipe would block until something is written to it.
    if !archive.is_regular {
        return Some("not a regular file".to_owned());
    }
    let error = archive.open().and_then(|mut file| io::copy(&mut file, &mut io::sink())).err();
    error.map(|error| error.to_string())
}
