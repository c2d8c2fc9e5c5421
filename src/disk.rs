//! Every change that a conversion makes on disk, or a restoration.
//!
//! In: paths and bytes. Out: the change, made. Never: two changes at once, or one that a [`FaultInjector`] was not asked about before:
//! what happens when a disk fails, or the machine, between any two of them can be tried.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use twox_hash::XxHash3_128;

/// A change on disk, or in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A folder is made, and those above it.
    CreateFolder,
    /// An empty file is made, or an older one emptied.
    CreateFile,
    /// Bytes are written.
    Write,
    /// What was written to a file is made durable.
    SyncFile,
    /// Names in a folder are made durable.
    SyncFolder,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    RemoveFile,
    /// A folder is removed, with all that is in it.
    RemoveFolder,
    /// An upload of an object is begun, or a piece of it is uploaded.
    Upload,
    /// An object is made of the pieces that were uploaded.
    Complete,
    /// An object is written at once.
    Put,
    /// An object is removed.
    RemoveObject,
}

/// Called before every change; may make it fail.
pub trait FaultInjector: fmt::Debug + Send + Sync {
    /// Lets a change happen, or makes it fail.
    ///
    /// # Errors
    ///
    /// What the disk shall seem to have answered.
    fn before(&self, effect: Effect, path: &Path) -> io::Result<()>;
}

/// The disk that a lake is on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    faults: Option<Arc<dyn FaultInjector>>,
}

impl Disk {
    pub(crate) fn new(faults: Option<Arc<dyn FaultInjector>>) -> Self {
        Self { faults }
    }

    /// Says that a change is about to be made.
    pub(crate) fn before(&self, effect: Effect, path: &Path) -> io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.before(effect, path))
    }

    /// Makes a folder and those above it, unless they are there.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.before(Effect::CreateFolder, path)?;
        fs::create_dir_all(path)
    }

    /// Opens a file to hold a lock on; it stays empty.
    pub(crate) fn lock_file(&self, path: &Path) -> io::Result<File> {
        if !path.exists() {
            self.before(Effect::CreateFile, path)?;
        }
        OpenOptions::new().write(true).create(true).truncate(false).open(path)
    }

    /// Renames a file.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Effect::Rename, to)?;
        fs::rename(from, to)
    }

    /// Removes a file; it may be gone already.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::RemoveFile, path)?;
        fs::remove_file(path).or_else(ignore_missing)
    }

    /// Removes a folder with all that is in it; it may be gone already.
    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        self.before(Effect::RemoveFolder, path)?;
        fs::remove_dir_all(path).or_else(ignore_missing)
    }

    /// Removes a folder unless something is in it.
    pub(crate) fn remove_empty_folder(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::RemoveFolder, path)?;
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.or_else(ignore_missing),
        }
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::SyncFolder, path)?;
        File::open(path)?.sync_all()
    }

    /// Makes a file durable that was written before.
    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::SyncFile, path)?;
        File::open(path)?.sync_all()
    }

    /// A file for bytes at any place, which is gone when the process ends, however it ends. Its name begins with `path`, for
    /// as long as it has one.
    pub(crate) fn nameless_file(&self, path: &Path) -> io::Result<ScratchFile> {
        if let Some(folder) = path.parent() {
            self.create_folder(folder)?;
        }
        for number in 0.. {
            let name = format!("{}-{}-{number}", path.display(), std::process::id());
            self.before(Effect::CreateFile, path)?;
            match OpenOptions::new().read(true).write(true).create_new(true).open(&name) {
                // Left by another process of this number that died before it could remove it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => {
                    let file = file?;
                    fs::remove_file(&name)?;
                    return Ok(ScratchFile { disk: self.clone(), path: path.to_owned(), file });
                }
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// A file that is opened to append only while it is written to: a lake may have thousands of partitions and a process a
/// thousand file handles.
pub(crate) struct StagedFile {
    disk: Disk,
    path: PathBuf,
    file: Option<File>,
    /// Of what was written.
    hash: XxHash3_128,
}

impl StagedFile {
    /// Creates the file and its folders; an older file of that name is overwritten.
    pub(crate) fn create(disk: &Disk, path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            disk.create_folder(folder)?;
        }
        disk.before(Effect::CreateFile, path)?;
        let file = File::create(path)?;
        Ok(Self { disk: disk.clone(), path: path.to_owned(), file: Some(file), hash: XxHash3_128::new() })
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(OpenOptions::new().append(true).open(&self.path)?)),
        }
    }

    /// A hash of all that was written, as commits list it.
    pub(crate) fn hash(&self) -> u128 {
        self.hash.finish_128()
    }

    /// Gives the handle back until the next write.
    pub(crate) fn release(&mut self) {
        self.file = None;
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.disk.before(Effect::SyncFile, &self.path)?;
        self.opened()?.sync_all()
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.before(Effect::Write, &self.path)?;
        let written = self.opened()?.write(bytes)?;
        self.hash.write(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The hash of what is read, as [`StagedFile::hash`] has it.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn hash_of(mut file: impl Read) -> io::Result<u128> {
    let mut hash = XxHash3_128::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finish_128()),
            Ok(read) => hash.write(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file without a name.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    disk: Disk,
    path: PathBuf,
    file: File,
}

impl ScratchFile {
    /// Writes bytes at a place.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.before(Effect::Write, &self.path)?;
        self.file.write_all_at(bytes, offset)
    }

    /// Reads up to so many bytes from a place; none at the end.
    pub(crate) fn read_some_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    /// Reads bytes from a place.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
}
