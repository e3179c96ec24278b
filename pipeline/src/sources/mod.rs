//! Sources: outside systems that are followed. Each kind is a file; `topology` has a line for each.

mod declare;
pub mod demo;
pub mod devices;
pub mod inventory_file;

pub use declare::declare;
