//! Mills AWS CloudTrail archives into partitioned Parquet, and every AWS Marketplace usage record into a row joined to
//! its outcome.
//!
//! This page is the architecture document: how data flows, what each module does, and what is never done where.
//!
//! ```text
//!            input/               split/    json/    flatten/   rows/          encode/     lake/write/
//!  ┌────────────────────┐  ┌──────────────────────────────────┐  ┌──────────────────────────────┐
//!  discover → read → inflate → split → parse → flatten → partition → encode → append → commit
//!  Archive    bytes   text      Element  Tape    row  │    Batch  ↑    column    part     Lake
//!                                  │                  │           │    chunks              │
//!                                  │                  └→ dedup/ ──┘ ←── keys of the lake ──┤
//!                                  └─ refused → Finding ─────────────→ quarantine          │
//!                                                                                          │
//!  └──────────────────── reader/, in order ───────────────────┘                            │
//!  └─────────────────────────────────────── convert/ ──────────────────────────────────────┤
//!                                              check/  restore/  inspect/  ddl/ ←──────────┘
//! ```
//!
//! # Four ideas behind everything else
//!
//! **Order.** Archives are sorted by delivery time and path. Work runs on any thread at any time, and its results
//! are taken in that order; row groups and files are decided by rows and bytes in that order only.
//! So the same input gives the same bytes, and "the first one wins" is well defined.
//!
//! **The source text stays available.** simd-json parses in place and keeps no positions, but its strings are slices of the
//! parsed copy, so the address of a member's name gives the position of the member in the untouched text. JSON columns,
//! numbers of any size and everything unmapped are copied from there, byte for byte. See `json/tape.rs`.
//!
//! **Most text repeats.** Events in the form that CloudTrail writes are scanned without building
//! anything: a walk from quote to quote proves them to be valid JSON, and texts are slices of the source. An identity that repeats
//! byte for byte is looked up. A metering call is read in the same walk; a result that repeats its record byte for byte
//! is compared with it, not read. Repeating text is a number from the event to the page of the file. Anything
//! unusual – white space, escapes, damage – goes to simd-json, which decides. See `flatten/fast_path.rs`,
//! `flatten/fast_call.rs` and `encode/dictionary.rs`.
//!
//! **A commit is the file that lists it.** Parts are written to a staging folder, synced and renamed; the first part of
//! `archives` of a commit comes last, lists the others, and names the parts of earlier commits that they replace. With it
//! the commit exists, without it nothing of it counts. So a run that dies at any moment leaves a lake that the next run
//! finishes or rolls back, and names and bytes are those of a run that never died. See `lake/write/commit.rs`.
//!
//! # The house, from the bottom to the top
//!
//! Each module uses only those above it in this table. Every file begins with what it takes (In), returns (Out) and never
//! does (Never).
//!
//! | | module | what it does |
//! |---|---|---|
//! | values and side effects | [`error`] | what ends a run ([`Error`]), and what is wrong with input ([`error::Finding`]) |
//! | | `shell` | names to words of commands that users can paste |
//! | | [`schema`] | the tables: each column declared once |
//! | | [`disk`] | every change that a conversion makes on disk |
//! | | `store` | buckets of S3, as blocking calls: lists, bytes, uploads; waits out outages, explains errors |
//! | | `model` | plain values that many modules share: selections, partition columns, outcomes, counts, limits, places that users type |
//! | | `clock` | CPU time by stage, and of the longest chain of tasks that wait for each other |
//! | | `pool` | threads, tasks that follow each other, and resources that one task leaves for the next |
//! | text to rows | `json` | text to a walk that proves it to be JSON, or to a simd-json tape that knows its source; the only unsafe code |
//! | | `columns` | values to Arrow arrays, in their stored order; repeating texts to numbers |
//! | | `flatten` | events and usage records to rows; members without a column to `unmapped`; a cache of identical bytes |
//! | | `split` | the text of an archive to the events to convert, and findings for the rest; recovery from damage; events inside other objects |
//! | | `rows` | events to batches by partition; the identity of events; the outcome of an archive |
//! | archives to text | `input` | folders, buckets, notices and standard input to a sorted list of archives; containers to members; bytes to text |
//! | archives to batches | [`verify`] | a copy of what CloudTrail delivered against its digest files; `verify::proof` does the same for archives that are converted |
//! | | [`report`] | counters, summary, reconciliation |
//! | | [`reader`] | the one ordered loop: rows, and how each archive ended, in the order of the archives; Arrow batches for users of the library; a decoder of bytes that the caller fetches |
//! | batches to a lake, and back | `encode` | columns to pages, row groups and files |
//! | | `lake` | where a lake is, its commits, and the files that they list |
//! | | `dedup` | which place has which event: keys in the lake, in memory and on disk |
//! | | `lake::write` | batches to staged parts, and these to a commit; recovery; one writer, in a folder or a bucket |
//! | commands | `convert` | which archives are converted, in which steps; step by step to commits; the request is in [`config`] |
//! | | [`check`] | a lake against its own manifest |
//! | | [`restore`] | rows of `events` back to JSON, as lines or as archives; reads only what is wanted |
//! | | [`mod@inspect`] | the content of archives, containers and lakes |
//! | | [`ddl`] | a lake's layout, and a seller's questions, to statements for engines |
//!
//! `main`, `cli`, `generate`, `progress`, `signals`, `faults` and `terminal` belong to the command and use only what is
//! public here.
//!
//! An event passes through the files in this order: `reader/inputs.rs` finds its archive, `reader/worker.rs` (or `large.rs`)
//! inflates it with `input/` and splits it with `split/`, `rows/convert.rs` reads it with `json/` and `flatten/` into the builders
//! of `columns/`; `reader/in_order.rs` passes on its batch when it is its turn; `convert/step.rs` gives that to
//! `lake/write/tables.rs`, which encodes it with `encode/`, and `convert/steps.rs` commits the parts.
//!
//! # Features
//!
//! `cli` is the command, `lake` everything about Parquet files, `s3` networking, `verify` hashes and signatures, `async` a
//! stream of batches. All are on by default. Without any, the reader and the decoder of local archives are left. Only
//! `store/mod.rs` and this file depend on `s3` and `verify`: without them, modules named `without` replace them, whose
//! buckets and proofs cannot be created.
//!
//! # What never happens
//!
//! - No folder uses one below it in the table: there are no cycles.
//! - `json`, `split`, `columns`, `flatten` and `rows` do no I/O, start no thread and print nothing: text and values in, values out.
//! - The library never prints, never exits, never reads the environment, and never panics on data.
//! - Unsafe code is only in `json/masks.rs`, which loads vectors and calls functions for detected processor features.
//! - No column is described in a second place: Arrow schema, flattening, Parquet properties and documentation follow
//!   from [`schema`].
//! - No number of an archive passes through a float.
//! - No value is dropped: what has no column, or does not fit it, is in `unmapped`; what cannot be read is in
//!   `quarantine`, with its place and its bytes.
//! - No file in a table's folder is ever incomplete: parts are written in `_trailmill/staging`, synced and renamed,
//!   that of `archives` last. Nothing relies on destructors for that.
//! - Nothing changes on disk or in a bucket without a call to [`disk`] first, so that every change can be made to fail.
//! - Only `store::s3` waits for the network, and the client library is not visible outside it.
//! - A step is not published if objects were refused because of the session: what could not be read is judged
//!   by requesting what could be read before.
//! - No request that changes a lake in a bucket is sent once its lease has expired: a run that was silent for its lease time
//!   acquires it again first, as a new run does, or gives way.
//! - No run that writes to a lake in a bucket compares its clock with another's, or assumes that a store honours conditional
//!   requests: it is tried. The run's own state there, and its removal, is not a change of the lake.
//! - Nothing is published that was not counted twice: during the conversion, and in the footers of the files.
//! - Which of two equal events is kept never depends on threads: the first in the order of delivery is, or the one in the
//!   lake. No event is removed because its archive has changed.
//! - No part name, row order or row group border depends on threads, time or the order of arguments.
//! - No thread that converts waits for a store while there is work: small objects are fetched ahead in
//!   the order in which they are needed, within an eighth of [`config::Config::memory_limit`]; of a large one some pieces are.
//!   How many are requested at once depends on how fast the store answers; when it is busy or silent, half as many are.
//! - Pieces of large parts are uploaded to a bucket while the parts are written; none is visible before its commit completes the
//!   upload, and the lease names each upload before anything is sent.
//! - tokio and the client library stay in `store::s3`.
//! - Nothing is unpacked to disk: members of containers are read in place. Only standard input is copied, to an
//!   unnamed file.
//! - No text from an archive reaches a path or a terminal unescaped.
//! - Memory does not grow with the number of archives, except for their list (200 bytes each, 16 for those that the lake has;
//!   `verify` keeps 100 more for each log file and declaration), or with the size of one, except for its findings: tasks, waiting rows, open row groups, keys of events and the
//!   bookkeeping tables are bounded by [`config::Config::memory_limit`] and constants next to their use.
//!
//! # Where each promise is tested
//!
//! | promise | test |
//! |---|---|
//! | **nothing lost**: every event is a row, or counted, or in quarantine | `property.rs`, `corpus.rs`, `scale.rs`: rows against an independent `serde_json` reference; `mutation.rs`, `large.rs`; `fuzz/` |
//! | every form of CloudTrail gives the same events | `shapes.rs`, `containers.rs`, `zips.rs`, `encodings.rs`; `large.rs` |
//! | no selector skips what it wants, whenever it was delivered | `clock.rs`, `partitions.rs` |
//! | counts add up | `harness::Lake::check_counts`, in every test that converts; `check.rs` |
//! | **nothing twice**: overlapping inputs, trails, runs | `dedup.rs` |
//! | in pieces, again, after crashes: the rows of one clean run | `model.rs`, `incremental.rs`, `again.rs` |
//! | **exact** values, JSON verbatim | `golden.rs`; `fuzz/`: timestamps, decimals |
//! | every engine reads the same, from disk and from S3, and as little as possible | `engines.rs`, `engines/` |
//! | **back again**: every event as JSON, equal; only what is wanted is read | `restore.rs`, `restore_filter.rs`, `restore_asked.rs`: by the names that users know |
//! | a **library** that returns the rows of a lake, in order, and takes none back | `reader.rs`, `decoder.rs`; examples of [`reader`]; its interface is `tests/public-api.txt` |
//! | a large archive that turns out to be unusable leaves nothing, and its copies elsewhere stay | `large.rs`, `reader.rs` |
//! | **atomic**: killed between any two changes on disk, or at any moment | `crash.rs`, `again.rs`, `kills.sh` |
//! | a failing or full disk, limits of the system | `crash.rs`, `limits.rs` |
//! | one writer | `crash.rs`, `limits.rs`; in a bucket `s3_lake.rs` |
//! | a lake **in a bucket** is that of a folder, whatever happens to requests; parts go up while others are written | `s3_lake.rs`: killed at any request |
//! | an **outage** is waited for, and a run whose lease has expired writes nothing until it has acquired it again | `s3_outage.rs` |
//! | the command that is printed at the end can be **pasted** | `next_step.rs`, with hostile names of lakes |
//! | **deterministic**: same input, same bytes | `determinism.rs`; `dedup.rs`: concurrent duplicates |
//! | **bounded** memory | `memory.rs`; `dedup.rs`: keys beyond the limit |
//! | **hostile input**: located and kept | `corrupt.rs`, `mutation.rs`, `large.rs`; `fuzz/` |
//! | **proved intact**: every change of a copy is reported | `verify.rs`, `integrity.rs`, with digest files signed by keys of our own; `tampering.rs`: random copies against an independent reference |
//! | no raw text reaches a path or a terminal | `partitions.rs`, `cli.rs`, `verify.rs` |
//! | the content of inputs is **reported** correctly | `inspect.rs`: archives against the reference, lakes against archives |
//! | engines get the **types** and partitions that the files have | `ddl.rs`, `engines/ddl.py`: statements run by four engines |
//! | a seller's questions get the same **answers** in every engine | `questions.rs`, `engines/questions.py` |
//! | queries for Athena's `cloudtrail_logs` run unchanged | `queries.rs`, `engines/queries/` |
//! | a place is read or written **as typed**, or refused | `places.rs`: each path argument of each command |
//! | **from S3** the same rows as from files, whatever happens to requests, and no needless requests; fewer at once to a busy store | `s3_input.rs` |
//! | file layout; **pages** that we write ourselves | `layout.rs`; `parquet_pages.rs`, `fuzz/`: read back by the Parquet library |
//! | rules of this page | `architecture.rs` |
//!
//! They are in `tests/it`, except `tests/fuzz`, `tests/engines` and `tests/kills.sh`.

#![cfg_attr(
    not(all(feature = "lake", feature = "s3", feature = "verify")),
    expect(dead_code, reason = "a build with all features reports unused code")
)]
#![cfg_attr(not(all(feature = "lake", feature = "verify")), expect(unused_imports, reason = "the same"))]
#![cfg_attr(not(feature = "lake"), expect(unreachable_pub, reason = "requests for lakes"))]

pub mod error;

#[doc(hidden)]
pub mod shell;

pub mod schema;

pub mod disk;

mod store;

mod model;

mod clock;

mod pool;

mod json;

mod columns;

mod flatten;

mod split;

mod rows;

mod input;

#[cfg(feature = "verify")]
pub mod verify;
#[cfg(not(feature = "verify"))]
#[path = "verify/without.rs"]
mod verify;

pub mod report;

pub mod reader;

#[cfg(feature = "lake")]
mod encode;

#[cfg(feature = "lake")]
mod lake;

#[cfg(feature = "lake")]
mod dedup;

#[cfg(feature = "lake")]
mod convert;

#[cfg(feature = "lake")]
pub mod check;

#[cfg(feature = "lake")]
pub mod restore;

#[cfg(feature = "lake")]
pub mod inspect;

#[cfg(feature = "lake")]
pub mod ddl;

#[cfg(test)]
mod tests;

#[cfg(feature = "lake")]
pub use convert::{config, convert};
#[cfg(feature = "lake")]
#[doc(hidden)]
pub use encode::alone::{TextStorage, text_file};
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "lake")]
pub use inspect::inspect;
pub use model::{Outcome, PartitionColumn};
pub use store::StoreOptions;
