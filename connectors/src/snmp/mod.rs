//! SNMP v2c polling.
//!
//! [`session`] decides what to ask and what the answers mean, without sockets and clocks;
//! [`engine`] owns the sockets and requests of one thread, within the [`crate::frame`] that all
//! connectors share.

pub(crate) mod ask;
pub(crate) mod assemble;
pub(crate) mod ber;
mod cells;
pub(crate) mod community;
mod culprits;
pub(crate) mod encode;
mod ending;
pub(crate) mod engine;
mod identity;
pub(crate) mod names;
pub(crate) mod oid;
pub(crate) mod peer;
mod phases;
pub(crate) mod plan;
mod refusal;
pub(crate) mod requests;
mod run;
pub(crate) mod session;
pub(crate) mod values;
pub(crate) mod walk;
mod wire;

#[cfg(test)]
mod agent;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod tests;
