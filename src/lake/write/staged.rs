//! Reads staged parts back before they are published.
//!
//! In: the parts that were written. Out: the row counts in their footers. Never: trusts a counter for what a file can
//! confirm.

use std::collections::HashMap;
use std::fs::File;

use parquet::file::metadata::ParquetMetaDataReader;

use super::commit::Commit;
use crate::clock::logical;
use crate::encode::part::{StagedPart, unwritable};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;

/// Reads the footer of every part of a commit; the number of rows of each table.
///
/// # Errors
///
/// A file that is missing, or does not have the length that was written, or whose footer gives another row count: nothing of
/// it may be published.
pub(crate) fn read_back<'p>(
    commit: &Commit,
    parts: impl Iterator<Item = &'p StagedPart>,
) -> Result<HashMap<Table, u64>> {
    let parts: Vec<&StagedPart> = parts.collect();
    let mut by_table = HashMap::new();
    for read in logical::map(parts, |part| read_part(commit, part)) {
        let (table, rows) = read?;
        *by_table.entry(table).or_default() += rows;
    }
    Ok(by_table)
}

fn read_part(commit: &Commit, part: &StagedPart) -> Result<(Table, u64)> {
    let path = commit.staging.join(&part.path);
    let file = File::open(&path).map_err(|error| unwritable(&path, error))?;
    let bytes = file.metadata().map_err(|error| unwritable(&path, error))?.len();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(|error| unwritable(&path, error))?;
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    if (rows, bytes) != (part.rows, part.bytes) {
        let message = format!("{rows} rows in {bytes} bytes, {} rows in {} bytes were written", part.rows, part.bytes);
        return Err(Error::at(ErrorKind::Unreconciled, &path, message).advise("nothing was published"));
    }
    Ok((part.table()?, rows))
}
