//! Synthetic archives, for demos, tests and benches. In: a [`GenerateConfig`]. Out: gzipped `CloudTrail` archives in the
//! real key layout. Never reads the clock, the environment or existing files: the configuration alone decides every byte,
//! for any number of threads.
//!
//! Each file uses only those to its left:
//!
//! ```text
//! prng ─ text ─┬─ pools ─ template ─┬─ trail ─ scene ─ identity ─ catalogue/ ─ envelope ─ metering/ ─ event ─ archive ─ write
//!              └─ agents, specials ─┴─ config
//! ```
//!
//! - `template`: contents of events are written in a small language, so that an action is a line of a table. [`pools`]
//!   has the names, ids and addresses that templates draw from.
//! - `trail`: accounts and regions, and where and when each archive is delivered; `scene`: one event of it, which
//!   templates are rendered for.
//! - `identity`, `catalogue`, `metering`, `specials`: callers and their calls; `envelope`: everything around it.
//!
//! Each event has its own random stream, named by seed, archive and position; so a later archive can deliver an
//! earlier event again verbatim by generating it again, and nothing has to be remembered.

mod agents;
mod archive;
mod catalogue;
mod config;
mod envelope;
mod event;
mod identity;
mod metering;
mod pools;
mod prng;
mod scene;
mod specials;
mod template;
mod text;
mod trail;
mod write;

pub(crate) use config::{GenerateConfig, GenerateSummary, Mix};
pub(crate) use write::generate;

#[cfg(test)]
mod tests;
