//! Mills AWS CloudTrail archives into partitioned Parquet, and every AWS Marketplace usage record into a row joined to
//! its outcome.
//!
//! This page is the architecture document: how data flows, which module does what, and what is never done where.
//!
//! ```text
//!            input/               json/ split/ flatten/ columns/ rows/     encode/ lake/
//!  ┌────────────────────┐  ┌──────────────────────────────────┐  ┌──────────────────────────────┐
//!  discover → read → inflate → split → parse → flatten → partition → encode → append → commit
//!  Archive    bytes   text      Element  Tape    row  │    Batch  ↑    column    part     Lake
//!                                  │                  │           │    chunks              │
//!                                  │                  └→ dedup/ ──┘ ←── keys of the lake ──┤
//!                                  └─ refused → Finding ─────────────→ quarantine          │
//!                                                                                          │
//!  reader/     gives work to threads, hands out their results in the order of the archives  │
//!  report      counts, and checks that they add up                                         │
//!  check/      a lake against what its commits say ←───────────────────────────────────────┤
//!  restore/    rows of `events` back to JSON, on stdout or as archives ←───────────────────┤
//!  inspect/    counts Batches instead of encoding them, or reads a lake's columns ←────────┘
//!  verify/     archives against CloudTrail's digest files
//!  ddl/        what a lake is to engines, as statements
//! ```
//!
//! # Four ideas that the rest follows from
//!
//! **Order.** Archives are sorted by delivery time and path. Work is done by any thread at any time, and its results
//! are taken in that order; whatever decides about row groups and files looks only at rows and bytes in that order.
//! So the same input gives the same bytes, and "the first one wins" means something.
//!
//! **The source text is at hand.** simd-json parses in place and keeps no positions, but its strings are slices of the
//! parsed copy, so the address of a member's name tells where the member stands in the untouched text. Columns of JSON,
//! numbers of any size and everything unmapped are copied from there, byte for byte. See `json/tape.rs`.
//!
//! **Most of it has been said before.** Events in the form that CloudTrail writes are walked over without building
//! anything: a structural index proves their JSON to be JSON, texts are taken where they stand. An identity that comes
//! again byte for byte is known. Text that repeats is a number from the event to the page of the file. Whatever is
//! unusual – white space, escapes, damage – goes to simd-json, which decides. See `flatten/quick.rs` and
//! `encode/coded.rs`.
//!
//! **A commit is the file that lists it.** Parts are written aside, synced and renamed; the first part of `archives` of a
//! commit comes last, lists the others, and names the parts of earlier commits that they stand for. With it the commit is
//! there, without it nothing of it counts. So a run that dies at any moment leaves a lake that the next run finishes or
//! rolls back, and names and bytes are those of a run that never died. See `lake/write/commit.rs`.
//!
//! # Modules, in flow order
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | a run's request, validated; limits with their units |
//! | [`schema`] | the tables: each column declared once |
//! | [`error`] | what ends a run ([`Error`]), and what is wrong with input ([`error::Finding`]) |
//! | `store` | buckets of S3, as blocking calls |
//! | `store::session`, `credentials` | buckets, each opened once; credentials from where AWS's tools keep them |
//! | `store::bucket` | lists, objects, bytes |
//! | `store::client` | flags and variables, checked, to a client |
//! | `store::answer` | what a store answers instead of what it was asked for, in types |
//! | `store::patience`, `waits` | how long a store that is away is waited for; what a run waits for, for whoever watches |
//! | `store::hold` | whether a claim on a lake still counts |
//! | `store::access` | one object that cannot be had, or a session that is over; credentials asked for anew |
//! | `store::stop` | what ends waits before their time, and why |
//! | `store::upload` | objects uploaded in pieces; uploads that nobody has completed |
//! | `store::condition` | objects that are written only where nothing is |
//! | `store::version` | an object as it was listed: from front to back, or at any place |
//! | `store::prefetch` | objects fetched before they are asked for |
//! | `store::explain` | answers of a store in words |
//! | `input::key` | what the key of an object tells before it is read |
//! | `input::folder` | what the path of a folder tells of the keys in it |
//! | `input::archive`, `object` | one input object: its name in the lake, its order, its bytes |
//! | `input::notices`, `references` | messages of queues to the archives that they name |
//! | `input::listing` | buckets to archives |
//! | `input::discover` | inputs to a sorted list of archives |
//! | `input::stdin` | standard input to an archive |
//! | `input::region` | bytes that can be read at any place |
//! | `input::beginning` | how the text of an archive begins, of what was looked at |
//! | `input::container`, `tar`, `zip` | containers to archives |
//! | `input::zip::records`, `blocks` | what a zip is made of; its bytes, read in blocks |
//! | `input::zip::directory`, `local` | members that a directory lists; members that none lists |
//! | `input::zip::checked` | a member, compared with what the zip says of it |
//! | `input::sequence` | members of a container that can only be read from front to back |
//! | `input::packing` | gzip and zstd, member by member |
//! | `input::encoding` | UTF-16 and byte order marks to UTF-8 |
//! | `input::inflate` | a small file to text, in one piece |
//! | `input::stream` | a large file to text, a window at a time |
//! | `input::member` | a file's first gzip member to text, for `verify`, and for `convert --verify` where it is not simply the text |
//! | `json::marks` | 64 bytes of text to bits, by what the processor can do; the only unsafe code |
//! | `json::scan` | where a JSON value ends |
//! | `split::document` | what a document is, as far as its first bytes and names tell |
//! | `split::splitter` | text to spans of elements and documents, and what is between them |
//! | `json::stand_ins` | what JSON allows and simd-json refuses, made palatable |
//! | `json::tape` | text to a simd-json tape that knows its source |
//! | `json::index` | text to the places of its quotes, brackets, colons and commas |
//! | `json::cursor` | a walk over an event that proves it to be JSON |
//! | `split::shape` | what a document is, by its content |
//! | `split::judgement` | words for what is wrong with text |
//! | `split::unwrap` | events that other objects bring along, as they stand or out of strings, which are read as archives are |
//! | `split::cut` | an archive to the events to convert, and a judgement of the rest; `damage` and `resume` find the way out of it |
//! | `rows::verdict` | what is known of an archive when it is done |
//! | `flatten` | events and usage records to rows; what has no column to `unmapped`; what is known by its bytes |
//! | `columns::interner` | texts that repeat to numbers |
//! | `columns::cells`, `list`, `column`, `table` | rows to Arrow arrays, in the order they are stored in |
//! | `rows::register` | what makes two events one, and where each stands |
//! | `rows::partition` | events to Hive paths |
//! | `rows::batch` | rows of a partition, on their way |
//! | `rows::copies` | rows of events that turned out to be copies, taken out |
//! | `rows::convert` | a worker's state: events in, batches and tallies out |
//! | `dedup::published` | the keys of events that are in the lake |
//! | `dedup::spill` | keys on disk |
//! | `dedup::shard`, `claims` | who has which event |
//! | [`disk`] | every change that a conversion makes on disk |
//! | `lake::root` | where a lake is, and what is below it |
//! | `lake::bytes` | bytes of its files, wherever they are |
//! | `lake::file` | a Parquet file of a lake, read back |
//! | `lake::layout` | what the files of a table look like |
//! | `lake::write::tables` | batches of all partitions to row groups, within limits |
//! | `encode::row_group` | a row group's columns, encoded in parallel |
//! | `encode::coded`, `text` | text columns to pages: dictionaries, and lengths with bytes |
//! | `encode::hybrid`, `delta`, `bounds`, `codec` | what pages are made of |
//! | `encode::chunk` | pages to column chunks, with metadata and indexes |
//! | `encode::part` | row groups to files, in order |
//! | `lake::record` | what a commit says of itself |
//! | `lake::write::ledger` | the `archives` and `quarantine` tables |
//! | `lake::manifest` | what a lake has already |
//! | `lake::write::rewrite` | parts with rows of archives that are converted again |
//! | `lake::write::staged` | staged parts, looked at once more |
//! | `lake::write::commit` | commit, recovery |
//! | `lake::write::site`, `folder`, `bucket` | what a lake asks of its place, and how a folder or a bucket does it: shown parts, one writer |
//! | `lake::write::claim` | who may write to a lake in a bucket |
//! | `lake::write::beating` | a claim that is kept alive, or claimed anew after an outage |
//! | `reader::options`, `batches` | the same for whoever builds on the library: Arrow batches in the types of the tables |
//! | `reader::inputs`, `members` | what a caller names to archives, in order; what is in containers |
//! | `reader::in_order` | the one loop: rows, and how each archive ended, in the order of the archives |
//! | `reader::unit`, `dispatch` | archives in work; work to tasks, and their results back |
//! | `reader::group` | which archives are converted together |
//! | `reader::worker`, `large` | what one thread does: small archives, steps through a large one |
//! | `reader::refusal` | archives that are refused for what is known of them |
//! | `convert::worklist` | which archives are converted, in which steps |
//! | `convert::step`, `steps` | rows and archives to staged parts; step by step to commits |
//! | `convert::cut_back` | rows of large archives that turned out to be unusable, taken out of staged parts |
//! | `convert::carry_over` | what stays of the former rows of archives that are converted again |
//! | [`check`] | a lake against its own manifest |
//! | `restore::texts` | many texts, looked for at once |
//! | `restore::wanted`, `who` | what people type to what columns hold, and what bounds may hold it |
//! | `restore::filter` | which folders, row groups, pages and rows are wanted |
//! | `restore::near` | what the lake has that is like what was asked for in vain |
//! | `restore::part` | a part to pieces that can be read alone |
//! | `restore::merge` | `unmapped` to the objects that its members belong to |
//! | `restore::columns`, `json` | columns to members, rows to events |
//! | `restore::key` | where an event goes among CloudTrail's keys |
//! | `restore::chunk`, `flow` | pieces to events on all threads, taken in order |
//! | `restore::blocks`, `tree` | events that wait, and archives of them |
//! | [`verify`] | a copy of what CloudTrail delivered against its digest files |
//! | `verify::place` | where a file lies, and so what it is |
//! | `verify::keys`, `signature` | public keys, signatures, and what is signed |
//! | `verify::digest`, `digests` | digest files, read; all of a copy, by account and Region |
//! | `verify::chain`, `history` | which of them are proved; what they tell, gaps among it |
//! | `verify::metadata`, `advice` | signatures that only a store has; how to get them |
//! | `verify::declarations` | the SHA-256 that a file has to have |
//! | `verify::logs`, `coverage`, `origins` | log files, hashed and judged; those that nothing declares; the trails that they may be of |
//! | `verify::proof` | the same for archives that are converted |
//! | `verify::strays` | a copy without its folder `AWSLogs` |
//! | `verify::outcome`, `report` | words for what comes of a file; lines and counts |
//! | [`mod@inspect`] | what is in archives, containers and lakes |
//! | `inspect::counter`, `dates` | values and dates to numbers, in bounded memory |
//! | `inspect::census` | batches and verdicts to counts |
//! | `inspect::lake` | a lake's manifest and columns to counts |
//! | [`ddl`] | a lake's layout to statements for engines |
//! | `ddl::engine` | the engines |
//! | `ddl::layout` | what its commits tell of its tables |
//! | `ddl::script`, `dialect` | statements one after the other; what each engine has its own words for |
//! | `ddl::athena`, `clickhouse`, `duckdb`, `spark` | those words |
//! | `ddl::cloudtrail_logs` | events under AWS's names |
//! | `ddl::questions` | a seller's questions to views; its `dialect` has what engines say differently |
//! | [`report`] | counters, summary, reconciliation |
//! | `pool` | what one task has done with, for the next |
//! | `stages` | stages by themselves, for the benches |
//!
//! `main`, `cli`, `generate`, `progress`, `signals`, `faults` and `terminal` belong to the command and use only what is
//! public here.
//!
//! # What never happens
//!
//! - `json`, `split`, `columns`, `flatten` and `rows` do no I/O, start no thread and print nothing: text and values in, values out.
//! - The library never prints, never exits, never reads the environment, and never panics on data.
//! - No unsafe code stands outside `json/marks.rs`, which loads vectors and calls what the processor was asked for.
//! - No column is described in a second place: Arrow schema, flattening, Parquet properties and documentation follow
//!   from [`schema`].
//! - No number of an archive passes through a float.
//! - No value is dropped: what has no column, or does not fit it, is in `unmapped`; what cannot be read is in
//!   `quarantine`, with its place and its bytes.
//! - No file in a table's folder is ever incomplete: parts are written in `_trailmill/staging`, synced and renamed,
//!   that of `archives` last. Nothing relies on destructors for that.
//! - Nothing changes on disk or in a bucket unless [`disk`] was told before, so that every change can be made to fail.
//! - Nothing waits for the network but in `store`, and nothing of the client library is seen beyond it.
//! - Nothing is published of a step in which objects were refused for the sake of the session: what could not be had is judged
//!   by asking for what could be had before.
//! - Nothing is sent that changes a lake in a bucket while the claim on it has lapsed: a run that was silent for its lease
//!   claims anew first, as a new run does, or gives way.
//! - No run that writes to a lake in a bucket compares its clock with another's, or takes a store's word that conditions of
//!   requests are heeded: it is tried. What a run says of itself there, and what it takes back, is no change of the lake.
//! - Nothing is published that was not counted twice: as it was converted, and in the footers of the files.
//! - Which of two equal events is kept never depends on threads: the first in the order of delivery is, or the one in the
//!   lake. No event goes because an archive is not what it was.
//! - No part name, row order or row group border depends on threads, time or the order of arguments.
//! - No thread that converts waits for a store while something is there to be converted: small objects are fetched ahead in
//!   the order in which they are wanted, within an eighth of [`config::Config::memory_limit`]; of a large one some pieces are.
//! - tokio and the client library stay in `store`.
//! - Nothing is unpacked to disk: members of containers are read where they stand. Standard input alone is copied, to a
//!   file without a name.
//! - No text from an archive reaches a path or a terminal unescaped.
//! - Nothing grows with the number of archives but their list (200 bytes each, 16 for those that the lake has), or with
//!   the size of one but its findings: tasks, rows that wait, open row groups, keys of events and the bookkeeping tables
//!   are bounded by [`config::Config::memory_limit`] and constants beside their use.
//!
//! # Where each promise is tested
//!
//! | promise | test |
//! |---|---|
//! | **nothing lost**: every event is a row, or counted, or in quarantine | `property.rs`, `corpus.rs`, `scale.rs`: rows against an independent `serde_json` reference; `mutation.rs`, `large.rs`; `fuzz/` |
//! | every form of CloudTrail gives the same events | `shapes.rs`, `containers.rs`, `zips.rs`, `encodings.rs`; `large.rs` |
//! | no selector passes over what it wants, whenever it was delivered | `clock.rs`, `partitions.rs` |
//! | counts add up | `harness::Lake::check_counts`, in every test that converts; `check.rs` |
//! | **nothing twice**: overlapping inputs, trails, runs | `dedup.rs` |
//! | in pieces, again, after crashes: the rows of one clean run | `model.rs`, `incremental.rs`, `again.rs` |
//! | **exact** values, JSON verbatim | `golden.rs`; `fuzz/`: timestamps, decimals |
//! | every engine reads the same, from the disk and from S3, and as little as it can | `engines.rs`, `engines/` |
//! | **back again**: every event as JSON, equal; only what is wanted is read | `restore.rs`, `restore_filter.rs`, `restore_asked.rs`: by the names that people know |
//! | a **library** that gives the rows of a lake, in order, and takes none back | `reader.rs`; examples of [`reader`] |
//! | a large archive that turns out to be unusable leaves nothing, and its copies elsewhere stay | `large.rs`, `reader.rs` |
//! | **atomic**: killed between any two changes on disk, or at any moment | `crash.rs`, `again.rs`, `kills.sh` |
//! | a failing or full disk, limits of the system | `crash.rs`, `limits.rs` |
//! | one writer | `crash.rs`, `limits.rs`; in a bucket `s3_lake.rs` |
//! | a lake **in a bucket** is that of a folder, whatever happens to requests | `s3_lake.rs`: killed at any request |
//! | an **outage** is waited for, and a run that was silent too long writes nothing before it has claimed the lake anew | `s3_outage.rs` |
//! | the command that is printed at the end runs when it is **pasted** | `next_step.rs`, for nasty names of lakes |
//! | **deterministic**: same input, same bytes | `determinism.rs`; `dedup.rs`: workers that meet each other's copies |
//! | **bounded** memory | `memory.rs`; `dedup.rs`: keys beyond the bound |
//! | **hostile input**: located and kept | `corrupt.rs`, `mutation.rs`, `large.rs`; `fuzz/` |
//! | **proved intact**: whatever is done to a copy is told | `verify.rs`, `integrity.rs`, with digest files signed by keys of our own; `tampering.rs`: random copies against an independent judge |
//! | nothing raw reaches a path or a terminal | `partitions.rs`, `cli.rs`, `verify.rs` |
//! | what is in it is **told** as it is | `inspect.rs`: archives against the reference, lakes against archives |
//! | engines are told the **types** and partitions that the files have | `ddl.rs`, `engines/ddl.py`: statements run by four engines |
//! | a seller's questions are **answered**, the same in every engine | `questions.rs`, `engines/questions.py` |
//! | queries for Athena's `cloudtrail_logs` run as they are | `queries.rs`, `engines/queries/` |
//! | a place is read or written **where it says**, or refused as typed | `places.rs`: each path argument of each command |
//! | **from S3** the rows of the files, whatever befalls requests, and no more requests than it takes | `s3_input.rs` |
//! | file layout | `layout.rs` |
//! | rules of this page | `architecture.rs` |
//!
//! They are in `tests/it`, but for `tests/fuzz`, `tests/engines` and `tests/kills.sh`.

pub mod config;
pub mod schema;

pub mod error;

pub mod disk;

mod store;

mod model;

mod pool;

mod clock;

mod input;

mod json;

mod split;

mod columns;

mod flatten;

mod rows;

mod dedup;

mod encode;

mod lake;

pub mod reader;

mod convert;

pub mod check;

pub mod restore;
pub mod verify;

pub mod report;

pub mod inspect;

pub mod ddl;

#[doc(hidden)]
pub mod stages;

#[cfg(test)]
mod tests;

pub use convert::convert;
pub use error::{Error, ErrorKind, Result};
pub use inspect::inspect;
pub use model::{Outcome, PartitionColumn};
pub use store::StoreOptions;
