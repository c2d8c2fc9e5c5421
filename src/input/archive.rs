//! One input object: a file, an object of S3, a member of a container, or what came on standard input.
//!
//! In: where it was found. Out: its name in the lake, its place in the order, its bytes. Never: holds them, or a handle.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::container::{LARGE_BYTES, LOOK_BYTES, MemberPlace};
use super::key::{ObjectKey, is_log_name};
use super::object::{StoredObject, bucket_folder};
use super::region::{Base, Region};
use super::uri::push_escaped;
use crate::disk::ScratchFile;
use crate::error::Finding;
use crate::model::Selection;
use crate::store::{Bucket, Object, Version};

/// One input object. Ten million of them have to fit in memory, so it holds no full path: files of one folder share
/// that.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The folder it is in, absolute; of an object `s3://`, the bucket and what stands before the last slash of its key; of a
    /// member the path of its container.
    folder: Arc<Path>,
    name: Box<OsStr>,
    /// Size as stored.
    pub(crate) bytes: u64,
    modified_ms: i64,
    /// Minute of delivery by its name, `YYYYMMDDHHMM` as a number; 0 when the name tells none.
    delivered: u64,
    /// Whether it is a file that can be read at all: not a pipe, a socket or a device.
    pub(crate) is_regular: bool,
    origin: Origin,
    /// What came of looking into it, when that decides what becomes of it.
    pub(crate) contents: Option<Box<ArchiveContents>>,
}

/// Where the bytes of an archive are.
#[derive(Clone, Debug)]
enum Origin {
    File,
    Object(Box<StoredObject>),
    /// An object that cannot be asked for, and why.
    Unreachable(Box<Unreachable>),
    /// Copied from standard input, with a hash of it.
    Stdin(Box<(Arc<ScratchFile>, u128)>),
    /// At hand, under a name that whoever has them gives.
    Memory(Box<(String, Bytes)>),
    Member(Box<MemberPlace>),
}

/// What is said of an object instead of its bytes.
#[derive(Clone, Debug)]
struct Unreachable {
    why: String,
}

/// What came of looking into an archive.
#[derive(Clone, Debug)]
pub(crate) enum ArchiveContents {
    /// It is a container, whose members are archives of their own: those that are certain.
    Members {
        kind: &'static str,
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
    /// It could not be read, so that nobody knows what is in it. It stays so for this run: read as text, a container would
    /// be taken for something foreign, and its members would be lost.
    Unread {
        /// What the system or the store said.
        why: String,
    },
    /// It is something else, as its beginning says, and is not read any further.
    Foreign { kind: &'static str },
}

impl Archive {
    pub(super) fn file(folder: &Arc<Path>, name: &OsStr, metadata: &fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self {
            bytes: metadata.len(),
            modified_ms: modified.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or_default(),
            delivered: ObjectKey::of(Path::new(name)).delivered.unwrap_or_default(),
            is_regular: metadata.is_file(),
            ..Self::lost(folder, name)
        }
    }

    /// A file that is gone since its folder was listed, or a link to nowhere: reading it will tell.
    pub(super) fn lost(folder: &Arc<Path>, name: &OsStr) -> Self {
        Self {
            folder: Arc::clone(folder),
            name: name.into(),
            bytes: 0,
            modified_ms: 0,
            delivered: 0,
            is_regular: true,
            origin: Origin::File,
            contents: None,
        }
    }

    /// An object of a bucket; `folder` is where it is, when that is known from the object before.
    pub(super) fn object(bucket: &Arc<Bucket>, folder: Option<&Arc<Path>>, object: &Object) -> Self {
        let (above, name) = object.key.rsplit_once('/').unwrap_or(("", &object.key));
        let mut path = bucket_folder(bucket);
        if !above.is_empty() {
            path.push('/');
            path.push_str(above);
        }
        let folder = folder.filter(|folder| folder.as_os_str() == path.as_str()).cloned();
        Self {
            bytes: object.bytes,
            modified_ms: object.modified_ms,
            delivered: ObjectKey::of(Path::new(name)).delivered.unwrap_or_default(),
            origin: Origin::Object(Box::new(StoredObject::new(bucket, object.etag.as_deref()))),
            ..Self::lost(&folder.unwrap_or_else(|| Arc::from(Path::new(&path))), OsStr::new(name))
        }
    }

    /// An object that cannot be asked for: reading it tells why.
    pub(super) fn unreachable(bucket: &Bucket, key: &str, why: &str) -> Self {
        let folder = Arc::from(Path::new(&bucket_folder(bucket)));
        Self {
            origin: Origin::Unreachable(Box::new(Unreachable { why: why.to_owned() })),
            ..Self::lost(&folder, OsStr::new(key))
        }
    }

    /// What came on standard input; `hash` is of its bytes.
    pub(super) fn stdin(file: ScratchFile, bytes: u64, hash: u128) -> Self {
        let nowhere = Self::lost(&Arc::from(Path::new("")), OsStr::new("-"));
        Self { bytes, origin: Origin::Stdin(Box::new((Arc::new(file), hash))), ..nowhere }
    }

    /// Bytes that are at hand; what stands behind the last slash of `uri` is its name.
    pub(crate) fn in_memory(uri: &str, bytes: Bytes) -> Self {
        let (folder, name) = uri.rsplit_once('/').unwrap_or(("", uri));
        Self {
            bytes: bytes.len() as u64,
            delivered: ObjectKey::of(Path::new(name)).delivered.unwrap_or_default(),
            origin: Origin::Memory(Box::new((uri.to_owned(), bytes))),
            ..Self::lost(&Arc::from(Path::new(folder)), OsStr::new(name))
        }
    }

    /// A member of a container of which `bytes` bytes can be read.
    pub(super) fn member(folder: &Arc<Path>, name: &OsStr, bytes: u64, modified_ms: i64, member: MemberPlace) -> Self {
        let delivered = ObjectKey::of(Path::new(name)).delivered.unwrap_or_default();
        // What can only be read from front to back is converted in that order.
        let delivered = member.container.delivered().unwrap_or(delivered);
        let nowhere = Self::lost(folder, name);
        Self { bytes, modified_ms, delivered, origin: Origin::Member(Box::new(member)), ..nowhere }
    }

    /// The same, after it was looked into.
    pub(crate) fn with_contents(self, contents: ArchiveContents) -> Self {
        Self { contents: Some(Box::new(contents)), ..self }
    }

    /// Where it is; of a member, where it would be if its container were a folder.
    pub(crate) fn path(&self) -> PathBuf {
        if let Origin::Unreachable(_) = self.origin {
            // A key may begin with a slash, and nothing be between two: they are no separators then.
            let mut path = self.folder.as_os_str().to_owned();
            path.push("/");
            path.push(&*self.name);
            return path.into();
        }
        self.folder.join(&*self.name)
    }

    /// The folder it is in, to be shared with others there.
    pub(super) fn folder(&self) -> Arc<Path> {
        Arc::clone(&self.folder)
    }

    /// When it was delivered, as far as its name says.
    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Whether it is a container that was opened.
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.contents.as_deref(), Some(ArchiveContents::Members { .. }))
    }

    /// Bytes of it that count as read: those of a container count with its members.
    pub(crate) fn bytes_to_read(&self) -> u64 {
        match self.contents.as_deref() {
            None => self.bytes,
            // No more than what identified it.
            Some(ArchiveContents::Foreign { .. }) => self.bytes.min(LOOK_BYTES as u64),
            Some(ArchiveContents::Members { .. } | ArchiveContents::Unread { .. }) => 0,
        }
    }

    /// Whether its key shows that it holds nothing of a selection.
    pub(crate) fn may_match(&self, selection: &Selection) -> bool {
        ObjectKey::of(&self.path()).may_match(selection)
    }

    /// The order of conversion: that of delivery, then that of paths, containers behind all that may be in them.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let by_place = || match (&self.origin, &other.origin) {
            (Origin::Member(one), Origin::Member(two)) if Arc::ptr_eq(&one.container, &two.container) => {
                one.order(two, || self.name.cmp(&other.name))
            }
            _ if Arc::ptr_eq(&self.folder, &other.folder) => self.name.cmp(&other.name),
            _ => self.folder.iter().chain([&*self.name]).cmp(other.folder.iter().chain([&*other.name])),
        };
        let by_delivery = || self.delivered.cmp(&other.delivered);
        self.is_container().cmp(&other.is_container()).then_with(by_delivery).then_with(by_place)
    }

    /// Its name in the lake: a `file://` URI that does not depend on how the input was spelled, or an `s3://` URI; of a member
    /// that of its container, an exclamation mark and its name; of standard input a hash of what came.
    pub(crate) fn uri(&self) -> String {
        match &self.origin {
            Origin::File => {
                let mut uri = String::from("file://");
                push_escaped(&mut uri, self.path().as_os_str());
                uri
            }
            Origin::Object(_) | Origin::Unreachable(_) => {
                let mut uri = String::new();
                push_escaped(&mut uri, self.path().as_os_str());
                uri
            }
            Origin::Memory(memory) => memory.0.clone(),
            Origin::Stdin(stdin) => format!("stdin:xxh3-{:032x}", stdin.1),
            Origin::Member(member) => {
                let mut uri = format!("{}!", member.container.uri);
                push_escaped(&mut uri, &self.name);
                if member.occurrence > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(uri, "#{}", member.occurrence + 1);
                }
                uri
            }
        }
    }

    /// Reads its bytes into a buffer.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        match &self.origin {
            Origin::File => self.read_file(buffer),
            Origin::Object(_) if self.bytes < LARGE_BYTES => {
                let bytes = self.version().map_or_else(|| Ok(Bytes::new()), |version| version.read())?;
                buffer.clear();
                buffer.extend_from_slice(&bytes);
                Ok(())
            }
            Origin::Member(member) if member.is_kept(self.bytes) => member.read(self.bytes, buffer),
            _ => {
                buffer.clear();
                // One more than expected shows that there is more.
                self.open()?.take(self.bytes.saturating_add(1)).read_to_end(buffer).map(drop)
            }
        }
    }

    fn read_file(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut file = fs::File::open(self.path())?;
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

    /// What is asked of the store to read it; `None` when that is nothing.
    pub(crate) fn version(&self) -> Option<Version> {
        match &self.origin {
            Origin::Object(object) if self.bytes > 0 => Some(object.version(&self.path(), self.bytes)),
            _ => None,
        }
    }

    /// Opens it to be read from front to back.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match (&self.origin, self.region()) {
            // A file may have grown since it was found.
            (Origin::File, _) => Ok(Box::new(fs::File::open(self.path())?)),
            (Origin::Object(_), _) => Ok(match self.version() {
                Some(version) => Box::new(version.open()?),
                None => Box::new(io::empty()),
            }),
            (Origin::Unreachable(object), _) => Err(io::Error::new(io::ErrorKind::InvalidInput, object.why.as_str())),
            // A member may have a checksum.
            (Origin::Member(member), _) => member.open(self.bytes),
            (_, Some(region)) => Ok(Box::new(region.open()?)),
            (Origin::Stdin(_) | Origin::Memory(_), None) => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    /// Reads its first bytes, so many at most.
    pub(crate) fn read_head(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let opened = match (&self.origin, self.region()) {
            // To read on is what opening would prepare for.
            (Origin::Object(_), Some(region)) => Box::new(region.part(0, bytes as u64).open()?),
            _ => self.open()?,
        };
        opened.take(bytes as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// Where its bytes are, when they can be read at any place.
    pub(super) fn region(&self) -> Option<Region> {
        match &self.origin {
            Origin::File => Some(Region::new(Base::File(Arc::from(self.path())), self.bytes)),
            Origin::Object(_) => Some(Region::new(Base::Object(Arc::new(self.version()?)), self.bytes)),
            Origin::Unreachable(_) => None,
            Origin::Memory(memory) => Some(Region::new(Base::Memory(memory.1.clone()), self.bytes)),
            Origin::Stdin(stdin) => Some(Region::new(Base::Scratch(Arc::clone(&stdin.0)), self.bytes)),
            Origin::Member(member) => member.region(self.bytes),
        }
    }

    /// Says that it is read soon: while what is before it in its container is read, it is kept.
    pub(crate) fn mark_wanted(&self) {
        if let Origin::Member(member) = &self.origin {
            member.mark_wanted(self.bytes);
        }
    }

    /// Says that it is done with.
    pub(crate) fn release(&self) {
        if let Origin::Member(member) = &self.origin {
            member.release();
        }
    }

    /// Whether it is in a container that can only be read from front to back.
    pub(crate) fn is_in_sequence(&self) -> bool {
        matches!(&self.origin, Origin::Member(member) if member.is_in_sequence())
    }

    /// How deep in containers it is.
    pub(super) fn depth(&self) -> usize {
        match &self.origin {
            Origin::Member(member) => member.container.depth,
            _ => 0,
        }
    }

    /// Whether its name is one that CloudTrail gives: such a file is looked into when it is converted, and not before.
    pub(crate) fn is_named_like_a_log(&self) -> bool {
        let name = self.name.as_bytes();
        name.ends_with(b".json.gz") || name.ends_with(b".json")
    }

    /// Whether it is called as CloudTrail calls a log file: what is under such a name is one, or damage.
    pub(crate) fn has_log_name(&self) -> bool {
        is_log_name(self.name.as_bytes())
    }

    /// Whether its name says that it is compressed with gzip.
    pub(crate) fn has_gzip_name(&self) -> bool {
        self.name.as_bytes().ends_with(b".gz")
    }

    /// Whether its name is that of a zip.
    pub(super) fn is_named_like_a_zip(&self) -> bool {
        let name = self.name.as_bytes();
        name.last_chunk().is_some_and(|suffix: &[u8; 4]| suffix.eq_ignore_ascii_case(b".zip"))
    }

    /// What distinguishes one version of it from another, in the manifest's form: the tag of an object, or a modification time.
    pub(crate) fn modified(&self) -> String {
        if let Origin::Object(object) = &self.origin
            && let Some(etag) = object.etag()
        {
            return etag;
        }
        let time = jiff::Timestamp::from_millisecond(self.modified_ms).unwrap_or_default().to_string();
        match &self.origin {
            // Zips that are made again in the same way have the same times in them.
            Origin::Member(member) => {
                member.crc32().map_or_else(|| time.clone(), |crc32| format!("{time} crc32:{crc32:08x}"))
            }
            _ => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_archives_fit_in_two_gigabytes() {
        const NAME: &str = "111122223333_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz";
        // The allocator rounds a name up to the next 16 bytes or so.
        let bytes = size_of::<Archive>() + NAME.len().next_multiple_of(16) + size_of::<StoredObject>();
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
    fn names_are_escaped_so_that_each_has_one_uri() {
        let archive = |name: &str| Archive::lost(&Arc::from(Path::new("/a b")), OsStr::new(name)).uri();
        assert_eq!(archive("x!y#2.json"), "file:///a%20b/x%21y%232.json");
        assert_eq!(archive("é?%"), "file:///a%20b/%C3%A9%3F%25");
    }
}
