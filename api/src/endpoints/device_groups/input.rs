//! A group as a client describes it.

use schemas::{DeviceId, MAX_DESCRIPTION_CHARS, MAX_GROUP_DEVICES, MAX_TAGS};
use serde::Deserialize;
use utoipa::ToSchema;

use super::GroupId;
use crate::access::TENANT;
use crate::endpoints::devices::input::Tag;
use crate::http::{Fields, FromFields, NAME};

/// A group. Fields left out are empty, also on PUT, which replaces all of them.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct DeviceGroupInput {
    /// Display name; no other group may have it, in whatever case.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// For people; may have several lines.
    #[schema(
        max_length = 2000,
        pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    )]
    description: Option<String>,
    /// Devices of this site are members.
    #[schema(min_length = 1, max_length = 200)]
    site: Option<String>,
    /// Devices with all of these tags are members.
    #[schema(value_type = Option<Vec<Tag>>, max_items = 50)]
    tags: Option<Vec<String>>,
    /// Ids of devices that are members whatever their site and tags.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, max_items = 10000)]
    devices: Option<Vec<DeviceId>>,
}

impl FromFields for DeviceGroupInput {
    /// Of the most devices, with a blank and a comma each.
    const MAX_BODY_BYTES: usize = 512 * 1024;

    fn read(fields: &mut Fields) -> Self {
        Self {
            name: fields.required("name", NAME),
            description: fields.lines("description", MAX_DESCRIPTION_CHARS),
            site: fields.text("site", NAME),
            tags: fields.texts("tags", NAME, MAX_TAGS),
            devices: fields.ids("devices", MAX_GROUP_DEVICES),
        }
    }
}

impl DeviceGroupInput {
    /// The body of the command. A device that is listed twice is listed once.
    pub(super) fn into_group(self, id: GroupId) -> schemas::DeviceGroup {
        let mut devices = self.devices.unwrap_or_default();
        devices.sort_unstable();
        devices.dedup();
        schemas::DeviceGroup {
            tenant: TENANT.to_owned(),
            id: id.to_string(),
            name: self.name,
            description: self.description.unwrap_or_default(),
            site: self.site,
            tags: self.tags.unwrap_or_default(),
            devices,
            updated_at: 0,
        }
    }
}
