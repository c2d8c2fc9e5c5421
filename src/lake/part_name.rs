//! The names of parts.
//!
//! In: a path. Out: the commit that the part belongs to, and its number. Never: a name that is not exactly of this form.

use std::path::Path;

/// The name of a part: `part-COMMIT-NUMBER.parquet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartName {
    /// Number of the commit that the part belongs to.
    pub(crate) commit: u32,
    /// Number of the part in its folder; the first of `archives` is what publishes the commit.
    pub(crate) number: u32,
}

impl PartName {
    /// Reads the name of a file; `None` when it is not exactly of this form.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("part-")?.strip_suffix(".parquet")?;
        let (commit, number) = name.split_once('-')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_ours = commit.len() >= 6 && number.len() >= 5 && is_digits(commit) && is_digits(number);
        if is_ours { Some(Self { commit: commit.parse().ok()?, number: number.parse().ok()? }) } else { None }
    }
}
