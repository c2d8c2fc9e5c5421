//! Integration tests: what users see, and the promises, one file each.
#![expect(unreachable_pub, reason = "helpers are shared between modules, and nothing is exported from a test binary")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test says what it expects by panicking, its helpers too")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "messages of tests need not be fast")]

/// Archives that are converted again: rows replaced, nothing doubled.
mod again;
/// `src/` against a table of which module may use what.
mod architecture;
/// A lake against its own manifest.
mod check;
/// What a person at a terminal sees.
mod cli;
/// Deliveries that are named after the day before their events.
mod clock;
/// Tar, zip and compression around archives.
mod containers;
/// What counts as an archive: key layouts, names, containers, texts.
mod convert;
/// Real data, where available.
mod corpus;
/// Bad input: each defect of `data/corrupt`, its reported place and what is kept around it.
mod corrupt;
/// Killed between any two changes on disk, and run again.
mod crash;
/// Statements for engines: what they say, that engines run them, what is refused.
mod ddl;
/// The library's push decoder against its reader.
mod decoder;
/// An event is written once.
mod dedup;
/// The same inputs give the same bytes.
mod determinism;
/// Log files and digest files as CloudTrail delivers them, signed with keys of our own.
mod digests;
/// Text in UTF-16, and with byte order marks.
mod encodings;
/// The lake as real engines read it, where available.
mod engines;
/// The checked-in data: how each file is generated, and that it matches its generator.
mod fixtures;
/// Hand-written archives and their rows.
mod golden;
/// Working folders, archives, running the binary, and a dump of everything when a test fails.
mod harness;
/// Running again, overlapping inputs, links, dry runs.
mod incremental;
/// What is in archives and lakes, counted.
mod inspect;
/// Archives against digest files, while they are converted.
mod integrity;
/// Archives too large to be held in one piece.
mod large;
/// The Parquet files as their readers see them.
mod layout;
/// System failures: limits, full and read-only file systems, files in the wrong place, other lakes.
mod limits;
/// Memory is bounded whatever the input.
mod memory;
/// Random histories of a lake against a model of what it must hold.
mod model;
/// Damage of all kinds, drawn from a seed: no damage stops a run or costs sound events before it.
mod mutation;
/// The command that is printed at the end, pasted into a shell.
mod next_step;
/// README.md and the pages it links to: links, commands and their output.
mod pages;
/// The writers of Parquet pages against the Parquet library.
mod parquet_pages;
/// Partition folders, tables and selectors.
mod partitions;
/// Paths and URLs on the command line: read or written there, or refused.
mod places;
/// Other processes: signals, two runs at once, inputs that vanish.
mod processes;
/// Random archives: the converter against the slow reference.
mod property;
/// Queries for Athena's CloudTrail table, on a lake.
mod queries;
/// The seller's questions, with known answers, asked of engines.
mod questions;
/// The library's reader against the lake that a conversion makes.
mod reader;
/// The independent serde_json reference, written from the contract alone.
#[expect(
    clippy::from_iter_instead_of_collect,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    reason = "the shortest way to say a rule"
)]
mod reference;
/// One test per bug, named by its symptom.
mod regression;
/// Events restored from the lake, equal to the originals.
mod restore;
/// Restoring by the names, addresses and times that people type, and the messages when nothing is found.
mod restore_asked;
/// Filters: which events, in what order, at what cost, and what goes wrong.
mod restore_filter;
/// Object stores: real servers, and faults between them and the program.
mod s3;
/// Where credentials are found.
mod s3_credentials;
/// Archives in buckets of S3.
mod s3_input;
/// Lakes in a bucket.
mod s3_lake;
/// Lakes in buckets through outages.
mod s3_outage;
/// Outcomes and quantities of the sample, worked out a third way.
mod sample;
/// Many generated events against the reference.
mod scale;
/// The columns of the contract, as printed by the program and in `data/columns.md`.
mod schema;
/// Every form that people have CloudTrail in.
mod shapes;
/// Random copies of what CloudTrail delivered, and random tampering, assessed a second time by AWS's rules.
mod tampering;
/// Copies of what CloudTrail delivered: each change that may be made to one, and how it is reported.
mod verify;
/// Zips: names twice, appends, several in one file, members left out, damage.
mod zips;
