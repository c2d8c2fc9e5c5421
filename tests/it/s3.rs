//! Object stores for tests: servers that speak the S3 API, and a proxy that injects faults.

/// A run that dies at any of its requests.
pub mod crash;
/// What may go wrong, and when.
pub mod fault;
/// Tests of these helpers.
mod itself;
/// A third-party server, where available.
pub mod moto;
/// A proxy between client and store.
pub mod proxy;
/// A server in this process.
pub mod server;
/// What S3 does and `s3s-fs` does not.
mod shelf;
/// What every store can do.
pub mod store;
