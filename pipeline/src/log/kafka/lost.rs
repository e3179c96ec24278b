//! Positions that were committed and that the group has not kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::super::{LogError, Position};
use super::client::{ASK, Cluster, Context, create};
use super::error::from_kafka;
use super::member::KafkaMember;

/// By transactional id and partition what was committed last: one for each task of this process.
#[derive(Default)]
pub(super) struct Committed(Mutex<HashMap<String, BTreeMap<i32, Position>>>);

impl Committed {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<i32, Position>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remember(&self, id: &str, positions: &[Position]) {
        let positions = positions.iter().map(|position| (position.partition, *position));
        self.lock().entry_ref(id).or_default().extend(positions);
    }

    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    pub(super) fn last(&self, id: &str) -> BTreeMap<i32, Position> {
        self.lock().get(id).cloned().unwrap_or_default()
    }
}

/// Those of a task's last commits that the group lacks, by what it has for certain: what is pending
/// in a transaction does not count, and is not waited for.
pub(super) fn of(
    cluster: &Cluster,
    member: &KafkaMember,
    committed: &[Position],
) -> Result<Vec<Position>, LogError> {
    if committed.is_empty() {
        return Ok(Vec::new());
    }
    let spec = member.spec();
    let name = format!("{}-{}-onlooker", spec.group, spec.slot);
    let what = format!("ask for the positions of {}", spec.group);
    let config = cluster.options.onlooker(&name, &cluster.full(&spec.group));
    let onlooker: BaseConsumer<Context> =
        create(&config, cluster.context(&name), &what, &spec.slot)?;
    let mut list = TopicPartitionList::new();
    for position in committed {
        list.add_partition(member.full(), position.partition);
    }
    let kept = onlooker.committed_offsets(list, ASK);
    let kept = kept.map_err(|error| from_kafka(&error, what.clone(), &spec.slot))?;
    let mut lost = Vec::new();
    for known in committed {
        let Some(kept) = kept.find_partition(member.full(), known.partition) else { continue };
        kept.error().map_err(|error| from_kafka(&error, what.clone(), &spec.slot))?;
        if !matches!(kept.offset(), Offset::Offset(next) if next >= known.next) {
            lost.push(*known);
        }
    }
    Ok(lost)
}
