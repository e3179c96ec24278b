//! Facts about the polling itself: sent, sent again once an hour, and taken back.

use schemas::{Fact, Poll};

/// How often it is sent, ms.
const SENT_MS: i64 = 3_600_000;

/// What was sent last, and when (ms).
#[derive(Clone, Debug, Default)]
pub(super) struct Notice(Option<(String, i64)>);

impl Notice {
    /// Puts the fact into a poll where it is due; `text` none: it is so no more.
    pub(super) fn add(&mut self, poll: &mut Poll, name: &str, text: Option<&str>) {
        let due = match (&self.0, text) {
            (Some((said, at)), Some(text)) => said != text || poll.started_at - at >= SENT_MS,
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        };
        if !due {
            return;
        }
        self.0 = text.map(|text| (text.to_owned(), poll.started_at));
        poll.facts.push(Fact {
            instance: String::new(),
            name: name.to_owned(),
            value: text.unwrap_or("none").to_owned(),
        });
    }
}
