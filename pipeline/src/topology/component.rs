//! What a component is, and what it is built from.

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::{Credentials, Poller};
use schemas::{CodecError, SchemaStore};
use sinks::Servers;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::log::{EventLog, NewRecord};
use crate::run::supervise::Runner;
use crate::run::wiring::{Pace, Route, RunError};
use crate::topic::{Carries, Keyed, Named, Topic};

/// Which processes run a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Polls devices.
    Connect,
    /// Computes.
    Process,
    /// Fills the database.
    Sink,
    /// Serves the API and the web interface.
    Api,
}

impl Role {
    /// All of them, in the order they start.
    pub const ALL: [Self; 4] = [Self::Process, Self::Sink, Self::Connect, Self::Api];

    /// As the command line names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Process => "process",
            Self::Sink => "sink",
            Self::Api => "api",
        }
    }
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks devices.
    Collector,
    /// Follows an outside system.
    Source,
    /// Folds records into state.
    Processor,
    /// Gives records another key or topic.
    Relay,
    /// Makes attempts outside.
    Worker,
    /// Writes rows.
    Sink,
    /// Serves people.
    Service,
}

/// What components are built from.
#[derive(Clone)]
pub struct Context {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Time.
    pub clock: Clock,
    /// Known schemas.
    pub schemas: SchemaStore,
    /// How often processors commit, save and tick.
    pub pace: Pace,
    /// This process among all, for slots.
    pub instance: String,
    /// Runs what waits: queries, attempts, what follows an outside system.
    pub runtime: Handle,
    /// The configuration.
    pub config: Arc<Config>,
    /// The kinds of source that this process declares.
    pub declared: BTreeSet<&'static str>,
    /// Of sinks.
    pub database: Option<Database>,
    /// Of collectors.
    pub poller: Option<Arc<Poller>>,
    /// Of those who show devices who they are.
    pub credentials: Option<Arc<dyn Credentials>>,
}

/// Where sinks write.
#[derive(Clone)]
pub struct Database {
    /// How to connect.
    pub servers: Servers,
    /// Whose positions are kept there.
    pub log_id: String,
}

impl Context {
    pub(super) fn broken(component: &str, what: &str) -> RunError {
        RunError::Broken { component: component.to_owned(), error: format!("there is no {what}") }
    }
}

/// Builds a component's runner in a slot.
pub type Build = Arc<dyn Fn(&Context, &str) -> Result<Box<dyn Runner>, RunError> + Send + Sync>;

/// How many threads of a process run a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One.
    One,
    /// `processor.threads` of the configuration.
    Configured,
}

/// One component.
#[derive(Clone)]
pub struct Component {
    /// Its name; also that of its thread, with its role before it.
    pub name: &'static str,
    /// Who runs it.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// The group whose members it is; none: it reads as it likes, or not at all.
    pub group: Option<String>,
    /// Topics that it reads.
    pub reads: Vec<&'static dyn Named>,
    /// Topics that it writes.
    pub writes: Vec<&'static dyn Named>,
    /// Where its positions and snapshots are, if they are in the log.
    pub state: Option<&'static dyn Named>,
    /// How many threads.
    pub threads: Threads,
    /// The kind of source that a process must declare to run it; none: all of its role do, and the
    /// system is not whole without it.
    pub local: Option<&'static str>,
    pub(super) build: Option<Build>,
}

impl Component {
    /// Builds its runner, if it is one of threads.
    #[must_use]
    pub fn builder(&self) -> Option<Build> {
        self.build.clone()
    }
}

/// Where the outputs of a processor go.
pub struct Outputs<O> {
    pub(super) topics: Vec<&'static dyn Named>,
    pub(super) route: Route<O>,
}

impl<O: Keyed + schemas::AvroRecord> Outputs<O> {
    /// All of one type to one topic.
    pub fn to<T: Carries<O>>(topic: &'static Topic<O::Key, T>) -> Self {
        Self { topics: vec![topic], route: Arc::new(move |output| topic.publish(output)) }
    }
}

impl<O: 'static> Outputs<O> {
    /// Each variant to its topic.
    pub fn of(
        topics: Vec<&'static dyn Named>,
        route: fn(&O) -> Result<NewRecord, CodecError>,
    ) -> Self {
        Self { topics, route: Arc::new(route) }
    }

    /// Their names.
    pub fn topics(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.topics.iter().map(|topic| topic.name())
    }

    /// Gives an output its topic and key.
    pub fn route(&self) -> Route<O> {
        Arc::clone(&self.route)
    }
}
