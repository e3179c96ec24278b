//! What those need who install and run it: metrics, the configuration as a file, a restore, and what the
//! program is made of.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, missing_docs)]

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod config;
mod metrics;
mod packages;
