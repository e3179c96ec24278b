//! The inventory's devices.

pub(crate) mod create;
pub(crate) mod detail;
pub(crate) mod history;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod replace;
mod row;

pub(crate) use row::exists;
