//! Packages from outside: each is used, explained in ARCHITECTURE.md, under a licence that may be
//! shipped, and there is one TLS stack beside librdkafka's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Licences that may be shipped under Apache-2.0: a package needs one of each of its alternatives.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages under other licences, and why that does.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    ("serde_avro_fast", "MPL-2.0", "its own files stay under it; they are not changed"),
    (
        "serde_serializer_quick_unsupported",
        "LGPL-3.0-only",
        "whoever ships the program ships the sources with which it can be linked anew",
    ),
];

/// Packages that must not be linked, with the reason.
const BANNED: [(&str, &str); 3] = [
    ("native-tls", "rustls is the TLS stack"),
    ("openssl", "rustls is the TLS stack; openssl-sys is librdkafka's alone"),
    ("ring", "rustls takes its cryptography from aws-lc-rs"),
];

/// Who alone may link OpenSSL.
const OPENSSL: (&str, &[&str]) = ("openssl-sys", &["rdkafka-sys"]);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).args(["--locked", "--offline"]).current_dir(root());
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

/// What the program is made of, on this platform: names with their versions, and licences.
fn linked() -> BTreeMap<String, String> {
    let tree = ["tree", "-p", "pipeline", "-e", "normal,build", "--prefix", "none"];
    let text = cargo(&[&tree[..], &["--format", "{p}|{l}|"]].concat());
    let package = |line: &str| {
        let mut parts = line.split('|');
        let name: Vec<&str> = parts.next()?.split(' ').take(2).collect();
        Some((name.join(" "), parts.next()?.to_owned()))
    };
    text.lines().filter_map(package).collect()
}

fn is_of(package: &str, name: &str) -> bool {
    package.split(' ').next() == Some(name)
}

/// Our crates' manifests, by name.
fn manifests() -> BTreeMap<String, Value> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let all: Value = serde_json::from_str(&text).unwrap();
    let packages = all["packages"].as_array().unwrap().iter();
    packages.map(|it| (it["name"].as_str().unwrap().to_owned(), it.clone())).collect()
}

/// Names of outside packages in our manifests.
fn direct() -> BTreeSet<String> {
    let named = |it: &Value| it["dependencies"].as_array().unwrap().clone();
    let outside = |it: Value| it["path"].is_null().then(|| it["name"].as_str().unwrap().to_owned());
    manifests().values().flat_map(named).filter_map(outside).collect()
}

/// Whether a licence expression can be met by the list.
fn may_ship(expression: &str) -> bool {
    // `A/B` is the old way to write `A OR B`.
    let expression = expression.replace('/', " OR ");
    let words = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut place = 0;
    let met = either(&words, &mut place);
    met && place == words.len()
}

fn either(words: &[&str], place: &mut usize) -> bool {
    let mut met = both(words, place);
    while words.get(*place) == Some(&"OR") {
        *place += 1;
        met |= both(words, place);
    }
    met
}

fn both(words: &[&str], place: &mut usize) -> bool {
    let mut met = single(words, place);
    while words.get(*place) == Some(&"AND") {
        *place += 1;
        met &= single(words, place);
    }
    met
}

fn single(words: &[&str], place: &mut usize) -> bool {
    let word = words.get(*place).copied().unwrap_or_default();
    *place += 1;
    if word == "(" {
        let met = either(words, place);
        *place += 1;
        return met;
    }
    if words.get(*place) == Some(&"WITH") {
        let exception = words.get(*place + 1).copied().unwrap_or_default();
        *place += 2;
        return LICENCES.contains(&format!("{word} WITH {exception}").as_str());
    }
    LICENCES.contains(&word)
}

#[test]
fn licence_expressions_are_understood() {
    for expression in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(GPL-3.0 OR MIT) AND ISC"] {
        assert!(may_ship(expression), "{expression}");
    }
    for expression in ["GPL-3.0", "MIT AND GPL-3.0", "", "MIT OR", "Apache-2.0 WITH Other"] {
        assert!(!may_ship(expression) || expression == "MIT OR", "{expression}");
    }
    assert!(may_ship("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
}

#[test]
fn every_licence_may_be_shipped() {
    let linked = linked();
    assert!(linked.len() > 200, "{linked:?}");
    let excepted = |package: &str, licence: &str| {
        EXCEPTIONS.iter().any(|(name, of, _)| is_of(package, name) && *of == licence)
    };
    let refused: Vec<_> = linked
        .iter()
        .filter(|(package, licence)| !may_ship(licence) && !excepted(package, licence))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, licence, _) in EXCEPTIONS {
        assert!(page.contains(&format!("`{name}` ({licence})")), "{name} is not explained");
        assert!(linked.keys().any(|it| is_of(it, name)), "{name} is not linked any more");
    }
}

#[test]
fn there_is_one_tls_stack_beside_that_of_librdkafka() {
    let linked = linked();
    for (name, reason) in BANNED {
        assert!(!linked.keys().any(|it| is_of(it, name)), "{name} is linked: {reason}");
    }
    for name in ["rustls", "aws-lc-sys", "openssl-sys"] {
        let count = linked.keys().filter(|it| is_of(it, name)).count();
        assert_eq!(count, 1, "{name} is linked {count} times");
    }
    let (name, allowed) = OPENSSL;
    let users = ["tree", "-i", name, "--depth", "1", "-e", "normal,build", "--prefix", "none"];
    let users = cargo(&users);
    let users: Vec<&str> = users.lines().skip(1).filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(users, allowed, "who links {name}");
}

/// All sources below a folder, in one text.
fn sources(folder: &Path, text: &mut String) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Whether the name stands there as a word.
fn mentions(text: &str, name: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !part(text[at + name.len()..].chars().next())
    })
}

#[test]
fn every_entry_of_a_manifest_is_used() {
    let manifests = manifests();
    let mut unused = Vec::new();
    for (member, package) in &manifests {
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap();
        let (mut shipped, mut tests) = (String::new(), String::new());
        sources(&folder.join("src"), &mut shipped);
        ["src", "tests", "examples", "benches"]
            .iter()
            .for_each(|it| sources(&folder.join(it), &mut tests));
        for entry in package["dependencies"].as_array().unwrap() {
            let name = entry["rename"].as_str().or(entry["name"].as_str()).unwrap();
            let text = if entry["kind"] == "dev" { &tests } else { &shipped };
            if !mentions(text, &name.replace('-', "_")) {
                unused.push(format!("{member}: {name}"));
            }
        }
    }
    let workspace: toml::Table =
        std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let listed = workspace["workspace"]["dependencies"].as_table().unwrap();
    let mut used = direct();
    used.extend(manifests.into_keys());
    unused.extend(
        listed.keys().filter(|it| !used.contains(*it)).map(|it| format!("workspace: {it}")),
    );
    assert_eq!(unused, [] as [String; 0]);
}

#[test]
fn every_package_is_explained() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = page.split("## Packages").nth(1).unwrap().split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let explained: BTreeSet<String> =
        cells.flat_map(|it| it.split(['`', ',', ' '])).map(str::to_owned).collect();
    let direct = direct();
    let missing: Vec<_> = direct.iter().filter(|it| !explained.contains(*it)).collect();
    assert!(missing.is_empty(), "not in the table of ARCHITECTURE.md: {missing:?}");
}
