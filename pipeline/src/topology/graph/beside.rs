//! Components beside the pipeline: what every process of a role reads.

use std::sync::Arc;

use super::{Component, Context, Kind, Role, Threads, Topology};
use crate::log::{Record, Start};
use crate::run::follow::Follower;
use crate::run::supervise::Runner;
use crate::topic::Topic;

impl Topology {
    /// Adds what every process of a role reads from its start, beside all groups.
    #[must_use]
    pub fn follower<K: 'static, T: 'static>(
        mut self,
        name: &'static str,
        role: Role,
        topic: &'static Topic<K, T>,
        take: fn(&Context, &Record),
    ) -> Self {
        let build = move |context: &Context, _slot: &str| {
            let context = context.clone();
            let log = Arc::clone(&context.log);
            let take = Box::new(move |record: &Record| take(&context, record));
            let follower = Follower::new(log.as_ref(), name, topic.name, Start::Earliest, take)?;
            Ok(Box::new(follower) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name,
            role,
            kind: Kind::Service,
            group: None,
            reads: vec![topic],
            writes: Vec::new(),
            state: None,
            threads: Threads::One,
            local: None,
            build: Some(Arc::new(build)),
        });
        self
    }
}
