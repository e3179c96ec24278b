//! Whatever somebody writes into a profile.

use hostile::{Corpus, cases, within};
use proptest::collection::vec;
use proptest::prelude::*;

use super::file::resolve;
use super::{MAX_PROFILE_ROWS, SHIPPED};

/// Four files and what they are read into.
const MEMORY: usize = 16 << 20;

const SMALL: &str = r#"
name = "ups"
title = "UPS"
extends = ["generic"]
match = ["1.3.6.1.4.1.534.1"]
[[metric]]
metric = "battery_charge_ratio"
oid = "1.3.6.1.4.1.534.1.2.4.0"
kind = "gauge"
unit = "1"
scale = 0.01
ceiling = "battery_charge_ratio"
texts = { 1 = "up", 2 = "down" }
fallback = { oid = "1.3.6.1.4.1.534.1.2.5.0", kind = "gauge", transform = "dbm_from_uw" }
[[fact]]
name = "serial"
oid = "1.3.6.1.4.1.534.1.1.1.0"
form = "mac"
[[table]]
name = "cells"
instance = { index = "cell {index}" }
guard = ["1.3.6.1.4.1.534.1.9.0"]
[[table.fact]]
name = "kind"
[[table]]
name = "more"
instance = { join = "if", offset = 4294967295 }
"#;

fn files() -> Corpus {
    let shipped = SHIPPED.iter().map(|(_, text)| *text);
    Corpus::new(std::iter::once(SMALL).chain(shipped)).with_words(&[
        "[[table]]\n",
        "[[[[[[[[",
        "{a={a={a={",
        "\"generic\", \"generic\"",
        "extends = [\"ups\"]\n",
        "nan",
        "-inf",
        "9223372036854775807",
        "1.3.4294967296",
        "2.999",
        "instance = {}",
    ])
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn any_texts_are_profiles_or_an_error_that_names_the_file(
        texts in vec(files().text(), 1..4),
    ) {
        let all = SHIPPED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        let mine = texts.into_iter().enumerate().map(|(n, text)| (format!("mine-{n}.toml"), text));
        let all: Vec<(String, String)> = all.chain(mine).collect();
        match within(MEMORY, || resolve(&all)) {
            Ok(profiles) => {
                let rows = |it: &super::Profile| it.metrics.len() + it.facts.len();
                assert!(profiles.values().all(|it| rows(it) <= MAX_PROFILE_ROWS));
            }
            Err(error) => {
                let known = |file: &str| all.iter().any(|(name, _)| name == file);
                assert!(known(&error.file) || error.file == "(all)", "{error}");
                assert!(!error.place.is_empty() && !error.problem.is_empty(), "{error}");
            }
        }
    }
}

/// Each extends the one before twice.
#[test]
fn what_doubles_with_every_file_is_refused() {
    let table = "[[table]]\nname = \"t\"\ninstance = { index = \"{index}\" }\n";
    let mut all = vec![("0.toml".to_owned(), format!("name = \"p0\"\ntitle = \"\"\n{table}"))];
    for n in 1..60 {
        let below = n - 1;
        let text =
            format!("name = \"p{n}\"\ntitle = \"\"\nextends = [\"p{below}\", \"p{below}\"]\n");
        all.push((format!("{n}.toml"), text));
    }
    let error = within(MEMORY, || resolve(&all)).unwrap_err().to_string();
    assert!(error.contains("tables; extend fewer profiles"), "{error}");
}
