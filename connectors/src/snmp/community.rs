//! Communities of one thread: fetched by name once, kept for a while.

use std::collections::HashMap;

use crate::seams::{Credential, CredentialError, Secret};

/// Names kept.
pub(crate) const MAX_KEPT: usize = 4_096;
/// A community is fetched again after this.
const FRESH_MS: u64 = 300_000;
/// After polls without an answer it is fetched again already after this: it may have changed.
const DOUBTED_MS: u64 = 20_000;
/// A failed fetch is repeated after this.
const RETRY_MS: u64 = 3_000;

#[derive(Debug)]
enum State {
    Asked(Vec<usize>),
    Known { community: Secret, at: u64 },
    Failed { error: CredentialError, at: u64 },
}

/// What is known of a name.
#[derive(Debug)]
pub(crate) enum Lookup {
    Known(Secret),
    Failed(CredentialError),
    /// It is being fetched; the peer is told.
    Wait {
        fetch: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Communities(HashMap<String, State>);

impl Communities {
    /// Looks a name up for a peer; `doubted`: it got no answers lately.
    pub(crate) fn get(&mut self, name: &str, peer: usize, doubted: bool, now: u64) -> Lookup {
        let age = |at: u64| now.saturating_sub(at);
        match self.0.get_mut(name) {
            Some(State::Asked(peers)) => {
                peers.push(peer);
                return Lookup::Wait { fetch: false };
            }
            Some(State::Known { community, at })
                if age(*at) < if doubted { DOUBTED_MS } else { FRESH_MS } =>
            {
                return Lookup::Known(community.clone());
            }
            Some(State::Failed { error, at }) if age(*at) < RETRY_MS => {
                return Lookup::Failed(error.clone());
            }
            Some(State::Known { .. } | State::Failed { .. }) | None => {}
        }
        if self.0.len() >= MAX_KEPT {
            self.0.retain(|_, state| matches!(state, State::Asked(_)));
        }
        self.0.insert(name.to_owned(), State::Asked(vec![peer]));
        Lookup::Wait { fetch: true }
    }

    /// Takes what was fetched; the peers that wait for it.
    pub(crate) fn fetched(
        &mut self,
        name: &str,
        result: Result<Credential, CredentialError>,
        now: u64,
    ) -> Vec<usize> {
        let state = match result {
            Ok(Credential::SnmpV2c { community }) => State::Known { community, at: now },
            Err(error) => State::Failed { error, at: now },
        };
        match self.0.insert(name.to_owned(), state) {
            Some(State::Asked(peers)) => peers,
            Some(State::Known { .. } | State::Failed { .. }) | None => Vec::new(),
        }
    }

    /// The credential has changed.
    pub(crate) fn forget(&mut self, name: &str) {
        if !matches!(self.0.get(name), Some(State::Asked(_))) {
            self.0.remove(name);
        }
    }
}
