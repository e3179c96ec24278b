//! Requests in flight. The request id is slot and generation, so that an answer finds its
//! request at once and a late or forged one finds none.

use super::ask::Ask;

const SLOT_BITS: u32 = 13;
/// Requests in flight a thread.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;
const GENERATIONS: u32 = 1 << (31 - SLOT_BITS);

/// One slot.
#[derive(Debug, Default)]
pub(crate) struct Request {
    generation: u32,
    /// None: the slot is free, or its question is being handled.
    pub(crate) ask: Option<Ask>,
    pub(crate) peer: usize,
    /// When it was sent first, and last.
    pub(crate) sent_at: u64,
    pub(crate) resent_at: u64,
    /// How often it was sent.
    pub(crate) tries: u32,
    pub(crate) packet: Vec<u8>,
    /// What the network said about the last try.
    pub(crate) network: Option<String>,
    in_use: bool,
}

/// Slot and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) slot: u16,
    generation: u32,
}

/// What a request id refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Open(Ticket),
    /// It was given once and is over.
    Over,
    /// It was never given.
    Never,
}

impl Ticket {
    pub(crate) const fn id(self) -> i32 {
        (self.generation << SLOT_BITS | self.slot as u32) as i32
    }
}

#[derive(Debug)]
pub(crate) struct Requests {
    slots: Vec<Request>,
    free: Vec<u16>,
    /// Slots that may be in use at once.
    most: usize,
    first: u32,
}

impl Requests {
    /// Room for `most` requests. `seed` varies the first generation, so that answers to an
    /// earlier run's requests fit none of this run's.
    pub(crate) fn new(most: usize, seed: u32) -> Self {
        let first = seed % (GENERATIONS / 2);
        Self { slots: Vec::new(), free: Vec::new(), most: most.min(MAX_SLOTS), first }
    }

    pub(crate) fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.in_use() >= self.most
    }

    /// Opens a request, unless as many as may be are open.
    pub(crate) fn open(&mut self, peer: usize, ask: Ask) -> Option<Ticket> {
        if self.is_full() {
            return None;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Request { generation: self.first, ..Request::default() });
            (self.slots.len() - 1) as u16
        });
        let request = self.slots.get_mut(usize::from(slot))?;
        request.generation = (request.generation + 1) % GENERATIONS;
        (request.ask, request.peer, request.tries) = (Some(ask), peer, 0);
        (request.network, request.in_use) = (None, true);
        Some(Ticket { slot, generation: request.generation })
    }

    /// The request of a ticket while it is open.
    pub(crate) fn get(&mut self, ticket: Ticket) -> Option<&mut Request> {
        let request = self.slots.get_mut(usize::from(ticket.slot))?;
        (request.in_use && request.generation == ticket.generation).then_some(request)
    }

    pub(crate) fn find(&self, id: i32) -> Found {
        let id = id as u32;
        let slot = (id & (MAX_SLOTS as u32 - 1)) as u16;
        let generation = id >> SLOT_BITS;
        match self.slots.get(usize::from(slot)) {
            Some(it) if it.generation == generation && it.in_use => {
                Found::Open(Ticket { slot, generation })
            }
            Some(it) if generation > self.first && generation <= it.generation => Found::Over,
            Some(_) | None => Found::Never,
        }
    }

    pub(crate) fn close(&mut self, ticket: Ticket) {
        if let Some(request) = self.get(ticket) {
            request.in_use = false;
            request.ask = None;
            self.free.push(ticket.slot);
        }
    }

    /// Gives up all requests of a peer.
    pub(crate) fn close_all(&mut self, peer: usize) {
        for (slot, request) in self.slots.iter_mut().enumerate() {
            if request.in_use && request.peer == peer {
                request.in_use = false;
                request.ask = None;
                self.free.push(slot as u16);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_one_request_only() {
        let mut requests = Requests::new(2, 77);
        let ask = || Ask::Get(Vec::new());
        let first = requests.open(0, ask()).unwrap();
        let second = requests.open(1, ask()).unwrap();
        assert!(requests.open(2, ask()).is_none());
        assert_eq!(requests.find(first.id()), Found::Open(first));
        assert_eq!(requests.find(second.id() ^ (1 << 20)), Found::Never);
        assert_eq!(requests.find(-5), Found::Never);
        requests.close(first);
        assert_eq!(requests.find(first.id()), Found::Over);
        let third = requests.open(2, ask()).unwrap();
        assert_eq!(third.slot, first.slot);
        assert_eq!(requests.find(first.id()), Found::Over);
        assert!(requests.get(first).is_none() && requests.get(third).is_some());
        requests.close_all(1);
        assert_eq!((requests.find(second.id()), requests.in_use()), (Found::Over, 1));
    }
}
