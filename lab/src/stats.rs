//! What the workers count.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Datagrams received.
    requests,
    /// Answers handed to the kernel, duplicates and broken ones included.
    answers,
    /// Var-binds in answers.
    values,
    /// Datagrams that are no SNMP request.
    malformed,
    /// Requests with another community.
    wrong_community,
    /// Datagrams to an address without an agent.
    unknown_address,
    /// Requests that a dead or rebooting device swallowed.
    swallowed,
    /// Answers that a loss fault dropped.
    lost,
    /// Answers broken by a fault: wrong id, truncated, garbage.
    broken,
    /// Requests put off by a slow or late fault.
    delayed,
    /// Requests dropped because too many were waiting.
    delay_overflow,
    /// Answers that the kernel did not take.
    send_failures,
    /// Answers withheld because the ledger could not be written.
    ledger_failures,
    /// Script events that could not be carried out.
    script_failures,
    /// Failed attempts to keep the state file.
    state_failures,
    /// CPU time of the worker threads, microseconds.
    cpu_us,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
