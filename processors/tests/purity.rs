//! What the crate must not know: clocks, randomness, I/O, hash maps, platform mathematics.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

use std::path::{Path, PathBuf};

const FORBIDDEN: [&str; 24] = [
    "std::time",
    "Instant",
    "SystemTime",
    "rand::",
    "getrandom",
    "HashMap",
    "HashSet",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::thread",
    "async ",
    ".ln()",
    ".ln_1p()",
    ".log2()",
    ".log10()",
    ".exp()",
    ".exp2()",
    ".exp_m1()",
    ".powf(",
    ".powi(",
    ".tanh()",
    ".mul_add(",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

fn offences(text: &str) -> Vec<&'static str> {
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    FORBIDDEN.iter().filter(|word| code.contains(**word)).copied().collect()
}

#[test]
fn the_fold_knows_no_clock_no_chance_no_outside() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 10, "the sources were found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(offences(&text), [""; 0], "{}", file.display());
        assert!(text.lines().count() <= 400, "{} is too long", file.display());
    }
}

#[test]
fn the_check_finds_what_it_looks_for() {
    assert_eq!(offences("let x = y.exp();\nuse std::collections::HashMap;"), ["HashMap", ".exp()"]);
    assert_eq!(offences("//! no HashMap here"), [""; 0]);
}
