//! `opsconductor bench`: what the program does on this machine, against a real log and a real
//! database where they take part. Every figure is per CPU-second of this process, or a ratio of
//! two measurements of one run: machines differ, and so do two moments of one machine.

mod loose;
mod machine;
mod polls;
mod process;
mod report;

use clap::ValueEnum;

use crate::config::Config;

pub use report::{Figure, Report};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bench {
    /// Poll records through the whole chain, exactly once; what transactions cost; state written
    Process,
    /// Memory of a million series, and how soon they are back after a crash
    State,
    /// Every one of them
    All,
}

/// How much: 1 is what the figures in the docs were measured with.
#[derive(Clone, Copy, Debug)]
pub struct Scale(pub f64);

impl Scale {
    /// So many of a thing that is `full` at scale 1.
    fn of(self, full: usize, least: usize) -> usize {
        ((full as f64 * self.0) as usize).max(least)
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
        Bench::Process => done(process::process(config, scale)?),
        Bench::State => done(process::state(config, scale)?),
        Bench::All => {
            for one in [Bench::Process, Bench::State] {
                run(one, config, scale, &mut done as &mut dyn FnMut(Report))?;
            }
        }
    }
    Ok(())
}
