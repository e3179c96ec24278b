//! A simulated network that speaks real SNMP on loopback, for the demo, tests and load.
//!
//! The promise: every answer that carried a serial ([`SERIAL_OID`]) stands in the ledger
//! before it leaves, so that the ledger is a superset of what was sent, whenever the process
//! dies; and values are pure functions of seed, device, instance and time, so that anybody
//! can recompute them.
//!
//! How: agents share one UDP socket for each port. It is bound to all addresses and to the
//! device `lo`, and learns from IP_PKTINFO which address of 127.0.0.0/8 was asked: thousands
//! of agents cost one descriptor, and requests to different agents come in one `recvmmsg`.
//! Where the kernel refuses SO_BINDTODEVICE every agent gets a socket of its own; nothing is
//! ever bound beyond loopback. Worker threads wait in epoll, decode in place, write answers
//! from rows encoded beforehand, append the batch's ledger lines in one write, then send. A
//! slow device's requests wait in a heap, so that faults never hold up other agents.
//!
//! Not simulated: SNMPv3, traps, SET (answered with notWritable), ICMP (the kernel answers
//! for all of 127.0.0.0/8, also for dead devices).

mod answer;
pub mod codec;
mod config;
mod device;
mod fault;
mod generate;
mod inject;
pub mod ledger;
mod network;
mod noise;
mod odd;
mod poller;
mod port;
mod program;
mod server;
mod snmprec;
mod state;
mod stats;
mod worker;

mod demo;

#[cfg(test)]
#[global_allocator]
static METER: hostile::Meter = hostile::Meter;

pub use config::{
    ConfigError, Content, DeviceConfig, InterfaceSpec, InventoryEntry, LabConfig, LedgerConfig,
    MAX_DEVICES, MAX_INTERFACES, MAX_RESPONSE_BYTES, MAX_WORKERS, MIN_RESPONSE_BYTES, Make,
};
pub use demo::{demo, fleet};
pub use fault::{
    Fault, FaultError, MAX_SCRIPT_BYTES, MAX_SCRIPT_EVENTS, ScriptError, ScriptEvent, check_script,
    read_script,
};
pub use odd::{MAX_ODDITIES, Oddity};
pub use port::free_port;
pub use program::{MAX_ROWS, SERIAL_OID};
pub use server::{Lab, LabError};
pub use snmprec::{LineProblem, MAX_WALK_BYTES, WalkError};
pub use stats::Stats;
