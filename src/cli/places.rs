//! Paths as typed, of all commands: which of them may be URLs.
//!
//! In: the arguments. Out: nothing, when each path is a place that its command can read or write. Never: assumes that an
//! argument may be a URL: one that is not listed here is local.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, CommandFactory};
use trailmill::Result;
use trailmill::config::{check_local, check_place};

use super::Cli;

/// Arguments that may be in a bucket, by command.
const IN_BUCKETS: [(&str, &[&str]); 6] = [
    ("convert", &["inputs", "out"]),
    ("check", &["lake"]),
    ("inspect", &["inputs"]),
    ("restore", &["lake"]),
    ("verify", &["inputs"]),
    ("ddl", &["lake"]),
];

/// Checks the paths of a command.
///
/// # Errors
///
/// The first that cannot be read or written, with its flag or argument.
pub(crate) fn check(matches: &ArgMatches) -> Result<()> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let mut command = Cli::command();
    // Names of arguments are only assigned when the command is built.
    command.build();
    let Some(command) = command.find_subcommand(name) else { return Ok(()) };
    let in_buckets =
        IN_BUCKETS.iter().find(|(command, _)| *command == name).map_or(&[][..], |(_, arguments)| arguments);
    let is_path = |argument: &&Arg| argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    for argument in command.get_arguments().filter(is_path) {
        let id = argument.get_id().as_str();
        let check = if in_buckets.contains(&id) { check_place } else { check_local };
        for typed in matches.get_raw(id).into_iter().flatten() {
            check(&named(argument), Path::new(typed))?;
        }
    }
    Ok(())
}

/// The name of an argument in the help.
fn named(argument: &Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default(),
    }
}
