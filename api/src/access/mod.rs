//! Who may do what: each route demands a permission, one pure function decides.

mod decide;
mod permission;
mod routes;

pub(crate) use decide::{Decision, Grants, Resource, decide};
pub(crate) use permission::Permission;
pub(crate) use routes::{Guarded, TENANT};
