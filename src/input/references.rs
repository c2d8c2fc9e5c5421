//! Archives that are named one by one, in files or on standard input.
//!
//! In: lines. Out: archives, and errors in lines. Never: ends a run because of a line: a queue must not be blocked
//! by one bad message.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use super::Archive;
use super::discover::Search;
use super::encoding::utf8_reader;
use super::notices::{Notice, Reference};
use crate::error::{Error, ErrorKind, Result, printable_path};
use crate::model::{NoticeCounts, STDIN};
use crate::store::{Object, ObjectUrl};

/// Maximum bytes of a line: SQS returns at most ten messages of 1 MiB at once.
const MAX_LINE_BYTES: u64 = 32 << 20;

/// Objects whose metadata is requested together.
const ASKED_ABOUT_AT_ONCE: usize = 1_024;

/// Archives named by lines.
#[derive(Debug, Default)]
pub(crate) struct Referenced {
    pub(crate) objects: Vec<Archive>,
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) counts: NoticeCounts,
    /// Errors in lines, with their positions.
    pub(crate) wrong: Vec<String>,
}

/// Reads files of lines; `-` is standard input. What is also among the inputs is left to be found there.
///
/// # Errors
///
/// A file that cannot be read.
pub(crate) fn follow(files: &[PathBuf], inputs: &[PathBuf], search: &Search<'_>) -> Result<Referenced> {
    let inputs: Vec<ObjectUrl> = inputs.iter().filter_map(|input| ObjectUrl::of(input).ok()?).collect();
    let mut referenced = Referenced::default();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for file in files {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::at(ErrorKind::InputMissing, file, error).advise("check --inputs-from"),
            _ => Error::at(ErrorKind::InputUnreadable, file, error),
        };
        let mut reader = match file.as_os_str() {
            name if name == STDIN => utf8_reader(io::stdin().lock()),
            _ => File::open(file).and_then(utf8_reader),
        }
        .map_err(unreadable)?;
        for number in 1_u64.. {
            let Some(line) = next_line(&mut reader).map_err(unreadable)? else { break };
            let notice = match &line {
                Ok(line) => Notice::read(line),
                Err(why) => Notice { wrong: vec![(*why).to_owned()], ..Notice::default() },
            };
            let place = format!("{}:{number}", printable_path(&file.display().to_string()));
            let mut wrong = notice.wrong;
            for reference in notice.references {
                match reference {
                    Reference::Object(url) if seen.insert((url.bucket.clone(), url.key.clone())) => {
                        keys.entry(url.bucket).or_default().push(url.key);
                    }
                    Reference::Object(_) => {}
                    Reference::Path(path) if path.exists() => referenced.paths.push(path),
                    Reference::Path(path) => {
                        let path = printable_path(&path.display().to_string());
                        wrong.push(format!("neither a message nor a file that exists: {path}"));
                    }
                }
                referenced.counts.references += 1;
            }
            referenced.counts.lines += 1;
            referenced.counts.passed_over += notice.passed_over;
            referenced.counts.wrong += wrong.len() as u64;
            referenced.wrong.extend(wrong.into_iter().map(|wrong| format!("{place}: {wrong}")).take(MOST_TOLD));
            referenced.wrong.truncate(MOST_TOLD);
        }
    }
    for (bucket, keys) in keys {
        for keys in keys.chunks(ASKED_ABOUT_AT_ONCE) {
            referenced.objects.extend(objects(&bucket, keys, &inputs, search)?);
        }
    }
    Ok(referenced)
}

/// Maximum number of lines that are reported.
const MOST_TOLD: usize = 100;

/// Requests the metadata of objects. A missing or inaccessible one is an archive that cannot be read.
fn objects(bucket: &str, keys: &[String], inputs: &[ObjectUrl], search: &Search<'_>) -> Result<Vec<Archive>> {
    let bucket = search.session.bucket(bucket)?;
    // It would be counted twice as one that is known.
    let is_listed = |key: &str| {
        let is_input = |url: &ObjectUrl| url.key == key || key.starts_with(&url.prefix());
        inputs.iter().any(|url| url.bucket == bucket.name() && is_input(url)) && search.lists(&bucket, key)
    };
    let archive = |(key, head): (&String, io::Result<Object>)| match head {
        Ok(object) if is_listed(&object.key) => None,
        Ok(object) => Some(Archive::object(&bucket, None, &object)),
        Err(error) => Some(Archive::unreachable(&bucket, key, &error.to_string())),
    };
    let archives = keys.iter().zip(bucket.head_all(keys)).filter_map(archive);
    Ok(archives.filter(|archive| search.wants(archive)).collect())
}

/// The next line, or why it is invalid; `None` at the end.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<Result<String, &'static str>>> {
    let mut line = Vec::new();
    if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
        loop {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            if read == 0 || line.last() == Some(&b'\n') {
                return Ok(Some(Err("the line is too long")));
            }
        }
    }
    Ok(Some(String::from_utf8(line).map_err(|_| "the line is not UTF-8")))
}
