//! A copy that begins below the folder `AWSLogs`: no file in it is where its digest file says.
//!
//! In: digest files and log files, by their names, that are not below such a folder. Out: one line for all of them, with
//! advice. Never: a line for each, or for a single file that was moved out of a copy.

use std::path::Path;

use super::digest::DigestReader;
use super::outcome::VerifyOutcome;
use super::place::{before_logs_folder, from_logs_folder};
use super::report::{ReportLines, VerifyFinding, VerifyReport};
use crate::input::Archive;

/// Files of accounts and Regions none of whose digest files is below a folder `AWSLogs`, as positions in the list of archives.
#[derive(Default)]
pub(super) struct Strays {
    pub(super) digests: Vec<usize>,
    pub(super) logs: Vec<u32>,
}

impl Strays {
    /// Reports them, once.
    pub(super) fn report_all(&self, archives: &[Archive], report: &mut VerifyReport, lines: &mut ReportLines) {
        let first_log = self.logs.first().map(|log| *log as usize);
        let Some(first) = self.digests.first().copied().or(first_log) else { return };
        if !lines.count(VerifyOutcome::NoLogsFolder) {
            return;
        }
        let path = archives[first].path();
        let declared = self.digests.first().and_then(|at| DigestReader::default().declared_place(&archives[*at]));
        let missing = declared.as_ref().and_then(|(_, object)| missing_folder(&path, object));
        let (place, missing) = missing.unwrap_or_else(|| (above(&path, 1), String::new()));
        let (digests, logs) = (self.digests.len(), self.logs.len());
        let more = format!(
            ": {digests} digest files and {logs} log files lie below none with an account, and keys count from it on"
        );
        let mut finding = VerifyFinding::new(VerifyOutcome::NoLogsFolder, &place).with_detail(&more).at(&path);
        // Digest files and log files are below different folders.
        let put = match missing.as_str() {
            missing if missing.is_empty() || missing.contains("CloudTrail-Digest") => {
                "copy the bucket from its folder AWSLogs/ on, with all folders".to_owned()
            }
            missing => format!("put what is in this folder into {missing}/, or copy the bucket from its AWSLogs/ on"),
        };
        finding.advice = Some(crate::error::printable_path(&put));
        lines.push((u32::MAX, 2), finding);
        report.digests.total += digests as u64;
        report.digests.invalid += digests as u64;
    }
}

/// The folder of the copy that should be `AWSLogs/…`, and what it should be, by the key that a digest file states.
fn missing_folder(path: &Path, object: &str) -> Option<(String, String)> {
    let key = from_logs_folder(object).filter(|_| before_logs_folder(object).is_some())?;
    let parts: Vec<&str> = key.split('/').collect();
    let names: Vec<String> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    // A copy may have been gunzipped.
    let is_same = |(name, part): &(&String, &&str)| name == *part || format!("{name}.gz") == **part;
    let same = names.iter().rev().zip(parts.iter().rev()).take_while(is_same).count();
    let missing = parts.get(..parts.len().checked_sub(same)?).filter(|missing| same > 0 && !missing.is_empty())?;
    Some((above(path, same), missing.join("/")))
}

/// The ancestor of a path, this many levels up.
fn above(path: &Path, levels: usize) -> String {
    path.ancestors().nth(levels).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_folder_is_found_by_the_key_of_a_digest_file() {
        let object = "p/AWSLogs/1/CloudTrail-Digest/r/2025/03/01/d.json.gz";
        let of = |path: &str| missing_folder(Path::new(path), object);
        let some = |folder: &str, missing: &str| Some((folder.to_owned(), missing.to_owned()));
        assert_eq!(of("/copy/1/CloudTrail-Digest/r/2025/03/01/d.json"), some("/copy", "AWSLogs"));
        assert_eq!(of("/copy/r/2025/03/01/d.json.gz"), some("/copy", "AWSLogs/1/CloudTrail-Digest"));
        assert_eq!(of("/copy/d.json.gz"), some("/copy", "AWSLogs/1/CloudTrail-Digest/r/2025/03/01"));
        assert_eq!(of("/copy/other.json.gz"), None);
        assert_eq!(missing_folder(Path::new("/copy/d.json.gz"), "elsewhere/d.json.gz"), None);
    }
}
