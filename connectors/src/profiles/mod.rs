//! Polling profiles: what to ask a device, as data. A new metric is one `[[metric]]` or
//! `[[table.metric]]` row in a TOML file; a new kind of device is one file.
//!
//! A file has `name`, `title`, `extends` (profiles whose rows are taken over), `match`
//! (sysObjectID prefixes; the longest wins for profile `auto`), `code_page` (`latin-1`, the default,
//! or `windows-1252`: how octets that are no UTF-8 are read), and rows:
//! - `[[metric]]`: a scalar, its `oid` with the instance (`….0`). `metric` name, `kind`
//!   (`gauge`, `counter32`, `counter64`, `state`, `discontinuity`), `unit` after rate and scale
//!   (UCUM), `scale` (1), `ceiling` (a metric of the same instance that no value exceeds),
//!   `detect` (whether a baseline is learned; by default for gauges and counters), `quantum`
//!   (smallest step, after scale), `transform` (`dbm_from_uw`), `texts` of a state's values,
//!   `valid` (`[least, most]` before scale: what lies outside is no value), `fallback` (`oid`,
//!   `kind`, `scale`, `transform`, `valid`) where the first has no value, `fallback_on_zero`, and
//!   `fallback_above` a value: there both are read, and where both say the same number, or one a
//!   thousandth of the other, the first is in a unit that it should not be in, and does not count.
//! - `[[fact]]`: a text: `name`, `oid`, `form` (`text`, `mac`).
//! - `[[table]]`: `name`, `instance`, `guard` and `[[table.metric]]`, `[[table.fact]]` rows whose
//!   `oid` is the column without index; a fact without `oid` is the index itself. `instance` is
//!   one of `{ columns = [OID…] }` (the first that has a text), `{ join = "table", offset = N }`
//!   (the row of that table whose name is this index as text, else the one of index + N) and
//!   `{ index = "sensor {index}" }`. `guard` are scalars that move when rows are renumbered.

mod file;
mod text;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use schemas::Kind;

use crate::snmp::oid::Oid;

/// Profiles a poller may know.
pub const MAX_PROFILES: usize = 256;
/// Octets of a profile file.
pub const MAX_PROFILE_BYTES: u64 = 1 << 20;
/// Metrics and facts of a profile.
pub const MAX_PROFILE_ROWS: usize = 1_024;

/// The profiles that are part of the program, name and text.
const SHIPPED: [(&str, &str); 3] = [
    ("generic.toml", include_str!("../../profiles/generic.toml")),
    ("ciena-saos6.toml", include_str!("../../profiles/ciena-saos6.toml")),
    ("lab.toml", include_str!("../../profiles/lab.toml")),
];

/// What `auto` falls back to.
pub(crate) const GENERIC: &str = "generic";
/// The profile name that means: choose by sysObjectID.
pub(crate) const AUTO: &str = "auto";

/// What to ask a kind of device.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) matches: Vec<Oid>,
    pub(crate) code_page: CodePage,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) facts: Vec<FactRow>,
    pub(crate) tables: Vec<Table>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) ceiling: Option<String>,
    pub(crate) detect: bool,
    pub(crate) quantum: f64,
    pub(crate) source: Source,
    pub(crate) fallback: Option<Source>,
    pub(crate) fallback_on_zero: bool,
    /// Above this (before scale) the first source may be in another unit than it should.
    pub(crate) fallback_above: Option<f64>,
    pub(crate) texts: Vec<(i64, String)>,
}

/// Where a metric's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub(crate) oid: Oid,
    pub(crate) kind: Kind,
    pub(crate) scale: f64,
    pub(crate) transform: Option<Transform>,
    /// What lies outside is no value: least and most, before scale.
    pub(crate) valid: Option<(f64, f64)>,
}

/// Conversions that no factor can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transform {
    /// µW to dBm; 0 µW is no light, −40 dBm.
    DbmFromUw,
}

impl Transform {
    pub(crate) fn apply(self, value: f64) -> f64 {
        match self {
            Self::DbmFromUw if value <= 0.1 => -40.0,
            Self::DbmFromUw => 10.0 * (value / 1000.0).log10(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FactRow {
    pub(crate) name: String,
    /// None: the index itself.
    pub(crate) oid: Option<Oid>,
    pub(crate) form: Form,
}

/// How octets that are no UTF-8 are read as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(crate) enum CodePage {
    /// ISO 8859-1.
    #[default]
    #[serde(rename = "latin-1")]
    Latin1,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What Windows-1252 has where ISO 8859-1 has control characters, 0x80 to 0x9f.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl CodePage {
    /// The character of an octet.
    pub(crate) fn character(self, octet: u8) -> char {
        let place = usize::from(octet).checked_sub(0x80);
        match (self, place.and_then(|place| WINDOWS_1252.get(place))) {
            (Self::Windows1252, Some(character)) => *character,
            (Self::Latin1 | Self::Windows1252, _) => char::from(octet),
        }
    }
}

/// How a fact's octets are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    #[default]
    Text,
    Mac,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) instance: InstanceRule,
    pub(crate) guards: Vec<Oid>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) facts: Vec<FactRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InstanceRule {
    /// The first of these columns that has a text.
    Columns(Vec<Oid>),
    /// The row of an earlier table (its position) named like the index, else index + offset.
    Join { table: usize, offset: u32 },
    /// A text with `{index}`.
    Index { template: String },
}

/// A profile that cannot be used; names file, place and remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("profile {file}: {place}: {problem}")]
pub struct ProfileError {
    /// The file.
    pub file: String,
    /// Table and key.
    pub place: String,
    /// What is wrong and the remedy.
    pub problem: String,
}

/// All profiles of a poller.
#[derive(Clone, Debug)]
pub struct Profiles {
    by_name: HashMap<String, Arc<Profile>>,
    generic: Arc<Profile>,
}

impl Profiles {
    /// The profiles that are part of the program and those of `folder` (every `*.toml`; one of
    /// the same name replaces a shipped one).
    pub fn load(folder: Option<&Path>) -> Result<Self, ProfileError> {
        let mut texts: Vec<(String, String)> =
            SHIPPED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        if let Some(folder) = folder {
            texts.extend(file::read_folder(folder)?);
        }
        let by_name = file::resolve(&texts)?;
        let Some(generic) = by_name.get(GENERIC).cloned() else {
            return Err(ProfileError {
                file: "generic.toml".into(),
                place: "name".into(),
                problem: "no profile is named generic; give one file that name".into(),
            });
        };
        Ok(Self { by_name, generic })
    }

    /// The profile of a name; `auto` and unknown names give none.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.by_name.get(name)
    }

    /// The profile for a sysObjectID (content octets): the longest matching prefix, else generic.
    pub(crate) fn for_object_id(&self, object_id: &[u8]) -> &Arc<Profile> {
        let length = |profile: &Profile| {
            let prefixes = profile.matches.iter().map(Oid::bytes);
            prefixes.filter(|prefix| object_id.starts_with(prefix)).map(<[u8]>::len).max()
        };
        let best = self.by_name.values().filter_map(|profile| Some((length(profile)?, profile)));
        best.max_by(|(a, x), (b, y)| a.cmp(b).then_with(|| y.name.cmp(&x.name)))
            .map_or(&self.generic, |(_, profile)| profile)
    }

    /// Names and titles, sorted, `auto` first: what a device may name as its profile.
    pub fn names(&self) -> Vec<(String, String)> {
        let mut names: Vec<_> =
            self.by_name.values().map(|p| (p.name.clone(), p.title.clone())).collect();
        names.sort();
        names.insert(0, (AUTO.into(), "Chosen by sysObjectID".into()));
        names
    }

    /// The text of a state's value: `if_oper_status` 2 is `down`.
    pub fn state_text(&self, metric: &str, value: i64) -> Option<&str> {
        let of = |metrics: &'_ [Metric]| metrics.iter().position(|row| row.name == metric);
        self.by_name.values().find_map(|profile| {
            let groups = std::iter::once(profile.metrics.as_slice())
                .chain(profile.tables.iter().map(|table| table.metrics.as_slice()));
            groups.filter_map(|group| group.get(of(group)?)).find_map(|row| {
                let text = row.texts.iter().find(|(number, _)| *number == value);
                text.map(|(_, text)| text.as_str())
            })
        })
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
