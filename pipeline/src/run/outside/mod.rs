//! What sources and workers do outside of the log. The runner stays the one of all processors; what
//! it does outside follows from committed state alone, and comes back as input of the next commit.
//!
//! How it could fail, and what stands against it:
//!
//! - *An attempt before its claim, a batch before its definition*: [`Outside::settle`] is called
//!   after the commit, with what was committed.
//! - *An outcome or a batch that is lost with its commit*: the runner restores its state and calls
//!   [`Outside::restore`]; an outcome that was not committed is given again, a source is followed
//!   anew from the cursor that was.
//! - *An outcome that is committed twice*: it ends its own claim alone; a claim has one end.
//! - *A replay that repeats a claim*: every change is in a snapshot of the commit that it came
//!   with, so there is nothing to replay.
//! - *Two processes at work for one key*: what a partition's former owner does ends before it gives
//!   the partition up, or is cut off; if it is frozen meanwhile, its outcome is refused by the log.
//!   Its attempt may still reach the outside world: the request's id is there to detect that.

mod attempts;
mod followers;

use std::time::Duration;

use processors::{KeyOf, Processor};

pub use self::attempts::{Attempts, Work};
pub use self::followers::{Batches, Closed, Follow, Followers, SourceError};

/// Longest wait for what is under way for partitions that are given up.
const DRAIN: Duration = Duration::from_secs(5);

/// Acts on committed state, and gives back what came of it.
pub trait Outside<P: Processor>: Send {
    /// Whether it does anything: if so, every change is saved in the commit that it came with.
    const ACTIVE: bool;

    /// A key's state is committed; none: it is gone.
    fn settle(&mut self, partition: i32, key: &KeyOf<P>, state: Option<&P::State>);

    /// A partition came, or came back after a failed commit: these are all its keys.
    fn restore(&mut self, partition: i32, keys: &[(&KeyOf<P>, &P::State)]);

    /// Waits until what is under way for these partitions has ended, [`DRAIN`] at the longest.
    fn drain(&mut self, partitions: &[i32]);

    /// A partition is no longer ours.
    fn release(&mut self, partition: i32);

    /// What came back, with its partition.
    fn next(&mut self) -> Option<(i32, P::Input)>;

    /// Whether anything is under way.
    fn is_busy(&self) -> bool;

    /// Why no more input is taken for now.
    fn is_full(&self) -> Option<&'static str>;
}

/// Nothing: processors and relays.
#[derive(Debug, Default)]
pub struct Within;

impl<P: Processor> Outside<P> for Within {
    const ACTIVE: bool = false;

    fn settle(&mut self, _: i32, _: &KeyOf<P>, _: Option<&P::State>) {}

    fn restore(&mut self, _: i32, _: &[(&KeyOf<P>, &P::State)]) {}

    fn drain(&mut self, _: &[i32]) {}

    fn release(&mut self, _: i32) {}

    fn next(&mut self) -> Option<(i32, P::Input)> {
        None
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn is_full(&self) -> Option<&'static str> {
        None
    }
}
