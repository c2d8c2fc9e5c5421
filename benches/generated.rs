//! Archives to measure with, made by the program itself.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// Generates archives, so many of so many events each if sizes are given; returns the numbers of archives, events and
/// usage records.
pub(crate) fn generate(mix: &str, sizes: Option<(usize, usize)>, out: &Path) -> Result<[u64; 3], Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
    command.args(["generate", "--mix", mix, "--out"]).arg(out);
    if let Some((archives, events)) = sizes {
        command.args(["--archives", &archives.to_string(), "--events-per-archive", &events.to_string()]);
    }
    let output = command.output()?;
    let said = String::from_utf8(output.stderr)?;
    // 200 archives, 500,000 events, 2,466 usage records, …
    let numbers = said.split(", ").take(3).map_while(|part| part.split(' ').next()?.replace(',', "").parse().ok());
    match numbers.collect::<Vec<u64>>()[..] {
        [archives, events, usage_records] if output.status.success() => Ok([archives, events, usage_records]),
        _ => Err(said.into()),
    }
}
