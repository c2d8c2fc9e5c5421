//! Integration tests: what users see, and the promises, one file each.
#![expect(unreachable_pub, reason = "helpers are shared between modules, and nothing is exported from a test binary")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test says what it expects by panicking, its helpers too")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "messages of tests need not be fast")]

/// Archives that are converted again: rows replaced, nothing doubled.
mod again;
/// `src/` against a table of who may use what.
mod architecture;
/// A lake against its own manifest.
mod check;
/// What a person at a terminal sees.
mod cli;
/// Deliveries that are called after the day before their events.
mod clock;
/// Tar, zip and compression around archives.
mod containers;
/// What is taken for an archive: key layouts, names, containers, texts.
mod convert;
/// Real data, where it is at hand.
mod corpus;
/// Bad input: each defect of `data/corrupt`, where it is told to be and what is saved around it.
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
/// The lake as DuckDB and pyarrow read it, where they are at hand.
mod engines;
/// The checked-in data: how each file is made, and that it is what its maker makes.
mod fixtures;
/// Hand-written archives and the rows that come of them.
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
/// Trouble of the system: limits, full and read-only file systems, files in the wrong place, lakes of others.
mod limits;
/// Memory is bounded whatever the input.
mod memory;
/// Random histories of a lake against a model of what it must hold.
mod model;
/// Damage of all kinds, drawn from a seed: nothing stops a run, nothing sound before it is lost.
mod mutation;
/// The command that is printed at the end, pasted into a shell.
mod next_step;
/// README.md and the pages it links to: links, commands and their output.
mod pages;
/// The writers of Parquet pages against the Parquet library.
mod parquet_pages;
/// Partition folders, tables and selectors.
mod partitions;
/// Places that are named on the command line: read or written where they say, or refused.
mod places;
/// Other processes: signals, two runs at once, inputs that vanish.
mod processes;
/// Random archives: the converter against the slow reference.
mod property;
/// Queries for Athena's CloudTrail table, on a lake.
mod queries;
/// The seller's questions, answered by engines where the answer is known.
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
/// Events out of the lake again, equal to what went in.
mod restore;
/// By the names, addresses and times that people type, and what is said when nothing is found.
mod restore_asked;
/// Parts of it: what is wanted, in what order, at what cost, and what goes wrong.
mod restore_filter;
/// Stores of objects: real servers, and faults between them and the program.
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
/// The columns of the contract, in the program's words and in those of `data/columns.md`.
mod schema;
/// Every form that people have CloudTrail in.
mod shapes;
/// Random copies of what CloudTrail delivered, and random tampering, judged a second time by AWS's rules.
mod tampering;
/// Copies of what CloudTrail delivered: each thing that may be done to one, and what is told of it.
mod verify;
/// Zips: names twice, appends, several in one file, members left out, damage.
mod zips;
