//! The inventory's devices.

pub(crate) mod create;
pub(crate) mod detail;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod replace;
mod row;
mod visible;

pub(crate) use row::exists;
