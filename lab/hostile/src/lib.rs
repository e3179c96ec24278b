//! Hostile bytes for the tests of everything that reads what others wrote: valid encodings,
//! flipped, cut, spliced and lied to about their lengths, and plain noise. A reading is watched:
//! it may not panic, not run for long and not take more memory than it was given leave to.
//!
//! `OPSC_FUZZ_CASES` says how many cases each target gets; with `OPSC_PROVE=1` they are a thousand
//! times those of `make test`. A failing case is shrunk, printed and kept in the crate's
//! `proptest-regressions`.

mod edit;
mod meter;

use proptest::prelude::*;

pub use edit::{Corpus, Damage, damage};
pub use meter::{Meter, within};

/// `OPSC_PROVE=1` runs so many times the usual number of cases.
const PROOF: u32 = 1_000;

/// How many cases a target gets: `usual` within `make test`.
///
/// # Panics
/// When `OPSC_FUZZ_CASES` is no number: the run would not be what was asked for.
#[expect(clippy::panic, reason = "called by tests only")]
pub fn cases(usual: u32) -> ProptestConfig {
    let cases = match std::env::var("OPSC_FUZZ_CASES") {
        Ok(text) => match text.parse() {
            Ok(cases) => cases,
            Err(_) => panic!("OPSC_FUZZ_CASES={text} is no number"),
        },
        Err(_) if std::env::var("OPSC_PROVE").is_ok_and(|text| text == "1") => usual * PROOF,
        Err(_) => usual,
    };
    ProptestConfig { cases, max_shrink_iters: 4_096, ..ProptestConfig::default() }
}
