//! Stores of objects for tests: servers that speak the S3 API, and a proxy at which requests go wrong.

/// A run that dies at any of its requests.
pub mod crash;
/// What may go wrong, and when.
pub mod fault;
/// These helpers themselves: they do what tests rely on.
mod itself;
/// A server by others, where it is at hand.
mod moto;
/// A proxy between client and store.
pub mod proxy;
/// A server in this process.
pub mod server;
/// What S3 does and `s3s-fs` does not.
mod shelf;
/// What every store can do.
pub mod store;
