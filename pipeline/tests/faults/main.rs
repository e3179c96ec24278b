//! Faults around the built program: the database, the log, the clock, memory. Each is made for
//! real; the program says what is wrong, goes on by itself, and loses and doubles nothing. With
//! OPSC_PROVE=1 they last as long as in the field.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

// These tests do not crash it.
#[allow(dead_code)]
#[path = "../../src/log/kafka/tests/broker.rs"]
mod broker;
mod clock;
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod cut;
mod database;
mod dump;
mod encrypted;
mod failover;
#[path = "../common/ledger.rs"]
mod ledger;
mod log;
mod memory;
mod postgres;
mod proxy;
mod running;

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many of these tests at once: each waits most of its time.
static ROOM: Semaphore = Semaphore::const_new(2);

async fn room() -> SemaphorePermit<'static> {
    ROOM.acquire().await.unwrap()
}

/// Whether faults last as long as in the field.
fn prove() -> bool {
    std::env::var_os("OPSC_PROVE").is_some_and(|value| value == "1")
}

/// A length: of a test among all others, and in full.
fn lasting(short_s: u64, full_s: u64) -> Duration {
    Duration::from_secs(if prove() { full_s } else { short_s })
}
