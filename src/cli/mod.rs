//! The command line: its arguments, and the requests that they make.
//!
//! In: arguments. Out: configurations of the library, one file for each command. Never: runs any of them.

mod check;
mod convert;
mod ddl;
mod generate;
mod inspect;
mod places;
mod restore;
mod s3;
mod schema;
mod selection;
mod values;
mod verify;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use check::CheckArgs;
pub(crate) use convert::{ConvertArgs, ProgressArg};
pub(crate) use ddl::DdlArgs;
pub(crate) use generate::GenerateArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use places::check as check_places;
pub(crate) use restore::RestoreArgs;
pub(crate) use schema::SchemaArgs;
pub(crate) use verify::VerifyArgs;

/// Mills AWS CloudTrail archives into partitioned Parquet.
///
/// Every event becomes a row of `events`, and every AWS Marketplace usage record a row of `usage_records` joined to
/// AWS's response. Nothing is lost: what cannot be converted is kept in `quarantine`, with the reason.
#[derive(Debug, Parser)]
#[command(name = "trailmill", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all converted (check, verify: sound), 1 converted but some input was quarantined or is in the lake in another form (check, verify: findings; inspect: bad input), 2 usage or environment error, 75 another run is using the lake (try again later, or use --wait), 128 + signal when stopped by one."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Convert(Box<ConvertArgs>),
    Check(CheckArgs),
    Inspect(InspectArgs),
    Restore(Box<RestoreArgs>),
    Verify(VerifyArgs),
    Schema(SchemaArgs),
    Ddl(DdlArgs),
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    ///
    /// Example: trailmill completions bash > /`etc/bash_completion.d/trailmill`
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    ///
    /// Example: trailmill man | man -l -
    Man,
}

/// The same error without unhelpful tips: names that are far from what was typed, and that a flag may be meant as a
/// path.
pub(crate) fn without_guesses(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    for (kind, guess) in [
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
    ] {
        let Some(ContextValue::String(typed)) = error.get(kind).cloned() else { continue };
        let near = match error.remove(guess) {
            Some(ContextValue::String(name)) if is_near(&typed, &name) => Some(ContextValue::String(name)),
            Some(ContextValue::Strings(mut names)) => {
                names.retain(|name| is_near(&typed, name));
                (!names.is_empty()).then_some(ContextValue::Strings(names))
            }
            _ => None,
        };
        near.and_then(|near| error.insert(guess, near));
        if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
            tips.retain(|tip| !(typed.starts_with("--") && tip.to_string().contains("as a value")));
            if !tips.is_empty() {
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
            }
        }
    }
    error
}

/// Whether a name differs from what was typed only by typos, or one begins with the other.
fn is_near(typed: &str, name: &str) -> bool {
    let (typed, name) = (typed.trim_start_matches('-'), name.trim_start_matches('-'));
    let slips = (typed.chars().count() / 3).max(1);
    typed.starts_with(name) || name.starts_with(typed) || strsim::osa_distance(typed, name) <= slips
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declarations_are_consistent_and_every_flag_has_help() {
        use clap::CommandFactory;
        let command = Cli::command().help_expected(true);
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            assert!(subcommand.get_about().is_some(), "{} has no help", subcommand.get_name());
        }
    }
}
