//! Who holds which partition, as the groups' coordinators have it.

use std::collections::BTreeMap;

use rdkafka::groups::GroupList;

use super::site::OURS;

/// Which member holds a partition, by group and partition.
pub(crate) type Owners = BTreeMap<(String, i32), String>;

pub(crate) fn owners(found: &GroupList) -> Owners {
    let mut owners = Owners::new();
    for group in found.groups() {
        let Some(name) = group.name().strip_prefix(OURS) else { continue };
        for member in group.members() {
            for partition in assigned(member.assignment().unwrap_or_default()) {
                owners.insert((name.to_owned(), partition), member.client_id().to_owned());
            }
        }
    }
    owners
}

/// The partitions of a member that reads one topic, from the consumer protocol's bytes: a version,
/// how many topics, of each its name, how many partitions, and these.
fn assigned(bytes: &[u8]) -> Vec<i32> {
    let Some([_, _, topics @ .., name_high, name_low]) = bytes.first_chunk::<8>() else {
        return Vec::new();
    };
    if *topics == [0; 4] {
        return Vec::new();
    }
    let name = usize::from(u16::from_be_bytes([*name_high, *name_low]));
    let (numbers, _) = bytes[8 + name..].as_chunks::<4>();
    let mut numbers = numbers.iter().map(|it| i32::from_be_bytes(*it));
    let count = numbers.next().unwrap();
    numbers.take(usize::try_from(count).unwrap()).collect()
}
