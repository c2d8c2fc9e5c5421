//! From archives to files. In: a [`GenerateConfig`]. Out: gzip files below its folder, and the totals. Never leaves a
//! damaged file behind an `Ok`; after an error, files may be missing or short, and repeating the call repairs them,
//! because it writes the same bytes to the same names.

use std::fs;
use std::io;
use std::path::Path;

use libdeflater::{CompressionLvl, Compressor};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use trailmill::{Error, ErrorKind, Result};

use super::archive::Generator;
use super::config::{GenerateConfig, GenerateSummary};
use super::prng::word;

/// Writes all archives of the configuration below `config.out`, replacing those that are there. The first folder or file
/// that cannot be written ends the run.
pub(crate) fn generate(config: &GenerateConfig) -> Result<GenerateSummary> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build().map_err(|source| {
        let message = format!("--threads {}: they cannot be started: {source}", config.threads);
        Error::new(ErrorKind::ConfigInvalid, message)
    })?;
    fs::create_dir_all(&config.out).map_err(|source| unwritable(&config.out, source))?;
    let generator = Generator::new(config);
    let events = word(config.events_per_archive);
    threads.install(|| {
        (0..config.archives)
            .into_par_iter()
            .map_init(WorkerBuffers::default, |scratch, archive_index| {
                let written = scratch.write(&generator, &config.out, archive_index)?;
                Ok(GenerateSummary { archives: 1, events, ..written })
            })
            .try_reduce(GenerateSummary::default, |left, right| Ok(left.plus(right)))
    })
}

/// A worker's reusable buffers.
struct WorkerBuffers {
    json: Vec<u8>,
    gzip: Vec<u8>,
    compressor: Compressor,
}

impl Default for WorkerBuffers {
    fn default() -> Self {
        // Level 6 is gzip's own default, and what trail files look like they were compressed with.
        Self { json: Vec::new(), gzip: Vec::new(), compressor: Compressor::new(CompressionLvl::default()) }
    }
}

impl WorkerBuffers {
    fn write(&mut self, generator: &Generator, out: &Path, archive_index: usize) -> Result<GenerateSummary> {
        let (key, usage_records) = generator.archive(archive_index, &mut self.json);
        let path = out.join(key);
        let bound = self.compressor.gzip_compress_bound(self.json.len());
        self.gzip.resize(self.gzip.len().max(bound), 0);
        let length = self
            .compressor
            .gzip_compress(&self.json, &mut self.gzip)
            .map_err(|source| Error::at(ErrorKind::Internal, &path, source))?;
        write_file(&path, &self.gzip[..length]).map_err(|source| unwritable(&path, source))?;
        let (inflated_bytes, compressed_bytes) = (word(self.json.len()), word(length));
        Ok(GenerateSummary { usage_records, inflated_bytes, compressed_bytes, ..GenerateSummary::default() })
    }
}

/// Most archives share their folder with others: it is made only when it turns out to be missing.
fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match (fs::write(path, bytes), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            fs::write(path, bytes)
        }
        (written, _) => written,
    }
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::at(ErrorKind::OutputUnwritable, path, source).advise("name another folder with --out")
}
