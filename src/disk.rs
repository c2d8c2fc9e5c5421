//! Every change on disk that a conversion or a restore makes.
//!
//! In: paths and bytes. Out: the change, made. Never: two changes at once, or one without asking the [`FaultInjector`] first:
//! a failure of the disk or the machine can be simulated between any two of them.

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
    /// A folder and its parents are created.
    CreateFolder,
    /// An empty file is created, or an older one truncated.
    CreateFile,
    /// Bytes are written.
    Write,
    /// The content of a file is made durable.
    SyncFile,
    /// Names in a folder are made durable.
    SyncFolder,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    RemoveFile,
    /// A folder is removed, with its content.
    RemoveFolder,
    /// An upload of an object is begun, or a piece of it is uploaded.
    Upload,
    /// An object is made from the uploaded pieces.
    Complete,
    /// An object is written in one request.
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
    /// The error that the disk is to return.
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

    /// Announces a change.
    pub(crate) fn before(&self, effect: Effect, path: &Path) -> io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.before(effect, path))
    }

    /// Creates a folder and its parents, unless they exist.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.before(Effect::CreateFolder, path)?;
        fs::create_dir_all(path)
    }

    /// Opens a file to lock; it stays empty.
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

    /// Removes a file, if it exists.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::RemoveFile, path)?;
        fs::remove_file(path).or_else(ignore_missing)
    }

    /// Removes a folder with its content, if it exists.
    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        self.before(Effect::RemoveFolder, path)?;
        fs::remove_dir_all(path).or_else(ignore_missing)
    }

    /// Removes a folder if it is empty.
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

    /// Makes a file that was written before durable.
    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.before(Effect::SyncFile, path)?;
        File::open(path)?.sync_all()
    }

    /// A file with random access, which vanishes when the process ends, for whatever reason. Its name begins with `path`, for
    /// as long as it has one.
    pub(crate) fn nameless_file(&self, path: &Path) -> io::Result<ScratchFile> {
        if let Some(folder) = path.parent() {
            self.create_folder(folder)?;
        }
        for number in 0.. {
            let name = format!("{}-{}-{number}", path.display(), std::process::id());
            self.before(Effect::CreateFile, path)?;
            match OpenOptions::new().read(true).write(true).create_new(true).open(&name) {
                // Left by another process with the same id that died before it could remove it.
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

/// A file that is only opened while it is appended to: a lake may have thousands of partitions and a process a
/// thousand file handles.
pub(crate) struct StagedFile {
    disk: Disk,
    path: PathBuf,
    file: Option<File>,
    /// Hash of the bytes written.
    hash: XxHash3_128,
}

impl StagedFile {
    /// Creates the file and its folders; an older file of that name is truncated.
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

    /// The hash of the bytes written, as commits list it.
    pub(crate) fn hash(&self) -> u128 {
        self.hash.finish_128()
    }

    /// Closes the handle until the next write.
    pub(crate) fn release(&mut self) {
        self.file = None;
    }

    /// Makes the bytes written durable.
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

/// The hash of a reader's bytes, as in [`StagedFile::hash`].
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

/// An unnamed file.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    disk: Disk,
    path: PathBuf,
    file: File,
}

impl ScratchFile {
    /// Writes bytes at a position.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.before(Effect::Write, &self.path)?;
        self.file.write_all_at(bytes, offset)
    }

    /// Reads at most this many bytes from a position; none at the end.
    pub(crate) fn read_some_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    /// Reads bytes from a position.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
}
