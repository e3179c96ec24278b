//! SNMP v2c polling.
//!
//! [`session`] decides what to ask and what the answers mean, without sockets and clocks;
//! [`engine`] owns the sockets and requests of one thread, within the [`crate::frame`] that all
//! connectors share.

pub(crate) mod ask;
pub(crate) mod assemble;
pub(crate) mod ber;
pub(crate) mod community;
pub(crate) mod encode;
pub(crate) mod engine;
mod identity;
pub(crate) mod names;
pub(crate) mod oid;
pub(crate) mod peer;
mod phases;
pub(crate) mod plan;
pub(crate) mod requests;
pub(crate) mod session;
pub(crate) mod values;
pub(crate) mod walk;
mod wire;

#[cfg(test)]
mod agent;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
