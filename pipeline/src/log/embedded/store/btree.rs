//! A store in memory: for tests, and for nothing that must last longer than the process.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::{Each, Space, Store, StoreError, Write};

type Spaces = BTreeMap<Space, BTreeMap<Bytes, Bytes>>;

/// Clones share the content, as two openings of one folder would.
#[derive(Clone, Default)]
pub(in super::super) struct BTreeStore(Arc<RwLock<Spaces>>);

impl Store for BTreeStore {
    fn write(&self, write: Write) -> Result<(), StoreError> {
        let mut spaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (space, key, value) in write.puts {
            spaces.entry(space).or_default().insert(key, value);
        }
        for (space, key) in write.removes {
            if let Some(entries) = spaces.get_mut(&space) {
                entries.remove(&key);
            }
        }
        Ok(())
    }

    fn scan(&self, space: Space, from: &[u8], to: &[u8], each: Each) -> Result<(), StoreError> {
        let spaces = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if from >= to {
            return Ok(());
        }
        let Some(entries) = spaces.get(&space) else { return Ok(()) };
        let range = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        for (key, value) in entries.range::<[u8], _>(range) {
            if let ControlFlow::Break(()) = each(key, value.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn drop_range(&self, space: Space, from: &[u8], to: &[u8]) -> Result<i64, StoreError> {
        let mut spaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = spaces.get_mut(&space) {
            entries.retain(|key, _| key[..] < *from || key[..] >= *to);
        }
        Ok(0)
    }

    fn reclaim(&self, _: Space) -> Result<(), StoreError> {
        Ok(())
    }

    fn healthy(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
