//! Files and folders to a sorted list of archives.
//!
//! In: the inputs as typed. Out: every regular file below them, once, in the order of delivery and then of name.
//! Never: judges a file by its name, but for the account, Region and day that a CloudTrail key tells.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rayon::prelude::{IntoParallelIterator, ParallelIterator, ParallelSliceMut};

use crate::config::{STATE_FOLDER, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;

/// One input object. Ten million of them have to fit in memory, so it holds no full path: files of one folder share
/// that.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The folder it is in, absolute.
    folder: Arc<Path>,
    name: Box<OsStr>,
    /// Size as stored.
    pub(crate) bytes: u64,
    modified_ms: i64,
    /// Minute of delivery by its name, `YYYYMMDDHHMM` as a number; 0 when the name tells none.
    delivered: u64,
    /// Whether it is a file that can be read at all: not a pipe, a socket or a device.
    pub(crate) is_regular: bool,
}

impl Archive {
    /// A file that is gone since its folder was listed, or a link to nowhere: reading it will tell.
    fn lost(folder: &Arc<Path>, name: &OsStr) -> Self {
        Self { folder: Arc::clone(folder), name: name.into(), bytes: 0, modified_ms: 0, delivered: 0, is_regular: true }
    }

    /// Where to read it.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&*self.name)
    }

    /// The order of conversion: that of delivery, then that of paths.
    fn order(&self, other: &Self) -> Ordering {
        let by_path = || {
            if Arc::ptr_eq(&self.folder, &other.folder) {
                return self.name.cmp(&other.name);
            }
            self.folder.iter().chain([&*self.name]).cmp(other.folder.iter().chain([&*other.name]))
        };
        self.delivered.cmp(&other.delivered).then_with(by_path)
    }

    /// Its name in the lake: a `file://` URI that does not depend on how the input was spelled.
    pub(crate) fn uri(&self) -> String {
        use std::fmt::Write;
        let path = self.path();
        let bytes = path.as_os_str().as_bytes();
        let mut uri = String::with_capacity(bytes.len() + 16);
        uri.push_str("file://");
        for byte in bytes {
            if byte.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@".contains(byte) {
                uri.push(char::from(*byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
        uri
    }

    /// Reads the bytes of the file into a buffer.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut file = self.open()?;
        // One read instead of four system calls: what falls short of more room than the file is known to need is all.
        let expected = usize::try_from(self.bytes).unwrap_or_default();
        buffer.resize(expected + 1, 0);
        let read = match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            read => read?,
        };
        buffer.truncate(read);
        if read == expected { Ok(()) } else { file.read_to_end(buffer).map(drop) }
    }

    /// Opens the file.
    pub(crate) fn open(&self) -> io::Result<fs::File> {
        fs::File::open(self.path())
    }

    /// Modification time in the manifest's form.
    pub(crate) fn modified(&self) -> String {
        jiff::Timestamp::from_millisecond(self.modified_ms).unwrap_or_default().to_string()
    }
}

/// Lists the archives below the inputs, on the threads of the pool that this is called in; `lake` and what is below it
/// is passed over.
///
/// # Errors
///
/// An input that does not exist, or a folder that cannot be listed: going on without it would lose what is in it.
pub(crate) fn discover(inputs: &[PathBuf], lake: &Path, selection: &Selection) -> Result<Vec<Archive>> {
    let mut walk = Walk { archives: Vec::new(), roots: Vec::new(), visited: HashSet::new(), lake, selection };
    for input in inputs {
        let root = fs::canonicalize(input).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::at(ErrorKind::InputMissing, input, error).advise("check the path"),
            _ => Error::at(ErrorKind::InputUnreadable, input, error),
        })?;
        if walk.is_of_lake(&root) {
            let error = Error::at(ErrorKind::ConfigInvalid, &root, "it is part of the lake");
            return Err(error.advise("name another input, or another --out"));
        }
        walk.roots.push(root);
    }
    while let Some(root) = walk.roots.pop() {
        let metadata = fs::metadata(&root).map_err(|error| Error::at(ErrorKind::InputUnreadable, &root, error))?;
        if !metadata.is_dir() {
            let (folder, name) = (root.parent().unwrap_or(&root), root.file_name().unwrap_or_default());
            let archive = walk.file(&Arc::from(folder), name, &metadata);
            walk.archives.extend(archive);
        } else if walk.visited.insert(root.clone()) {
            walk.tree(root)?;
        }
    }
    let mut archives = walk.archives;
    // Inputs may overlap; the path, not the spelling, tells one archive from another.
    archives.par_sort_unstable_by(Archive::order);
    archives.dedup_by(|one, two| one.order(two).is_eq());
    Ok(archives)
}

struct Walk<'a> {
    archives: Vec<Archive>,
    /// Inputs and what links lead to, absolute and without links: whatever way leads to a file, it has one name.
    roots: Vec<PathBuf>,
    /// Roots that were walked through: a link may lead back to where it stands.
    visited: HashSet<PathBuf>,
    lake: &'a Path,
    selection: &'a Selection,
}

impl Walk<'_> {
    /// Whether a path belongs to the lake's own folders; the lake may lie among the inputs, and they in its folder.
    fn is_of_lake(&self, path: &Path) -> bool {
        let below = path.strip_prefix(self.lake).ok().and_then(|below| below.iter().next());
        below.is_some_and(|first| first == STATE_FOLDER || Table::ALL.iter().any(|table| first == table.name()))
    }

    /// Walks through a folder, all folders of one depth at a time, on as many threads as there are.
    fn tree(&mut self, root: PathBuf) -> Result<()> {
        let mut folders = vec![root];
        while !folders.is_empty() {
            let listed: Vec<Result<Listing>> = folders.into_par_iter().map(|folder| self.list(folder)).collect();
            folders = Vec::new();
            for listing in listed {
                let Listing { archives, folders: below, links } = listing?;
                self.archives.extend(archives);
                self.roots.extend(links);
                folders.extend(below);
            }
        }
        Ok(())
    }

    fn list(&self, folder: PathBuf) -> Result<Listing> {
        let mut listing = Listing::default();
        if self.is_of_lake(&folder) {
            return Ok(listing);
        }
        let folder: Arc<Path> = Arc::from(folder);
        let unreadable = |error: io::Error| Error::at(ErrorKind::InputUnreadable, &folder, error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                listing.folders.push(folder.join(name));
            } else if kind.is_symlink() {
                match fs::canonicalize(entry.path()) {
                    Ok(target) => listing.links.push(target),
                    Err(_) => listing.archives.push(Archive::lost(&folder, &name)),
                }
            } else {
                match entry.metadata() {
                    Ok(metadata) => listing.archives.extend(self.file(&folder, &name, &metadata)),
                    Err(_) => listing.archives.push(Archive::lost(&folder, &name)),
                }
            }
        }
        Ok(listing)
    }

    /// A file as an archive, unless it is passed over.
    fn file(&self, folder: &Arc<Path>, name: &OsStr, metadata: &Metadata) -> Option<Archive> {
        let path = folder.join(name);
        let key = Key::of(&path);
        if self.is_of_lake(&path) || !key.may_match(self.selection) {
            return None;
        }
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Some(Archive {
            folder: Arc::clone(folder),
            name: name.into(),
            bytes: metadata.len(),
            modified_ms: modified.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or_default(),
            delivered: key.delivered.unwrap_or_default(),
            is_regular: metadata.is_file(),
        })
    }
}

/// What is in a folder.
#[derive(Default)]
struct Listing {
    archives: Vec<Archive>,
    folders: Vec<PathBuf>,
    /// Where its links lead to.
    links: Vec<PathBuf>,
}

/// What the key of a CloudTrail object tells (CloudTrail User Guide):
/// `[prefix/]AWSLogs/[o-orgid/]<account>/<folder>/<region>/YYYY/MM/DD/<file>`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Key<'a> {
    account: Option<&'a str>,
    region: Option<&'a str>,
    /// `YYYYMMDDHHMM`.
    delivered: Option<u64>,
}

/// Days a delivery may be late: CloudTrail tries for 30 days when a bucket cannot be reached (CloudTrail User Guide).
const LATEST_DELIVERY_DAYS: i64 = 31;

impl<'a> Key<'a> {
    fn of(path: &'a Path) -> Self {
        let mut key = Self { delivered: path.file_name().and_then(delivery_minute), ..Self::default() };
        let mut parts = path.iter().rev().skip(1).map(|part| part.to_str().unwrap_or_default());
        let date: [&str; 3] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let (region, folder, account) = (parts.next(), parts.next(), parts.next());
        let is_date = [2, 2, 4].iter().zip(date).all(|(length, part)| part.len() == *length && is_digits(part));
        if is_date && folder.is_some_and(|folder| folder.starts_with("CloudTrail")) {
            (key.account, key.region) = (account, region);
        }
        key
    }

    /// Whether the object may hold events of the selection. An event is never delivered before it happens.
    fn may_match(&self, selection: &Selection) -> bool {
        let is_listed = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_none_or(|value| list.iter().any(|wanted| wanted == value))
        };
        let day = self.delivered.and_then(|minute| {
            let date = i32::try_from(minute / 10_000).ok()?;
            let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
            let date = jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
            let epoch = jiff::civil::date(1970, 1, 1);
            Some(i64::from(date.ok()?.since(epoch).ok()?.get_days()))
        });
        is_listed(&selection.accounts, self.account)
            && is_listed(&selection.regions, self.region)
            && day.is_none_or(|day| {
                selection.from_day.is_none_or(|from| day >= from)
                    && selection.to_day.is_none_or(|to| day <= to + LATEST_DELIVERY_DAYS)
            })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `YYYYMMDDHHMM` of the `_YYYYMMDDTHHMMZ` in a file name.
fn delivery_minute(name: &OsStr) -> Option<u64> {
    name.as_bytes().windows(15).find_map(|window| {
        let [b'_', date @ .., b'Z'] = window else {
            return None;
        };
        let digits = [&date[..8], &date[9..]].concat();
        let text = std::str::from_utf8(&digits).ok().filter(|text| is_digits(text) && date[8] == b'T')?;
        text.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "111122223333_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz";

    #[track_caller]
    fn check(path: &str, account: Option<&str>, region: Option<&str>, delivered: Option<u64>) {
        assert_eq!(Key::of(Path::new(path)), Key { account, region, delivered }, "{path}");
    }

    #[test]
    fn keys_of_every_layout() {
        let minute = Some(201_508_010_210);
        let account = Some("111122223333");
        let region = Some("us-east-2");
        check(&format!("/b/AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}"), account, region, minute);
        check(
            &format!("/b/p/q/AWSLogs/o-abcdefghij/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}"),
            account,
            region,
            minute,
        );
        check(
            &format!("/b/AWSLogs/111122223333/CloudTrail-Insight/us-east-2/2015/08/01/{NAME}"),
            account,
            region,
            minute,
        );
        check(&format!("/somewhere/{NAME}"), None, None, minute);
        check("/b/AWSLogs/111122223333/Config/us-east-2/2015/8/1/x_20150801T02Z.json.gz", None, None, None);
        check("/x_20140620T1255ZHdkvFTXOA3Vnhbc.json.gz", None, None, Some(201_406_201_255));
    }

    #[test]
    fn ten_million_archives_fit_in_two_gigabytes() {
        // The allocator rounds a name up to the next 16 bytes or so.
        let bytes = size_of::<Archive>() + NAME.len().next_multiple_of(16);
        assert!(bytes <= 200, "{bytes} bytes for an archive");
    }

    #[test]
    fn order_is_that_of_delivery_and_then_of_paths() {
        let archive = |folder: &str, name: &str, delivered| Archive {
            delivered,
            ..Archive::lost(&Arc::from(Path::new(folder)), OsStr::new(name))
        };
        let sorted = [
            archive("/z", "z", 0),
            archive("/a", "b", 1),
            archive("/a/b", "a", 1),
            archive("/a/b", "c", 1),
            archive("/a-b", "a", 1),
            archive("/a", "a", 2),
        ];
        assert!(sorted.is_sorted_by(|one, two| one.order(two).is_lt()));
        assert!(sorted[1..5].is_sorted_by_key(Archive::path));
        assert!(archive("/a", "b", 3).order(&archive("/a", "b", 3)).is_eq());
    }

    #[test]
    fn a_selector_never_passes_over_what_it_may_want() {
        let path = format!("/AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/{NAME}");
        let key = Key::of(Path::new(&path));
        let day = 16_648; // 2015-08-01
        let with = |from_day, to_day| Selection { from_day, to_day, ..Selection::default() };
        assert!(key.may_match(&with(Some(day), None)));
        assert!(!key.may_match(&with(Some(day + 1), None)));
        assert!(key.may_match(&with(None, Some(day - 31))));
        assert!(!key.may_match(&with(None, Some(day - 32))));
        assert!(!key.may_match(&Selection { accounts: vec!["9".into()], ..Selection::default() }));
        assert!(
            Key::of(Path::new("/x.json")).may_match(&Selection { accounts: vec!["9".into()], ..Selection::default() })
        );
    }
}
