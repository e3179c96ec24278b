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
    /// Who waits for it; `stale`: it has changed since it was asked for.
    Asked {
        peers: Vec<usize>,
        stale: bool,
    },
    Known {
        community: Secret,
        at: u64,
    },
    Failed {
        error: CredentialError,
        at: u64,
    },
}

/// What is known of a name.
#[derive(Debug)]
pub(crate) enum Lookup {
    Known(Secret),
    Failed(CredentialError),
    /// It is being fetched; the peer is notified.
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
            Some(State::Asked { peers, .. }) => {
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
            self.0.retain(|_, state| matches!(state, State::Asked { .. }));
        }
        self.0.insert(name.to_owned(), State::Asked { peers: vec![peer], stale: false });
        Lookup::Wait { fetch: true }
    }

    /// Takes what was fetched; the peers that wait for it. What a fetch brings that began before
    /// the credential changed is not kept: those peers, asking again, have it fetched anew.
    pub(crate) fn fetched(
        &mut self,
        name: &str,
        result: Result<Credential, CredentialError>,
        now: u64,
    ) -> Vec<usize> {
        let (peers, stale) = match self.0.remove(name) {
            Some(State::Asked { peers, stale }) => (peers, stale),
            Some(State::Known { .. } | State::Failed { .. }) | None => (Vec::new(), false),
        };
        if !stale {
            let state = match result {
                Ok(Credential::SnmpV2c { community }) => State::Known { community, at: now },
                Err(error) => State::Failed { error, at: now },
            };
            self.0.insert(name.to_owned(), state);
        }
        peers
    }

    /// The credential has changed.
    pub(crate) fn forget(&mut self, name: &str) {
        match self.0.get_mut(name) {
            Some(State::Asked { stale, .. }) => *stale = true,
            Some(State::Known { .. } | State::Failed { .. }) | None => drop(self.0.remove(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Result<Credential, CredentialError> {
        Ok(Credential::SnmpV2c { community: Secret::new(text) })
    }

    fn check(found: Lookup, expected: &str) {
        let Lookup::Known(community) = found else { panic!("{found:?}") };
        assert_eq!(community.expose(), expected);
    }

    #[test]
    fn a_fetch_from_before_a_change_is_not_kept() {
        let mut communities = Communities::default();
        let get = |it: &mut Communities, peer| it.get("lab", peer, false, 0);
        assert!(matches!(get(&mut communities, 1), Lookup::Wait { fetch: true }));
        communities.forget("lab");
        assert!(matches!(get(&mut communities, 2), Lookup::Wait { fetch: false }));
        // The first, asking again, has it fetched anew; the second waits for that.
        assert_eq!(communities.fetched("lab", known("old"), 0), [1, 2]);
        assert!(matches!(get(&mut communities, 1), Lookup::Wait { fetch: true }));
        assert!(matches!(get(&mut communities, 2), Lookup::Wait { fetch: false }));
        assert_eq!(communities.fetched("lab", known("new"), 0), [1, 2]);
        check(get(&mut communities, 1), "new");
        communities.forget("lab");
        assert!(matches!(get(&mut communities, 1), Lookup::Wait { fetch: true }));
    }

    #[test]
    fn a_failed_fetch_from_before_a_change_is_not_kept_either() {
        let mut communities = Communities::default();
        communities.get("lab", 1, false, 0);
        communities.forget("lab");
        let missing = Err(CredentialError::Missing("lab".to_owned()));
        assert_eq!(communities.fetched("lab", missing, 0), [1]);
        assert!(matches!(communities.get("lab", 1, false, 0), Lookup::Wait { fetch: true }));
    }
}
