//! /inventory/v1/device-groups: devices that belong together.

pub(crate) mod create;
pub(crate) mod detail;
pub(crate) mod history;
pub(crate) mod input;
pub(crate) mod list;
mod members;
pub(crate) mod remove;
pub(crate) mod replace;
mod row;

use schemas::DeviceId;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::members::in_group;
use crate::entities::{DeviceGroups, Kind};
use crate::http::extract::PathId;
use crate::model::as_text;

/// Identity of a group for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupId(pub(crate) Uuid);

impl PathId for GroupId {
    const WHAT: &'static str = DeviceGroups::WHAT;
    const FORM: &'static str = DeviceId::FORM;
    fn parse(text: &str) -> Option<Self> {
        DeviceId::parse(text).map(|id| Self(id.0))
    }
}

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Devices that belong together: those listed, and, where a site or tags are given, those of the
/// site and with all of the tags.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct DeviceGroup {
    /// Identity for life.
    #[schema(value_type = String, format = Uuid)]
    #[serde(serialize_with = "as_text")]
    id: GroupId,
    /// Display name; no other group has it, in whatever case.
    name: String,
    /// For people; may have several lines.
    description: String,
    /// Devices of this site are members.
    site: Option<String>,
    /// Devices with all of these tags are members.
    tags: Vec<String>,
    /// Ids of devices that are members whatever their site and tags.
    #[schema(value_type = Vec<String>, max_items = 10000)]
    #[serde(serialize_with = "texts")]
    devices: Vec<DeviceId>,
    /// How many devices are members now.
    #[schema(minimum = 0)]
    members: i64,
    /// Grows with each change; what ETag has and If-Match takes.
    revision: i64,
    /// When it was changed last, ms since the epoch.
    updated_at: i64,
    /// Who changed it last: a user, or `token` for the command line.
    updated_by: String,
}

fn texts<S: Serializer>(ids: &[DeviceId], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(ids)
}

/// One page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceGroupPage {
    /// By name.
    items: Vec<DeviceGroup>,
    /// How many match in all.
    #[schema(minimum = 0)]
    total: i64,
    /// Cursor of the next page; null at the end.
    next_cursor: Option<String>,
}
