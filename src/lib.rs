//! trailmill
pub mod config;
pub mod error;
pub mod generate;
mod input;
mod output;
mod pipeline;
pub mod report;
pub mod schema;
mod transform;
pub use error::{Error, ErrorKind, Result};
pub use pipeline::convert;
pub use transform::{Outcome, PartitionColumn};
