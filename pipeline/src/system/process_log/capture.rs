//! Where lines are taken: a layer of the subscriber.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemas::{LogField, ProcessLog};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, callsite};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::{MAX_OF_A_PLACE, PRODUCER, QUEUE, Queue, count};
use crate::clock::wall_ms;

/// Longest message and longest value of a field, in characters.
const MAX_MESSAGE: usize = 2_000;
const MAX_VALUE: usize = 500;
/// Most fields of a line.
const MAX_FIELDS: usize = 16;
/// Within it the lines of a place are counted.
const WINDOW: Duration = Duration::from_secs(60);

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

/// What this thread says is not taken.
pub(super) fn exempt_this_thread() {
    EXEMPT.set(true);
}

/// Takes warnings and errors.
pub(crate) fn layer<S: Subscriber>() -> impl Layer<S> {
    Capture::into(Arc::clone(&QUEUE))
}

pub(super) struct Capture {
    queue: Arc<Queue>,
    places: Places<callsite::Identifier>,
}

/// How much each place has said: as many as the program has.
pub(super) struct Places<K>(Mutex<HashMap<K, Place>>);

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// How much a place has said.
struct Place {
    since: Instant,
    taken: u32,
    left_out: i64,
}

impl Capture {
    pub(super) fn into(queue: Arc<Queue>) -> Self {
        Self { queue, places: Places::default() }
    }
}

impl<K: Eq + Hash> Places<K> {
    /// How many lines of this place were left out before this one; none: so is this one.
    pub(super) fn admit(&self, place: K, now: Instant) -> Option<i64> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Place { since: now, taken: 0, left_out: 0 };
        let place = places.entry(place).or_insert_with(fresh);
        if now.saturating_duration_since(place.since) >= WINDOW {
            (place.since, place.taken) = (now, 0);
        }
        if place.taken >= MAX_OF_A_PLACE {
            place.left_out += 1;
            return None;
        }
        place.taken += 1;
        Some(std::mem::take(&mut place.left_out))
    }
}

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || EXEMPT.get() {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        if said.client.as_deref() == Some(PRODUCER) {
            return;
        }
        let Some(suppressed) = self.places.admit(metadata.callsite(), Instant::now()) else {
            return count(&self.queue.suppressed);
        };
        let target = said.target.unwrap_or_else(|| metadata.target().to_owned());
        let thread = std::thread::current();
        // A runtime's threads work for everybody.
        let thread = thread.name().filter(|name| !name.starts_with("tokio-"));
        let component = said.component.or_else(|| thread.map(str::to_owned));
        let area = target.split("::").next().unwrap_or_default();
        self.queue.push(ProcessLog {
            instance: String::new(),
            at: wall_ms(),
            level: if *metadata.level() == Level::ERROR { "error" } else { "warn" }.to_owned(),
            component: component.unwrap_or_else(|| area.to_owned()),
            target,
            message: said.message,
            fields: said.fields,
            suppressed,
        });
    }
}

/// What an event carries.
#[derive(Default)]
struct Said {
    message: String,
    component: Option<String>,
    /// The librdkafka client that it is about.
    client: Option<String>,
    /// Of an event that came by way of the `log` crate.
    target: Option<String>,
    fields: Vec<LogField>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = |most| Line::of(most, format_args!("{value:?}"));
        match field.name() {
            "message" => self.message = text(MAX_MESSAGE),
            "component" => self.component = Some(text(MAX_VALUE)),
            "log.target" => self.target = Some(text(MAX_VALUE)),
            name if name.starts_with("log.") => {}
            name => {
                let value = text(MAX_VALUE);
                if name == "client" {
                    self.client = Some(value.clone());
                }
                if self.fields.len() < MAX_FIELDS {
                    self.fields.push(LogField { name: name.to_owned(), value });
                }
            }
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// A text on one line, of so many characters at most: what is longer is not even formatted.
struct Line {
    text: String,
    left: usize,
}

impl Line {
    fn of(most: usize, arguments: fmt::Arguments<'_>) -> String {
        let mut line = Self { text: String::new(), left: most };
        if line.write_fmt(arguments).is_err() {
            line.text.push('…');
        }
        line.text
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(if letter.is_control() { ' ' } else { letter });
        }
        Ok(())
    }
}
