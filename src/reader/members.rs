//! Archives that have to be opened first: containers to their members, and archives that do not begin like JSON.
//!
//! In: the archives that were found. Out: those that are read, in order. Never: reads more than the beginning of an
//! archive that is not a container.

use bytes::Bytes;
use rayon::prelude::{
    IndexedParallelIterator, IntoParallelRefIterator, ParallelExtend, ParallelIterator, ParallelSliceMut,
};

use crate::input::{Archive, ArchiveContents, beginning, expand, head, look_at};
use crate::model::Selection;
use crate::split::{SNIFF_BYTES, Splitter};

/// Archives whose first bytes are checked together.
const LOOKED_AT_ONCE: usize = 1_024;

/// An archive that does not begin like JSON, marked as such: it need not be read.
fn foreign(archive: &Archive, head: &Bytes) -> Option<Archive> {
    if archive.has_log_name() {
        return None;
    }
    // White space may precede it.
    let (text, is_all) = beginning(archive, head, 2 * SNIFF_BYTES)?;
    let kind = Splitter::foreign_kind(text.text(), is_all)?;
    Some(archive.clone().with_contents(ArchiveContents::Foreign { kind }))
}

/// Puts the members of containers in their places among the archives, and the containers after all of them.
pub(crate) fn open_containers(
    found: Vec<Archive>,
    is_looked_into: impl Fn(&Archive) -> bool + Sync,
    selection: &Selection,
) -> Vec<Archive> {
    let looked_into = found.par_iter().enumerate();
    let looked_into = looked_into.filter(|(_, archive)| !archive.is_named_like_a_log() && is_looked_into(archive));
    let looked_into: Vec<usize> = looked_into.map(|(at, _)| at).collect();
    let mut opened: Vec<(usize, Vec<Archive>)> = Vec::new();
    for some in looked_into.chunks(LOOKED_AT_ONCE) {
        let archives: Vec<&Archive> = some.iter().map(|at| &found[*at]).collect();
        let heads = look_at(&archives);
        let open = |(at, looked_at): (usize, Option<Bytes>)| {
            let archive = &found[at];
            let head = looked_at.or_else(|| head(archive));
            let opened = expand(archive, head.clone());
            Some((at, opened.or_else(|| Some(vec![foreign(archive, &head?)?]))?))
        };
        opened.par_extend(some.par_iter().copied().zip(heads).filter_map(open));
    }
    if opened.is_empty() {
        return found;
    }
    let mut opened = opened.into_iter().peekable();
    let mut archives = Vec::with_capacity(found.len());
    for (at, archive) in found.into_iter().enumerate() {
        let Some((_, mut members)) = opened.next_if(|(opened, _)| *opened == at) else {
            archives.push(archive);
            continue;
        };
        let found = members.len();
        members.retain(|member| !member.is_named_like_a_log() || member.may_match(selection));
        if members.len() < found {
            // If members of a container are skipped, the next run opens it again.
            members.retain(|member| !member.is_container());
        }
        archives.append(&mut members);
    }
    archives.par_sort_unstable_by(Archive::order);
    archives
}
