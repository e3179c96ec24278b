//! What may be set of devices and their groups: the same wherever it is taken.

/// Most characters of a name, a site or a tag.
pub const MAX_NAME_CHARS: usize = 200;
/// Most tags.
pub const MAX_TAGS: usize = 50;
/// Time between two polls, ms: least and most.
pub const INTERVAL_MS: (i64, i64) = (1_000, 86_400_000);
/// Echo requests a cycle: least and most.
pub const ICMP_ECHOES: (i64, i64) = (1, 20);
/// Time between them, ms.
pub const ICMP_SPACING_MS: (i64, i64) = (0, 10_000);
/// How long the last of them may be waited for, ms.
pub const ICMP_TIMEOUT_MS: (i64, i64) = (10, 60_000);
/// Most characters of the description of a group.
pub const MAX_DESCRIPTION_CHARS: usize = 2_000;
/// Most devices that a group lists.
pub const MAX_GROUP_DEVICES: usize = 10_000;
