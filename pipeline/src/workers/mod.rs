//! Workers: what is done outside for each request. Each kind is a file; `topology` has a line for
//! each.

pub mod probe;
