//! The `opsconductor` program.

fn main() {}
