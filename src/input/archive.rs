//! One input: a file, an object of S3, a member of a container, or standard input.
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

/// One input. Ten million of them have to fit in memory, so it holds no full path: files of one folder share
/// the folder.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The folder it is in, absolute; for an object `s3://`, the bucket and the key up to the last slash; for a
    /// member the path of its container.
    folder: Arc<Path>,
    name: Box<OsStr>,
    /// Size as stored.
    pub(crate) bytes: u64,
    modified_ms: i64,
    /// Minute of delivery by its name, `YYYYMMDDHHMM` as a number; 0 when the name has none.
    delivered: u64,
    /// Whether it is a regular file: not a pipe, a socket or a device.
    pub(crate) is_regular: bool,
    origin: Origin,
    /// The result of opening it, when that decides its outcome.
    pub(crate) contents: Option<Box<ArchiveContents>>,
}

/// Where the bytes of an archive are.
#[derive(Clone, Debug)]
enum Origin {
    File,
    Object(Box<StoredObject>),
    /// An object that cannot be requested, and why.
    Unreachable(Box<Unreachable>),
    /// Copied from standard input, with a hash of it.
    Stdin(Box<(Arc<ScratchFile>, u128)>),
    /// In memory, under a name that the caller gives.
    Memory(Box<(String, Bytes)>),
    Member(Box<MemberPlace>),
}

/// Stands in for an object that cannot be requested.
#[derive(Clone, Debug)]
struct Unreachable {
    why: String,
}

/// The result of opening an archive.
#[derive(Clone, Debug)]
pub(crate) enum ArchiveContents {
    /// It is a container, whose members are separate archives, as far as they are certain.
    Members {
        kind: &'static str,
        /// Damage of the container.
        findings: Vec<Finding>,
    },
    /// It could not be read, so its content is unknown. It stays so for this run: read as text, a container would
    /// be considered foreign, and its members would be lost.
    Unread {
        /// The error of the system or the store.
        why: String,
    },
    /// It is something else, by its first bytes, and is not read any further.
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

    /// A file that has vanished since its folder was listed, or a dangling link: reading it will fail.
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

    /// An object of a bucket; `folder` is where it is, when the previous object has the same folder.
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

    /// An object that cannot be requested: reading it gives the reason.
    pub(super) fn unreachable(bucket: &Bucket, key: &str, why: &str) -> Self {
        let folder = Arc::from(Path::new(&bucket_folder(bucket)));
        Self {
            origin: Origin::Unreachable(Box::new(Unreachable { why: why.to_owned() })),
            ..Self::lost(&folder, OsStr::new(key))
        }
    }

    /// A copy of standard input; `hash` is of its bytes.
    pub(super) fn stdin(file: ScratchFile, bytes: u64, hash: u128) -> Self {
        let nowhere = Self::lost(&Arc::from(Path::new("")), OsStr::new("-"));
        Self { bytes, origin: Origin::Stdin(Box::new((Arc::new(file), hash))), ..nowhere }
    }

    /// Bytes in memory; its name is what follows the last slash of `uri`.
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
        // Members of a sequential container are converted in its order.
        let delivered = member.container.delivered().unwrap_or(delivered);
        let nowhere = Self::lost(folder, name);
        Self { bytes, modified_ms, delivered, origin: Origin::Member(Box::new(member)), ..nowhere }
    }

    /// The same, after it was opened.
    pub(crate) fn with_contents(self, contents: ArchiveContents) -> Self {
        Self { contents: Some(Box::new(contents)), ..self }
    }

    /// Its path; for a member, the path it would have if its container were a folder.
    pub(crate) fn path(&self) -> PathBuf {
        if let Origin::Unreachable(_) = self.origin {
            // A key may begin with a slash, or have two in a row: they are not path separators then.
            let mut path = self.folder.as_os_str().to_owned();
            path.push("/");
            path.push(&*self.name);
            return path.into();
        }
        self.folder.join(&*self.name)
    }

    /// The folder it is in, to be shared with others.
    pub(super) fn folder(&self) -> Arc<Path> {
        Arc::clone(&self.folder)
    }

    /// When it was delivered, if its name says so.
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
            // No more than was needed to identify it.
            Some(ArchiveContents::Foreign { .. }) => self.bytes.min(LOOK_BYTES as u64),
            Some(ArchiveContents::Members { .. } | ArchiveContents::Unread { .. }) => 0,
        }
    }

    /// Whether its key allows for events of a selection.
    pub(crate) fn may_match(&self, selection: &Selection) -> bool {
        ObjectKey::of(&self.path()).may_match(selection)
    }

    /// The order of conversion: by delivery, then by path, containers after their members.
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

    /// Its name in the lake: a `file://` URI that does not depend on how the input was spelled, or an `s3://` URI; for a member
    /// that of its container, an exclamation mark and its name; for standard input a hash of its bytes.
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
                // One byte more than expected shows that there is more.
                self.open()?.take(self.bytes.saturating_add(1)).read_to_end(buffer).map(drop)
            }
        }
    }

    fn read_file(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut file = fs::File::open(self.path())?;
        // One read instead of four system calls: a short read into a buffer with a spare byte has reached the end.
        let expected = usize::try_from(self.bytes).unwrap_or_default();
        buffer.resize(expected + 1, 0);
        let read = match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            read => read?,
        };
        buffer.truncate(read);
        if read == expected { Ok(()) } else { file.read_to_end(buffer).map(drop) }
    }

    /// The object to request; `None` when it is not in S3.
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

    /// Reads its first bytes, at most this many.
    pub(crate) fn read_head(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let opened = match (&self.origin, self.region()) {
            // Opening the object would fetch further pieces ahead.
            (Origin::Object(_), Some(region)) => Box::new(region.part(0, bytes as u64).open()?),
            _ => self.open()?,
        };
        opened.take(bytes as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// Its bytes for random access, if that is possible.
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

    /// Marks it as needed soon: when its container is read past it, its bytes are kept.
    pub(crate) fn mark_wanted(&self) {
        if let Origin::Member(member) = &self.origin {
            member.mark_wanted(self.bytes);
        }
    }

    /// Marks it as done.
    pub(crate) fn release(&self) {
        if let Origin::Member(member) = &self.origin {
            member.release();
        }
    }

    /// Whether it is in a container that can only be read from front to back.
    pub(crate) fn is_in_sequence(&self) -> bool {
        matches!(&self.origin, Origin::Member(member) if member.is_in_sequence())
    }

    /// How many containers it is nested in.
    pub(super) fn depth(&self) -> usize {
        match &self.origin {
            Origin::Member(member) => member.container.depth,
            _ => 0,
        }
    }

    /// Whether its name is one that CloudTrail gives: such a file is opened only when it is converted.
    pub(crate) fn is_named_like_a_log(&self) -> bool {
        let name = self.name.as_bytes();
        name.ends_with(b".json.gz") || name.ends_with(b".json")
    }

    /// Whether it is named like a CloudTrail log file: a file with such a name is one, or damaged.
    pub(crate) fn has_log_name(&self) -> bool {
        is_log_name(self.name.as_bytes())
    }

    /// Whether its name says that it is compressed with gzip.
    pub(crate) fn has_gzip_name(&self) -> bool {
        self.name.as_bytes().ends_with(b".gz")
    }

    /// Whether it is named like a zip.
    pub(super) fn is_named_like_a_zip(&self) -> bool {
        let name = self.name.as_bytes();
        name.last_chunk().is_some_and(|suffix: &[u8; 4]| suffix.eq_ignore_ascii_case(b".zip"))
    }

    /// Distinguishes its versions, in the manifest's form: the tag of an object, or a modification time.
    pub(crate) fn modified(&self) -> String {
        if let Origin::Object(object) = &self.origin
            && let Some(etag) = object.etag()
        {
            return etag;
        }
        let time = jiff::Timestamp::from_millisecond(self.modified_ms).unwrap_or_default().to_string();
        match &self.origin {
            // Zips that are rebuilt in the same way have the same times in them.
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
    fn archives_are_ordered_by_delivery_and_then_by_path() {
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
