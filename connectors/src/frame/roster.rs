//! The devices of a thread, each under a number that is given again when it has gone; the epoch
//! distinguishes one holder of a number from the next.

use std::collections::HashMap;

use schemas::DeviceId;

use super::peer::Peer;

#[derive(Debug)]
pub(crate) struct Roster<X> {
    peers: Vec<Option<Peer<X>>>,
    free: Vec<usize>,
    by_id: HashMap<DeviceId, usize>,
    epoch: u32,
}

impl<X> Default for Roster<X> {
    fn default() -> Self {
        Self { peers: Vec::new(), free: Vec::new(), by_id: HashMap::new(), epoch: 0 }
    }
}

impl<X> Roster<X> {
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&Peer<X>> {
        self.peers.get(at)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Peer<X>> {
        self.peers.get_mut(at)?.as_mut()
    }

    /// The peer of that number, if it is still the one of that epoch.
    #[inline]
    pub(crate) fn current(&mut self, at: usize, epoch: u32) -> Option<&mut Peer<X>> {
        self.get_mut(at).filter(|peer| peer.epoch == epoch)
    }

    /// Whether that cycle of that peer is under way.
    pub(crate) fn is_under_way(&self, at: usize, epoch: u32, cycle: i64) -> bool {
        self.get(at).is_some_and(|peer| {
            peer.epoch == epoch && peer.started.is_some_and(|it| it.cycle == cycle)
        })
    }

    /// The number of a device.
    pub(crate) fn place_of(&self, id: DeviceId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn by_id(&mut self, id: DeviceId) -> Option<&mut Peer<X>> {
        let at = *self.by_id.get(&id)?;
        self.get_mut(at)
    }

    /// Puts a peer in; its number and epoch.
    pub(super) fn insert(&mut self, mut peer: Peer<X>) -> (usize, u32) {
        self.epoch += 1;
        peer.epoch = self.epoch;
        let at = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.by_id.insert(peer.device.id, at);
        if let Some(place) = self.peers.get_mut(at) {
            *place = Some(peer);
        }
        (at, self.epoch)
    }

    pub(super) fn remove(&mut self, id: DeviceId) -> Option<(usize, Peer<X>)> {
        let at = self.by_id.remove(&id)?;
        let peer = self.peers.get_mut(at)?.take()?;
        self.free.push(at);
        Some((at, peer))
    }
}
