//! Against a real Apache Kafka: one broker for this test binary, and one more where it is killed.

// The tests of the whole program use more of it.
#[allow(dead_code)]
mod broker;
mod harness;
mod moving;
mod nobody;
mod refusals;
mod spoiled;
mod zombies;

mod conformance {
    use super::harness::RealKafka;
    use crate::log::conformance::conformance;
    conformance!(match RealKafka::new() {
        Some(kafka) => kafka,
        None => return,
    });
}
