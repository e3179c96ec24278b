//! Whatever somebody writes into the configuration.

use hostile::{Corpus, cases, within};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Config, DEFAULTS};

/// The defaults, parsed twice, and what is laid over them.
const MEMORY: usize = 8 << 20;
/// Stands in every place of a secret. No word of the program has it.
const SECRET: &str = "x7Q0q7x";

fn file() -> Corpus {
    let small = format!(
        "state_dir = \"s\"\n[database]\nurl = \"postgres://u:{SECRET}@h/d\"\n\
         [log]\nkind = \"kafka\"\n[log.kafka]\nbootstrap = \"b:1\"\n\
         [log.kafka.properties]\n\"sasl.password\" = \"{SECRET}\"\n\"linger.ms\" = 5\n"
    );
    Corpus::new([small.as_str(), DEFAULTS]).with_words(&[
        "[[[[[[[[",
        "{a={a={a=",
        "'''",
        "\"\"\"",
        "[log.kafka.properties]\n",
        "a.b.c = 1\n",
        "= nan",
        "9223372036854775808",
        "-1",
        "1979-05-27",
        "\\u0000",
    ])
}

fn names() -> Corpus {
    Corpus::new([
        "DATABASE_URL",
        "OPSC_KAFKA",
        "OPSC_LISTEN",
        "OPSC_DEMO",
        "OPSC__LOG__KAFKA__PROPERTIES__SASL.PASSWORD",
        "OPSC__PROCESSOR__THREADS",
        "OPSC__API__SECURE_COOKIE",
        "OPSC__LOG__PARTITIONS",
    ])
    .with_words(&["__", "OPSC__", "____", ".", "LOG", "é"])
}

/// An error names where it is from, and nothing of a secret.
fn check(file: Option<String>, variables: Vec<(String, String)>) {
    let places: Vec<String> =
        variables.iter().map(|(name, _)| format!("environment variable {name}")).collect();
    let file = file.map(|text| ("config.toml".to_owned(), text));
    if let Err(error) = within(MEMORY, || Config::lay(file, variables)) {
        // A value that is checked at the end is named by its key.
        let keys = [
            "log.",
            "demo.",
            "processor.",
            "database.",
            "api.",
            "poller.",
            "telemetry.",
            "after file and",
        ];
        assert!(
            error.place == "config.toml"
                || places.contains(&error.place)
                || keys.iter().any(|key| error.place.starts_with(key)),
            "{error}"
        );
        assert!(!error.error.is_empty());
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn any_file_is_a_configuration_or_an_error_without_secrets(text in file().text()) {
        check(Some(text), Vec::new());
    }

    #[test]
    fn any_environment_is_a_configuration_or_an_error(
        variables in vec((names().text(), Corpus::new(["127.0.0.1:80", "1", "8"]).text()), 0..4),
    ) {
        check(None, variables);
    }
}
