//! Archives that are refused by what is known about them, not by their content.
//!
//! In: what digest files prove, or a name. Out: findings. Never: reads an archive.

use crate::error::{Finding, Reason};
use crate::input::Archive;
use crate::model::Integrity;
use crate::rows::ArchiveOutcome;
use crate::split::ArchiveStatus;

/// A finding for an archive that digest files do not prove. Its bytes are not kept: there is nothing to repair in them.
pub(super) fn not_verified(integrity: Integrity) -> Finding {
    let message = match integrity {
        Integrity::Invalid => "it is not what digest files declare",
        _ => "no digest file that is proved declares it",
    };
    Finding {
        event_index: None,
        byte_offset: None,
        reason: Reason::NotVerified,
        message: message.to_owned(),
        original: Vec::new(),
    }
}

/// Treats an archive as damaged that is named like a log file, and is neither one nor anything else known.
pub(super) fn reject_damaged_log(outcome: &mut ArchiveOutcome, archive: &Archive, stored: impl FnOnce() -> Vec<u8>) {
    if outcome.status == ArchiveStatus::Foreign && archive.has_log_name() {
        outcome.reject_damaged_log(archive.has_gzip_name(), stored);
    }
}
