//! The HTTP layer: where HTTP is turned into typed requests and results back into HTTP.

pub(crate) mod cursor;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod fields;
pub(crate) mod layers;
pub(crate) mod problem;
pub(crate) mod revision;

pub(crate) use cursor::Cursor;
pub(crate) use error::ApiError;
pub(crate) use extract::{Body, Id, Name, Names, Query};
pub(crate) use fields::{Fields, FromFields, NAME, Text};
pub(crate) use revision::{ETag, IfMatch, etag};
