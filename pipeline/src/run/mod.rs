//! The runners: what drives connectors, processors and sinks over the log.

pub mod dead_letter;
pub mod durable;
pub mod follow;
pub mod lag;
pub mod outside;
mod partition;
pub mod poll;
pub mod poll_sink;
pub mod position;
pub mod processor;
mod restore;
pub mod schema_topic;
pub mod sink;
mod snapshot;
pub mod supervise;
pub mod wiring;
