//! `opsconductor bench`: what the program does on this machine, against a real log and a real
//! database where they take part. Every figure is per CPU-second of this process, or a ratio of
//! two measurements of one run: machines differ, and so do two moments of one machine.

mod api;
mod child;
mod collect;
mod end_to_end;
mod events;
mod latency;
mod loose;
mod machine;
mod network;
mod place;
mod polls;
mod process;
mod program;
mod report;
mod sink;

use clap::ValueEnum;

use crate::config::Config;

pub use network::serve as serve_network;
pub use report::{Figure, Report};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bench {
    /// One poller: a simulated network's answers to records on the log
    Collect,
    /// Poll records through the whole chain, exactly once; what transactions cost; state written
    Process,
    /// Samples from the metric topic into the database, beside a raw COPY of as many
    Sink,
    /// From an answer to its anomaly on the topic, in the table and in a browser
    Latency,
    /// Memory of a million series, and how soon they are back after a crash
    State,
    /// All of it on this machine, and whether it keeps up
    EndToEnd,
    /// A month of a series, a long list of devices, a thousand live viewers
    Api,
    /// Every one of them
    All,
}

/// What [`Bench::All`] runs, in this order.
const EACH: [Bench; 7] = [
    Bench::Collect,
    Bench::Process,
    Bench::Sink,
    Bench::Latency,
    Bench::State,
    Bench::EndToEnd,
    Bench::Api,
];

/// How much: 1 is what the figures in the docs were measured with.
#[derive(Clone, Copy, Debug)]
pub struct Scale(pub f64);

impl Scale {
    /// So many of a thing that is `full` at scale 1.
    fn of(self, full: usize, least: usize) -> usize {
        ((full as f64 * self.0) as usize).max(least)
    }

    /// Whether it is only to be seen to run: a load of its own size would take too long to make.
    fn is_glance(self) -> bool {
        self.0 < 0.05
    }

    /// A load, which is no smaller over a shorter time.
    fn load(self, full: usize, glance: usize) -> usize {
        if self.is_glance() { glance } else { full }
    }
}

/// Why a measurement could not be made.
pub type Failure = Box<dyn std::error::Error>;

/// Measures, and calls `done` with each report.
///
/// # Errors
/// What could not be reached or went wrong, in words.
pub fn run(
    bench: Bench,
    config: &Config,
    scale: Scale,
    mut done: impl FnMut(Report),
) -> Result<(), Failure> {
    match bench {
        Bench::Collect => done(collect::collect(config, scale)?),
        Bench::Process => done(process::process(config, scale)?),
        Bench::Sink => done(sink::sink(config, scale)?),
        Bench::Latency => done(latency::latency(config, scale)?),
        Bench::EndToEnd => done(end_to_end::end_to_end(config, scale)?),
        Bench::Api => done(api::api(config, scale)?),
        Bench::State => done(process::state(config, scale)?),
        Bench::All => {
            for one in EACH {
                run(one, config, scale, &mut done as &mut dyn FnMut(Report))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_each_of_them_once() {
        let mut named = EACH.to_vec();
        named.push(Bench::All);
        named.sort_by_key(|bench| *bench as u8);
        assert_eq!(named, Bench::value_variants());
    }
}
