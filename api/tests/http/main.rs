//! The API over HTTP and a real PostgreSQL (`OPSC_TEST_DATABASE_URL`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anomalies;
mod auth;
mod devices;
mod entities;
mod harness;
mod live;
#[allow(dead_code)]
#[path = "../../examples/serve/memory.rs"]
mod memory;
mod others;
mod password;
mod problems;
mod process_log;
mod samples;
