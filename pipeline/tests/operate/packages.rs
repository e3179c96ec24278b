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

/// Packages and resolved dependencies on this platform.
struct Graph {
    /// By id.
    packages: BTreeMap<String, Value>,
    /// Ids that each links or builds with; without what only tests use.
    shipped: BTreeMap<String, Vec<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    fn read() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
        let mut command = Command::new(cargo);
        command.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
        let said = command.args(platform).current_dir(root()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let all: Value = serde_json::from_slice(&said.stdout).unwrap();
        let list = |value: &Value| value.as_array().cloned().unwrap();
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let packages = list(&all["packages"]).into_iter().map(|it| (id(&it["id"]), it)).collect();
        let shipped = |node: &Value| {
            let deps = list(&node["deps"]).into_iter();
            let links =
                deps.filter(|it| list(&it["dep_kinds"]).iter().any(|it| it["kind"] != "dev"));
            links.map(|it| id(&it["pkg"])).collect()
        };
        let nodes = list(&all["resolve"]["nodes"]);
        let shipped = nodes.iter().map(|node| (id(&node["id"]), shipped(node))).collect();
        let members = list(&all["workspace_members"]).iter().map(id).collect();
        Self { packages, shipped, members }
    }

    fn name(&self, id: &str) -> &str {
        self.packages[id]["name"].as_str().unwrap()
    }

    /// What the program is made of.
    fn program(&self) -> BTreeSet<&str> {
        let main = self.members.iter().find(|id| self.name(id) == "pipeline").unwrap();
        let mut open = vec![main.as_str()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.shipped[id].iter().map(String::as_str));
            }
        }
        seen
    }

    /// Names of packages that are named in a manifest of ours.
    fn direct(&self) -> BTreeSet<String> {
        let named = |id: &String| self.packages[id]["dependencies"].as_array().unwrap().clone();
        let outside =
            |it: &Value| it["path"].is_null().then(|| it["name"].as_str().unwrap().to_owned());
        self.members.iter().flat_map(named).filter_map(|it| outside(&it)).collect()
    }
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
    let graph = Graph::read();
    let refused = graph.program().into_iter().filter_map(|id| {
        let package = &graph.packages[id];
        let licence = package["license"].as_str().unwrap_or("none named");
        (!may_ship(licence))
            .then(|| format!("{} {}: {licence}", package["name"], package["version"]))
    });
    assert_eq!(refused.collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn there_is_one_tls_stack_beside_that_of_librdkafka() {
    let graph = Graph::read();
    let program = graph.program();
    let linked: Vec<&str> = program.iter().map(|id| graph.name(id)).collect();
    for (name, reason) in BANNED {
        assert!(!linked.contains(&name), "{name} is linked: {reason}");
    }
    for name in ["rustls", "aws-lc-sys", "openssl-sys"] {
        let count = linked.iter().filter(|it| **it == name).count();
        assert_eq!(count, 1, "{name} is linked {count} times");
    }
    let (name, allowed) = OPENSSL;
    for id in &program {
        let uses = graph.shipped[*id].iter().any(|it| graph.name(it) == name);
        let by = graph.name(id);
        assert!(!uses || allowed.contains(&by), "{by} links {name}");
    }
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
    let graph = Graph::read();
    let mut unused = Vec::new();
    for id in &graph.members {
        let manifest = PathBuf::from(graph.packages[id]["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap();
        let (mut shipped, mut tests) = (String::new(), String::new());
        sources(&folder.join("src"), &mut shipped);
        ["src", "tests", "examples", "benches"]
            .iter()
            .for_each(|it| sources(&folder.join(it), &mut tests));
        for entry in graph.packages[id]["dependencies"].as_array().unwrap() {
            let name = entry["rename"].as_str().or(entry["name"].as_str()).unwrap();
            let text = if entry["kind"] == "dev" { &tests } else { &shipped };
            if !mentions(text, &name.replace('-', "_")) {
                unused.push(format!("{}: {name}", graph.name(id)));
            }
        }
    }
    let workspace: toml::Table =
        std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let listed = workspace["workspace"]["dependencies"].as_table().unwrap();
    let mut used = graph.direct();
    used.extend(graph.members.iter().map(|id| graph.name(id).to_owned()));
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
    let direct = Graph::read().direct();
    let missing: Vec<_> = direct.iter().filter(|it| !explained.contains(*it)).collect();
    assert!(missing.is_empty(), "not in the table of ARCHITECTURE.md: {missing:?}");
}
