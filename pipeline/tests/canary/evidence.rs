//! What the program left behind, and whether a secret is in it, in whatever form.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Bytes and where they are from.
#[derive(Default)]
pub(crate) struct Evidence(Vec<(String, Vec<u8>)>);

impl Evidence {
    pub(crate) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// Every file below the folder, by its path within.
    pub(crate) fn add_folder(&mut self, name: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let place = format!("{name}/{}", path.file_name().unwrap().display());
            if path.is_dir() {
                self.add_folder(&place, &path);
            } else {
                self.add(place, std::fs::read(&path).unwrap());
            }
        }
    }

    /// A process and its threads' names, as everybody on the machine sees them.
    pub(crate) fn add_process(&mut self, name: &str, id: u32) {
        let proc = Path::new("/proc").join(id.to_string());
        self.add(format!("{name}: command line"), std::fs::read(proc.join("cmdline")).unwrap());
        for task in std::fs::read_dir(proc.join("task")).unwrap() {
            // A thread may end meanwhile.
            let comm = std::fs::read(task.unwrap().path().join("comm")).unwrap_or_default();
            self.add(format!("{name}: thread"), comm);
        }
    }

    /// All rows of all tables as text.
    pub(crate) fn add_database(&mut self, url: &str) {
        let home = std::env::var("OPSC_PG_HOME").unwrap();
        let dump = Path::new(&home).join("bin/pg_dump");
        let lib = format!("{home}/lib");
        let mut command = Command::new(dump);
        // What TimescaleDB says of its own tables is no matter.
        let said = command.arg(url).env("LD_LIBRARY_PATH", lib).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        self.add("database", said.stdout);
    }

    /// What places of this beginning hold, in bytes.
    pub(crate) fn size(&self, start: &str) -> usize {
        let those = self.0.iter().filter(|(place, _)| place.starts_with(start));
        those.map(|(_, bytes)| bytes.len()).sum()
    }

    /// The places where the secret is, in any form.
    pub(crate) fn places(&self, secret: &[u8]) -> BTreeSet<&str> {
        let forms = forms(secret);
        let holds = |bytes: &[u8]| forms.iter().any(|form| find(bytes, form));
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(place, _)| place.as_str()).collect()
    }

    /// The lines around a find, for people.
    pub(crate) fn show(&self, place: &str, secret: &[u8]) -> String {
        let secret = String::from_utf8_lossy(secret);
        let mut shown = String::new();
        for (_, bytes) in self.0.iter().filter(|(other, _)| other == place) {
            let text = String::from_utf8_lossy(bytes);
            for line in text.lines().filter(|line| line.contains(&*secret)).take(3) {
                let _ = writeln!(shown, "    {}", line.chars().take(400).collect::<String>());
            }
        }
        shown
    }
}

fn find(bytes: &[u8], form: &[u8]) -> bool {
    let (first, rest) = form.split_first().unwrap();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

/// As it is, in hexadecimal, base64 (as a part of something longer, too), as a list of numbers.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |upper: bool| -> String {
        let one = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        secret.iter().map(one).collect()
    };
    let list = |between: &str| {
        secret.iter().map(u8::to_string).collect::<Vec<_>>().join(between).into_bytes()
    };
    let mut forms = vec![
        secret.to_vec(),
        hex(false).into_bytes(),
        hex(true).into_bytes(),
        list(","),
        list(", "),
    ];
    forms.extend((0..3).map(|ahead| base64(secret, ahead)));
    forms
}

/// The digits that stand for these bytes alone, when so many others stand ahead.
fn base64(bytes: &[u8], ahead: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded: Vec<u8> = std::iter::repeat_n(0, ahead).chain(bytes.iter().copied()).collect();
    let bit = |at: usize| padded.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let (start, end) = (ahead * 8, padded.len() * 8);
    let digits = start.div_ceil(6)..end / 6;
    digits
        .map(|digit| {
            let value = (0..6).fold(0, |value, at| value << 1 | bit(digit * 6 + at));
            DIGITS[usize::from(value)]
        })
        .collect()
}

#[test]
fn a_secret_is_found_in_every_form_and_nothing_else_is() {
    let mut evidence = Evidence::default();
    evidence.add("plain", "before SECRETwords after");
    evidence.add("hex", "\\x00534543524554776f7264ff73");
    evidence.add("hex-whole", "00534543524554776F726473FF");
    // "SECRETwords" alone, after "a" and after "ab".
    evidence.add("base64", "U0VDUkVUd29yZHM=");
    evidence.add("base64-1", "YVNFQ1JFVHdvcmRz");
    evidence.add("base64-2", "YWJTRUNSRVR3b3Jkcw==");
    evidence.add("list", "[1, 83, 69, 67, 82, 69, 84, 119, 111, 114, 100, 115]");
    evidence.add("other", "SECRETword SECRETWORDS");
    let found = evidence.places(b"SECRETwords");
    let expected = ["base64", "base64-1", "base64-2", "hex-whole", "list", "plain"];
    assert_eq!(found, BTreeSet::from(expected));
    assert_eq!(evidence.size("base64"), 16 + 16 + 20);
    assert!(evidence.show("plain", b"SECRETwords").contains("before SECRETwords after"));
}
