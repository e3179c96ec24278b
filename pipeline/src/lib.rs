//! The spine of OpsConductor: the event log behind one seam, the runners that drive connectors,
//! processors and sinks over it, and the topology that wires them.
//!
//! The promise: what a processor emits, the state it keeps and the positions it read up to are
//! committed together or not at all, on every log.

pub mod activity;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod config;
pub mod families;
pub mod log;
pub mod run;
pub mod sources;
pub mod system;
pub mod topic;
pub mod topology;
pub mod workers;

#[cfg(test)]
#[global_allocator]
static METER: hostile::Meter = hostile::Meter;
