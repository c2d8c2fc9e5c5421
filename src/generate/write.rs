//! From archives to files. In: a [`GenerateConfig`]. Out: gzip files below its folder, and the totals. Never leaves a
//! damaged file behind an `Ok`; after an error, files may be missing or short, and the same call made again mends them,
//! because it writes the same bytes to the same names.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libdeflater::{CompressionLvl, Compressor};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::prng::word;
use super::{GenerateConfig, GenerateSummary, Generator};
use crate::config::check_local;
use crate::error::{Error, ErrorKind};

/// Why archives could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum GenerateError {
    /// The folder is none of this machine.
    FolderElsewhere {
        /// Why.
        source: Error,
    },
    /// A folder could not be made.
    FolderUnwritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    ArchiveUnwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An archive could not be compressed.
    ArchiveIncompressible {
        /// The file it would have become.
        path: PathBuf,
        /// What the compressor said.
        source: libdeflater::CompressionError,
    },
    /// The threads could not be started.
    ThreadsUnavailable {
        /// How many were asked for.
        threads: usize,
        /// What the thread pool said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl fmt::Display for GenerateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FolderElsewhere { source } => source.fmt(formatter),
            Self::FolderUnwritable { path, source } => {
                write!(formatter, "{}: cannot make the folder: {source}", path.display())
            }
            Self::ArchiveUnwritable { path, source } => {
                write!(formatter, "{}: cannot write the archive: {source}", path.display())
            }
            Self::ArchiveIncompressible { path, source } => {
                write!(formatter, "{}: cannot compress the archive: {source}", path.display())
            }
            Self::ThreadsUnavailable { threads, source } => {
                write!(formatter, "cannot start {threads} threads: {source}")
            }
        }
    }
}

impl std::error::Error for GenerateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::FolderElsewhere { source } => source.source(),
            Self::FolderUnwritable { source, .. } | Self::ArchiveUnwritable { source, .. } => Some(source),
            Self::ArchiveIncompressible { source, .. } => Some(source),
            Self::ThreadsUnavailable { source, .. } => Some(source),
        }
    }
}

impl GenerateError {
    /// The same, as what ends a command.
    #[must_use]
    pub fn into_error(self) -> Error {
        match self {
            Self::FolderElsewhere { source } => source,
            Self::FolderUnwritable { path, source } | Self::ArchiveUnwritable { path, source } => {
                Error::at(ErrorKind::OutputUnwritable, &path, source).advise("name another folder with --out")
            }
            Self::ArchiveIncompressible { path, source } => Error::at(ErrorKind::Internal, &path, source),
            Self::ThreadsUnavailable { threads, source } => {
                Error::new(ErrorKind::ConfigInvalid, format!("--threads {threads}: they cannot be started: {source}"))
            }
        }
    }
}

/// Writes all archives of the configuration below `config.out`, replacing those that are there.
///
/// # Errors
///
/// The first folder or file that cannot be written ends the run.
pub fn generate(config: &GenerateConfig) -> Result<GenerateSummary, GenerateError> {
    check_local("--out", &config.out).map_err(|source| GenerateError::FolderElsewhere { source })?;
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()
        .map_err(|source| GenerateError::ThreadsUnavailable { threads: config.threads, source })?;
    make_folder(&config.out)?;
    let generator = Generator::new(config);
    threads.install(|| {
        (0..config.archives)
            .into_par_iter()
            .map_init(Scratch::default, |scratch, archive_index| scratch.write(&generator, &config.out, archive_index))
            .try_reduce(GenerateSummary::default, |left, right| Ok(left.plus(right)))
    })
}

impl GenerateSummary {
    fn plus(self, other: Self) -> Self {
        Self {
            archives: self.archives + other.archives,
            events: self.events + other.events,
            usage_records: self.usage_records + other.usage_records,
            inflated_bytes: self.inflated_bytes + other.inflated_bytes,
            compressed_bytes: self.compressed_bytes + other.compressed_bytes,
        }
    }
}

/// A worker's reusable buffers.
struct Scratch {
    json: Vec<u8>,
    gzip: Vec<u8>,
    compressor: Compressor,
}

impl Default for Scratch {
    fn default() -> Self {
        // Level 6 is gzip's own default, and what trail files look like they were compressed with.
        Self { json: Vec::new(), gzip: Vec::new(), compressor: Compressor::new(CompressionLvl::default()) }
    }
}

impl Scratch {
    fn write(
        &mut self,
        generator: &Generator,
        out: &Path,
        archive_index: usize,
    ) -> Result<GenerateSummary, GenerateError> {
        let (key, events, usage_records) = generator.archive_into(archive_index, &mut self.json);
        let path = out.join(key);
        let bound = self.compressor.gzip_compress_bound(self.json.len());
        if self.gzip.len() < bound {
            self.gzip.resize(bound, 0);
        }
        let compressed = match self.compressor.gzip_compress(&self.json, &mut self.gzip) {
            Ok(length) => &self.gzip[..length],
            Err(source) => return Err(GenerateError::ArchiveIncompressible { path, source }),
        };
        let compressed_bytes = word(compressed.len());
        write_file(path, compressed)?;
        Ok(GenerateSummary {
            archives: 1,
            events,
            usage_records,
            inflated_bytes: word(self.json.len()),
            compressed_bytes,
        })
    }
}

/// Most archives share their folder with others: it is made only when it turns out to be missing.
fn write_file(path: PathBuf, bytes: &[u8]) -> Result<(), GenerateError> {
    let written = match fs::write(&path, bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                make_folder(folder)?;
            }
            fs::write(&path, bytes)
        }
        written => written,
    };
    written.map_err(|source| GenerateError::ArchiveUnwritable { path, source })
}

fn make_folder(path: &Path) -> Result<(), GenerateError> {
    fs::create_dir_all(path).map_err(|source| GenerateError::FolderUnwritable { path: path.to_owned(), source })
}
