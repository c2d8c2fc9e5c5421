//! All digest files of a copy.
//!
//! In: the files of a copy, public keys. Out: the history of the digest files of each account and Region. Never: hashes a log
//! file, which is left to the code that reads its text.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSlice};

use super::ahead::{AHEAD_BYTES, read_in_order};
use super::chain::Chains;
use super::declarations::Declarations;
use super::digest::{DigestReader, Sidecars};
use super::history::{History, Range};
use super::keys::PublicKeys;
use super::metadata;
use super::origins::Origins;
use super::place::{
    Area, ChainName, DigestName, FileKind, FilePlace, area_of_name, before_logs_folder, digest_of_sidecar,
};
use super::strays::Strays;
use crate::input::Archive;
use crate::model::Selection;
use crate::pool::Pool;

/// Files that are classified together.
const CHUNK: usize = 4_096;
const DAY_SECONDS: i64 = 86_400;

/// The files of a copy by kind, as positions in the list of archives.
#[derive(Default)]
pub(crate) struct Survey {
    /// Those without an account in their path have the empty area.
    digests: BTreeMap<Area, Vec<usize>>,
    sidecars: Sidecars,
    pub(super) logs: Vec<u32>,
    /// Digest files and log files of a copy that lacks the folder `AWSLogs`.
    pub(super) strays: Strays,
    pub(super) other_files: u64,
}

impl Survey {
    pub(crate) fn new(archives: &[Archive], selection: &Selection) -> Self {
        let parts: Vec<Self> = archives
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, archives)| {
                let mut part = Self::default();
                for (at, archive) in (chunk * CHUNK..).zip(archives) {
                    part.add(at, archive, selection);
                }
                part
            })
            .collect();
        let mut survey = Self::default();
        for part in parts {
            for (area, digests) in part.digests {
                survey.digests.entry(area).or_default().extend(digests);
            }
            for (digest, sidecars) in part.sidecars {
                survey.sidecars.entry(digest).or_default().extend(sidecars);
            }
            survey.logs.extend(part.logs);
            survey.other_files += part.other_files;
            survey.strays.logs.extend(part.strays.logs);
        }
        survey.find_strays(archives);
        survey
    }

    /// Files that are not below a folder `AWSLogs` of an account were moved, if digest files of their account and Region are
    /// below one in the same root; otherwise all of them have lost it.
    fn find_strays(&mut self, archives: &[Archive]) {
        let nowhere = self.digests.remove(&Area::default()).unwrap_or_default();
        if nowhere.is_empty() && self.strays.logs.is_empty() {
            return;
        }
        let mut roots: HashMap<(&str, &str), HashSet<String>> = HashMap::new();
        for (area, digests) in &self.digests {
            let roots = roots.entry((&area.account, &area.region)).or_default();
            let of = |at: &usize| before_logs_folder(&archives[*at].path().to_string_lossy()).map(str::to_owned);
            roots.extend(digests.iter().filter_map(of));
        }
        let is_stray = |at: usize| {
            let path = archives[at].path();
            let text = path.to_string_lossy();
            let roots = roots.get(&area_of_name(text.rsplit('/').next().unwrap_or_default()));
            !roots.is_some_and(|roots| roots.iter().any(|root| text.starts_with(root)))
        };
        let (logs, moved) = std::mem::take(&mut self.strays.logs).into_iter().partition(|log| is_stray(*log as usize));
        let (strays, digests): (Vec<usize>, Vec<usize>) = nowhere.into_iter().partition(|at| is_stray(*at));
        drop(roots);
        self.strays = Strays { digests: strays, logs };
        self.logs.extend::<Vec<u32>>(moved);
        if !digests.is_empty() {
            self.digests.insert(Area::default(), digests);
        }
    }

    fn add(&mut self, at: usize, archive: &Archive, selection: &Selection) {
        let path = archive.path();
        let place = FilePlace::of(&path);
        let is_wanted = |list: &[String], value: &str| list.is_empty() || list.iter().any(|wanted| wanted == value);
        let is_passed_over = place.area.as_ref().is_some_and(|area| {
            !is_wanted(&selection.accounts, &area.account) || !is_wanted(&selection.regions, &area.region)
        });
        match place.kind {
            _ if is_passed_over => {}
            FileKind::Digest => self.digests.entry(place.area.unwrap_or_default()).or_default().push(at),
            FileKind::Log if place.area.is_none() => self.strays.logs.extend(u32::try_from(at)),
            FileKind::Log => self.logs.extend(u32::try_from(at)),
            FileKind::Sidecar(sidecar) => {
                if let Some(digest) = digest_of_sidecar(&path) {
                    self.sidecars.entry(digest).or_default().push((sidecar, at));
                }
            }
            FileKind::Other => self.other_files += 1,
        }
    }
}

/// The content of the digest files of a copy.
pub(crate) struct Digests {
    pub(super) histories: Vec<History>,
    /// Digest files in the order of the report, as positions in the list of archives.
    pub(super) archives: Vec<usize>,
    pub(crate) declarations: Declarations,
    /// Where trails deliver to.
    pub(super) origins: Origins,
    /// For each digest file, in the order of the report.
    pub(super) origin_of: Vec<Option<u32>>,
}

impl Digests {
    /// Reads and validates the digest files of a copy whose end is in the selected days, and removes them from the survey.
    /// `verbose` applies to the lines of the report.
    pub(crate) fn read(
        archives: &[Archive],
        survey: &mut Survey,
        keys: &PublicKeys,
        selection: &Selection,
        verbose: bool,
    ) -> Self {
        let range = range_of(selection);
        // The signature of the last selected one is in the next one, and the ones before the first may be all
        // that is proved of a chain.
        let read = Range { from: range.from.saturating_sub(DAY_SECONDS), to: range.to.saturating_add(DAY_SECONDS) };
        let readers = Pool::<DigestReader>::default();
        let areas: Vec<(Area, Vec<usize>)> = std::mem::take(&mut survey.digests).into_iter().collect();
        let sidecars = &survey.sidecars;
        // Areas are read at once. A thread that waits for others may begin with one more, but digest files are small.
        let ahead_bytes = AHEAD_BYTES / areas.len().clamp(1, rayon::current_num_threads()) as u64;
        let is_in_sequence = areas.iter().flat_map(|(_, digests)| digests).any(|at| archives[*at].is_in_sequence());
        let tell = |(area, digests): (Area, Vec<usize>)| {
            for at in &digests {
                archives[*at].mark_wanted();
            }
            let next = next_of_chains(archives, &digests, &area, range.to);
            let is_wanted =
                |name: &DigestName| name.end.is_none_or(|end| read.has(end) || next.get(&name.chain()) == Some(&end));
            let file = |at: usize| &archives[digests[at]];
            let is_read = |at: usize| {
                let path = file(at).path();
                is_wanted(&DigestName::parse(&FilePlace::of(&path).key, &area.region))
            };
            let read_one = |at: usize, fetched| {
                let mut reader = readers.take().unwrap_or_default();
                let digest = reader.read(archives, digests[at], fetched, &area.region, sidecars, is_wanted);
                readers.give(reader);
                digest
            };
            let mut read_digests = Vec::with_capacity(digests.len());
            read_in_order(digests.len(), file, ahead_bytes, is_read, read_one, |digest| read_digests.push(digest));
            for at in &digests {
                archives[*at].release();
            }
            let chains = metadata::complete(Chains::verify_all(read_digests, keys), archives, keys, range);
            History::build(area, &chains, range, verbose)
        };
        // Sequential containers are read in order.
        let mut histories: Vec<History> = if is_in_sequence {
            areas.into_iter().map(tell).collect()
        } else {
            areas.into_par_iter().map(tell).collect()
        };
        let mut order = Vec::new();
        let mut declarations = Vec::new();
        let (mut origins, mut origin_of) = (Origins::default(), Vec::new());
        for history in &mut histories {
            let numbers = origins.merge(std::mem::take(&mut history.origins));
            let number = |there: u32| numbers.get(&there).copied();
            origin_of.extend(std::mem::take(&mut history.origin_of).into_iter().map(|there| there.and_then(number)));
            for trail in &mut history.hours {
                trail.origins = trail.origins.iter().filter_map(|there| number(*there)).collect();
            }
            let offset = u32::try_from(order.len()).unwrap_or(u32::MAX);
            order.append(&mut history.archives);
            declarations.extend(std::mem::take(&mut history.declarations).into_iter().map(|mut declaration| {
                declaration.digest = declaration.digest.saturating_add(offset);
                declaration
            }));
            for ((digest, _), _) in &mut history.lines.entries {
                *digest = digest.saturating_add(offset);
            }
        }
        Self { histories, archives: order, declarations: Declarations::new(declarations), origins, origin_of }
    }
}

/// For each chain, the end of the first digest file after this second, however late it is: it names the previous one, and
/// has its signature.
fn next_of_chains(archives: &[Archive], digests: &[usize], area: &Area, after: i64) -> HashMap<ChainName, i64> {
    let mut next = HashMap::new();
    if after == i64::MAX {
        return next;
    }
    for at in digests {
        let path = archives[*at].path();
        let name = DigestName::parse(&FilePlace::of(&path).key, &area.region);
        if let Some(end) = name.end.filter(|end| *end > after) {
            let first = next.entry(name.chain()).or_insert(end);
            *first = end.min(*first);
        }
    }
    next
}

/// The selected days as a range of seconds.
pub(super) fn range_of(selection: &Selection) -> Range {
    Range {
        from: selection.from_day.map_or(i64::MIN, |day| day.saturating_mul(DAY_SECONDS)),
        to: selection.to_day.map_or(i64::MAX, |day| day.saturating_add(1).saturating_mul(DAY_SECONDS) - 1),
    }
}
