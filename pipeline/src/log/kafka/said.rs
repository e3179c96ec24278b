//! What to make of librdkafka's messages. It says the same again with every try: with a broker away
//! that is many lines a second from each client. One line of a kind in a while is enough, if it
//! says how many were left out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::options::KafkaOptions;

/// Between two lines of one kind from one client.
const EVERY: Duration = Duration::from_secs(10);
/// Kinds remembered; librdkafka has some forty, a few of them for each broker.
const MAX_KINDS: usize = 256;

/// Values that must not be printed.
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Whatever was given could be one; what is too short to be one would blacken everything.
    pub(super) fn of(options: &KafkaOptions) -> Self {
        const WORDS: [&str; 6] = ["password", "secret", "pem", "token", "oauth", "jaas"];
        let secret = |name: &str| WORDS.iter().any(|word| name.contains(word));
        let given = options.properties.iter().filter(|(name, _)| secret(name));
        Self(given.map(|(_, v)| v.clone()).filter(|v| v.expose_secret().len() > 3).collect())
    }

    pub(super) fn hide(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "***"))
    }
}

/// Whether librdkafka calls an error what spoils one transaction only: that one is aborted, and the
/// task repeats it or says why not.
pub(super) fn is_spoiled_transaction(facility: &str, message: &str) -> bool {
    facility == "TXNERR" && message.contains("Current transaction failed")
}

/// Whether a transactional id was initialised by who takes over: the task says so, and begins anew.
pub(super) fn is_fenced(message: &str) -> bool {
    message.contains("fenced by a newer instance") || message.contains("with an old epoch")
}

/// Whether librdkafka wonders at what [`super::seat::Seat::leave`] does with a seat that the group
/// has taken back already: it gives up what it still holds, which is meant.
pub(super) fn is_leave_of_a_lost_seat(facility: &str, message: &str) -> bool {
    facility == "REBALANCE"
        && message.contains("unexpected instruction to revoke current assignment")
        && message.contains("terminating=0, assignment_lost=0, LEAVE_ON_UNASSIGN_DONE=0")
}

/// Whether a connection that has ended is said to be refused by the sign-in that it was at: the end
/// itself has been said, or was meant, and the user's name and password are not in question.
pub(super) fn is_cut_sign_in(message: &str) -> bool {
    ["SASL ", "Local: Broker transport failure", "in state DOWN"]
        .iter()
        .all(|part| message.contains(part))
}

/// The kind of a message: librdkafka's word for it, and of which connection it is, which stands in
/// front: `[thrd:localhost:9092/1]: …`.
pub(super) fn kind_of(facility: &str, message: &str) -> String {
    let thread = message.split_once("]: ").map_or("", |(thread, _)| thread);
    format!("{facility} {thread}")
}

/// What one client said, by kind.
#[derive(Default)]
pub(super) struct Pace {
    said: Mutex<HashMap<String, (Instant, u64)>>,
}

impl Pace {
    /// How many lines of this kind were left out since the last one; none when this one is left
    /// out too.
    pub(super) fn may_say(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, unsaid)) = said.get_mut(kind) {
            if now.saturating_duration_since(*last) < EVERY {
                *unsaid += 1;
                return None;
            }
            *last = now;
            return Some(std::mem::take(unsaid));
        }
        if said.len() < MAX_KINDS {
            said.insert(kind.to_owned(), (now, 0));
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_in_a_while_with_a_count() {
        let (pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let fail = |broker| kind_of("FAIL", &format!("[thrd:b{broker}:9092/{broker}]: refused"));
        let said: Vec<_> = (0..100).filter_map(|n| pace.may_say(&fail(1), at(n * 250))).collect();
        assert_eq!(said, [0, 39, 39]);
        for other in [fail(2), kind_of("TXNERR", "[thrd:main]: x"), kind_of("FAIL", "x")] {
            assert_eq!(pace.may_say(&other, at(25_000)), Some(0), "{other} is another kind");
        }
    }

    #[test]
    fn only_a_transaction_that_can_be_repeated_is_no_error() {
        let failed = "[thrd:main]: Current transaction failed in state BeginCommit: Failed to \
                      commit offsets to transaction on broker (none): Broker: Specified group \
                      generation id is not valid (ILLEGAL_GENERATION)";
        assert!(is_spoiled_transaction("TXNERR", failed));
        assert!(!is_spoiled_transaction("TXNERR", "Fatal transaction error: x (FENCED)"));
        assert!(!is_spoiled_transaction("FATAL", failed));
    }

    #[test]
    fn only_a_connection_that_has_ended_cuts_a_sign_in_off() {
        let down = "Local: Broker transport failure (after 0ms in state DOWN)";
        let request = "SASL authentication error: SaslAuthenticateRequest failed:";
        assert!(is_cut_sign_in(&format!("[thrd:b:1/1]: b:1/1: {request} {down}")));
        let handshake = "SASL SCRAM-SHA-512 mechanism handshake failed: Local: Broker transport \
                         failure: broker's supported mechanisms: (n/a)";
        assert!(is_cut_sign_in(&format!("{handshake} (after 0ms in state DOWN)")));
        for refused in [
            "SASL authentication error: Authentication failed during authentication due to \
             invalid credentials with SASL mechanism SCRAM-SHA-512 (after 3ms in state AUTH_REQ)",
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
        ] {
            assert!(!is_cut_sign_in(refused), "{refused}");
        }
    }
}
