//! Mills AWS CloudTrail archives into partitioned Parquet, and every AWS Marketplace usage record into a row joined to
//! its outcome.
//!
//! This page is the architecture document: how data flows, which module does what, and what is never done where.
//!
//! ```text
//!            input/               transform/                               output/
//!  ┌────────────────────┐  ┌──────────────────────────────────┐  ┌──────────────────────────────┐
//!  discover → read → inflate → split → parse → flatten → partition → encode → append → commit
//!  Archive    bytes   text      Element  Tape    row       Batch       column    part     Lake
//!                                  │                                   chunks
//!                                  └─ refused → Finding ─────────────→ quarantine
//!
//!  pipeline/   deals out tasks, takes their results back in the order of the archives
//!  report      counts, and checks that they add up
//! ```
//!
//! # Three ideas that the rest follows from
//!
//! **Order.** Archives are sorted by delivery time and path. Work is done by any thread at any time, and its results
//! are taken in that order; whatever decides about row groups and files looks only at rows and bytes in that order.
//! So the same input gives the same bytes, and "the first one wins" means something.
//!
//! **The source text is at hand.** simd-json parses in place and keeps no positions, but its strings are slices of the
//! parsed copy, so the address of a member's name tells where the member stands in the untouched text. Columns of JSON,
//! numbers of any size and everything unmapped are copied from there, byte for byte. See `transform/tape.rs`.
//!
//! **Most of it has been said before.** Events in the form that CloudTrail writes are walked over without building
//! anything: a structural index proves their JSON to be JSON, texts are taken where they stand. An identity that comes
//! again byte for byte is known. Text that repeats is a number from the event to the page of the file. Whatever is
//! unusual – white space, escapes, damage – goes to simd-json, which decides. See `transform/flatten/quick.rs` and
//! `output/coded.rs`.
//!
//! # Modules, in flow order
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | a run's request, validated; limits with their units |
//! | [`schema`] | the tables: each column declared once |
//! | [`error`] | what ends a run ([`Error`]), and what is wrong with input ([`error::Finding`]) |
//! | `input::discover` | inputs to a sorted list of archives |
//! | `input::inflate` | a small file to text, in one piece |
//! | `input::stream` | a large file to text, a window at a time |
//! | `transform::marks` | 64 bytes of text to bits, by what the processor can do; the only unsafe code |
//! | `transform::scan` | where a JSON value ends |
//! | `transform::split` | text to spans of elements, and what is between them |
//! | `transform::stand_ins` | what JSON allows and simd-json refuses, made palatable |
//! | `transform::tape` | text to a simd-json tape that knows its source |
//! | `transform::index` | text to the places of its quotes, brackets, colons and commas |
//! | `transform::cursor` | a walk over an event that proves it to be JSON |
//! | `transform::shape` | what a document is, by its content |
//! | `transform::judgement` | words for what is wrong with text |
//! | `transform::cut` | an archive to the events to convert, and a judgement of the rest; `damage` finds the way out of it |
//! | `transform::verdict` | what is known of an archive when it is done |
//! | `transform::flatten` | events and usage records to rows; what has no column to `unmapped`; what is known by its bytes |
//! | `transform::interner` | texts that repeat to numbers |
//! | `transform::cells`, `list`, `column`, `columns` | rows to Arrow arrays, in the order they are stored in |
//! | `transform::partition` | events to Hive paths |
//! | `transform::batch` | rows of a partition, on their way |
//! | `transform::convert` | a worker's state: events in, batches and tallies out |
//! | `output::tables` | batches of all partitions to row groups, within limits |
//! | `output::row_group` | a row group's columns, encoded in parallel |
//! | `output::coded`, `text` | text columns to pages: dictionaries, and lengths with bytes |
//! | `output::hybrid`, `delta`, `bounds`, `codec` | what pages are made of |
//! | `output::chunk` | pages to column chunks, with metadata and indexes |
//! | `output::part` | row groups to files, in order |
//! | `output::ledger` | the `archives` and `quarantine` tables |
//! | `output::manifest` | what a lake has already |
//! | `output::lake` | commit, recovery, one writer |
//! | `pipeline::grouping` | which archives are converted together |
//! | `pipeline::worker` | what one thread does |
//! | `pipeline::turns` | work that is dealt out |
//! | `pipeline::run` | one attempt: tasks dealt out, results taken back in order |
//! | `pipeline` | attempts until one can be published |
//! | [`report`] | counters, summary, reconciliation |
//! | [`generate`] | synthetic archives |
//! | `pool` | what one task has done with, for the next |
//! | `stages` | stages by themselves, for the benches |
//!
//! `main`, `cli`, `progress` and `terminal` belong to the command and use only what is public here.
//!
//! # What never happens
//!
//! - `transform` does no I/O, starts no thread and prints nothing: text and values in, values out.
//! - The library never prints, never exits, never reads the environment, and never panics on data.
//! - No unsafe code stands outside `transform/marks.rs`, which loads vectors and calls what the processor was asked for.
//! - No column is described in a second place: Arrow schema, flattening, Parquet properties and documentation follow
//!   from [`schema`].
//! - No number of an archive passes through a float.
//! - No value is dropped: what has no column, or does not fit it, is in `unmapped`; what cannot be read is in
//!   `quarantine`, with its place and its bytes.
//! - No file in a table's folder is ever incomplete: parts are written in `_trailmill/staging`, synced and renamed,
//!   that of `archives` last. Nothing relies on destructors for that.
//! - No part name, row order or row group border depends on threads, time or the order of arguments.
//! - No text from an archive reaches a path or a terminal unescaped.
//! - Nothing grows with the number of archives but their list, or with the size of one but its findings: tasks, rows
//!   that wait, open row groups and the bookkeeping tables are bounded by [`config::Config::memory_limit`] and constants
//!   beside their use.
//!
//! # Where each promise is tested
//!
//! | promise | test |
//! |---|---|
//! | nothing lost, nothing wrong | `tests/it/property.rs`, `corpus.rs`, `scale.rs`: rows against an independent serde_json reference |
//! | exact values | `tests/it/golden.rs`, `tests/engines/check.py` |
//! | counts add up | `harness::Lake::check_counts`, in every test that converts |
//! | bad input is located and kept | `tests/it/corrupt.rs`, `mutation.rs`, `large.rs` |
//! | no text, file or number that breaks it | `tests/fuzz`: what no hand would write, against the same reference |
//! | a second run adds only what is new | `tests/it/incremental.rs` |
//! | same input, same bytes | `tests/it/determinism.rs` |
//! | bounded memory | `tests/it/memory.rs` |
//! | file layout | `tests/it/layout.rs` |
//! | rules of this page | `tests/it/architecture.rs` |

pub mod config;
pub mod schema;

pub mod error;

pub mod disk;

mod pool;

mod input;

mod transform;

mod dedup;

mod output;

mod pipeline;

pub mod check;

pub mod report;

pub mod generate;

#[doc(hidden)]
pub mod stages;

pub use error::{Error, ErrorKind, Result};
pub use pipeline::convert;
pub use transform::{Outcome, PartitionColumn};
