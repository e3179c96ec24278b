//! The file: TOML, a table for each device and each device group, with the fields of the API.
//!
//! ```toml
//! [[device]]
//! name = "core-1"
//! address = "192.0.2.10"
//! credential = "lab-v2c"
//!
//! [[device_group]]
//! name = "Core"
//! devices = ["core-1"]
//! ```
//!
//! What is left out takes the API's default. Groups name their devices; one whose name several have
//! is named by `address:port`. All that is wrong is said at once, each with its line.

use std::collections::HashMap;

use schemas::{
    Address, DEFAULT_TENANT, Device, DeviceId, Echoes, ICMP_ECHOES, ICMP_SPACING_MS,
    ICMP_TIMEOUT_MS, INTERVAL_MS, MAX_DESCRIPTION_CHARS, MAX_GROUP_DEVICES, MAX_NAME_CHARS,
    MAX_TAGS,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::super::device;

/// Longest file read: some 100,000 devices.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// Most that is wrong said at once.
const MAX_PROBLEMS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    device: Vec<Spanned<DeviceText>>,
    #[serde(default)]
    device_group: Vec<Spanned<GroupText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceText {
    address: String,
    name: Option<String>,
    port: Option<i64>,
    profile: Option<String>,
    credential: Option<String>,
    site: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    interval_ms: Option<i64>,
    snmp: Option<bool>,
    icmp: Option<bool>,
    enabled: Option<bool>,
    any_source: Option<bool>,
    icmp_echoes: Option<i64>,
    icmp_spacing_ms: Option<i64>,
    icmp_timeout_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupText {
    name: String,
    #[serde(default)]
    description: String,
    site: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    devices: Vec<String>,
}

/// A device that is to be.
#[derive(Debug)]
pub(super) struct WantedDevice {
    pub(super) line: usize,
    pub(super) device: Device,
}

/// A group that is to be; its devices as the file calls them.
#[derive(Debug)]
pub(super) struct WantedGroup {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) site: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) devices: Vec<String>,
}

/// All that is to be.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) devices: Vec<WantedDevice>,
    pub(super) groups: Vec<WantedGroup>,
}

/// Reads a file, or says what is wrong with it and where.
pub(super) fn parse(text: &str) -> Result<File, Vec<String>> {
    if text.len() > MAX_BYTES {
        return Err(vec![format!("line 1: the file has over {MAX_BYTES} octets; split it")]);
    }
    let lines = Lines::of(text);
    let parsed: FileText = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        // Not the line itself: should it be another file, there may be a password in it.
        vec![format!("line {line}: {}", error.message().replace('\n', " "))]
    })?;
    let mut problems = Problems::default();
    let mut file = File::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for text in parsed.device {
        let line = lines.at(text.span().start);
        let device = text.into_inner().read(&mut problems.of(line, "device"));
        let place = device::place_of(&device.address, device.port);
        if let Some(first) = places.insert(place.clone(), line) {
            problems.add(format!("line {line}: device {place} is on line {first} already"));
        }
        file.devices.push(WantedDevice { line, device });
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    for text in parsed.device_group {
        let line = lines.at(text.span().start);
        let group = text.into_inner().read(line, &mut problems.of(line, "device_group"));
        if let Some(first) = names.insert(group.name.to_lowercase(), line) {
            let name = &group.name;
            problems.add(format!("line {line}: a group {name:?} is on line {first} already"));
        }
        file.groups.push(group);
    }
    if problems.0.is_empty() { Ok(file) } else { Err(problems.0) }
}

impl DeviceText {
    fn read(self, wrong: &mut Wrong<'_>) -> Device {
        wrong.named(self.name.as_deref().unwrap_or(&self.address));
        let address = match self.address.parse::<Address>() {
            Ok(address) => address.to_string(),
            Err(error) => {
                wrong.field("address", error.problem);
                self.address
            }
        };
        for (field, text) in [
            ("name", &self.name),
            ("profile", &self.profile),
            ("credential", &self.credential),
            ("site", &self.site),
        ] {
            text.iter().for_each(|text| wrong.name(field, text));
        }
        wrong.tags(&self.tags);
        wrong.number("port", self.port, (1, 65_535));
        wrong.number("interval_ms", self.interval_ms, INTERVAL_MS);
        wrong.number("icmp_echoes", self.icmp_echoes, ICMP_ECHOES);
        wrong.number("icmp_spacing_ms", self.icmp_spacing_ms, ICMP_SPACING_MS);
        wrong.number("icmp_timeout_ms", self.icmp_timeout_ms, ICMP_TIMEOUT_MS);
        if self.snmp == Some(true) && self.credential.is_none() {
            wrong.field("credential", "SNMP needs one: name it, or set snmp = false (ICMP only)");
        }
        let small = |number: i64| i32::try_from(number).ok();
        let device = Device {
            tenant: DEFAULT_TENANT.to_owned(),
            id: DeviceId::from_source("", ""),
            name: self.name.unwrap_or_else(|| address.clone()),
            address,
            port: self.port.and_then(small).unwrap_or(161),
            profile: self.profile.unwrap_or_else(|| "auto".to_owned()),
            snmp: self.snmp.unwrap_or(self.credential.is_some()),
            credential: self.credential,
            site: self.site,
            tags: self.tags,
            interval_ms: self.interval_ms.unwrap_or(60_000),
            icmp: self.icmp.unwrap_or(true),
            enabled: self.enabled.unwrap_or(true),
            source: "api".to_owned(),
            updated_at: 0,
            any_source: self.any_source.unwrap_or(false),
            icmp_echoes: self.icmp_echoes.and_then(small),
            icmp_spacing_ms: self.icmp_spacing_ms,
            icmp_timeout_ms: self.icmp_timeout_ms,
        };
        if let Some(problem) = Echoes::problem(&device) {
            wrong.field("icmp_echoes", problem);
        }
        device
    }
}

impl GroupText {
    fn read(self, line: usize, wrong: &mut Wrong<'_>) -> WantedGroup {
        wrong.named(&self.name);
        wrong.name("name", &self.name);
        self.site.iter().for_each(|site| wrong.name("site", site));
        wrong.tags(&self.tags);
        let lines = self.description.replace(['\n', '\r', '\t'], " ");
        if lines.chars().count() > MAX_DESCRIPTION_CHARS || lines.chars().any(char::is_control) {
            let most = MAX_DESCRIPTION_CHARS;
            let detail = format!("must have at most {most} characters, no control characters");
            wrong.field("description", detail);
        }
        if self.devices.len() > MAX_GROUP_DEVICES {
            wrong.field("devices", format!("must not have more than {MAX_GROUP_DEVICES} items"));
        }
        let Self { name, description, site, tags, devices } = self;
        WantedGroup { line, name, description, site, tags, devices }
    }
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(problem);
        }
    }

    fn of(&mut self, line: usize, kind: &'static str) -> Wrong<'_> {
        Wrong { problems: self, place: format!("line {line}: {kind}") }
    }
}

/// What is wrong with one device or group.
struct Wrong<'a> {
    problems: &'a mut Problems,
    place: String,
}

impl Wrong<'_> {
    fn named(&mut self, name: &str) {
        let short: String = name.chars().take(MAX_NAME_CHARS).collect();
        self.place.push_str(&format!(" {short:?}"));
    }

    fn field(&mut self, field: &str, detail: impl AsRef<str>) {
        self.problems.add(format!("{}: {field}: {}", self.place, detail.as_ref()));
    }

    fn name(&mut self, field: &str, text: &str) {
        let length = text.chars().count();
        if length == 0 || length > MAX_NAME_CHARS || text.chars().any(char::is_control) {
            let detail =
                format!("must have 1 to {MAX_NAME_CHARS} characters, no control characters");
            self.field(field, detail);
        }
    }

    fn tags(&mut self, tags: &[String]) {
        if tags.len() > MAX_TAGS {
            self.field("tags", format!("must not have more than {MAX_TAGS} items"));
        }
        tags.iter().for_each(|tag| self.name("tags", tag));
    }

    fn number(&mut self, field: &str, number: Option<i64>, (low, high): (i64, i64)) {
        if number.is_some_and(|number| !(low..=high).contains(&number)) {
            self.field(field, format!("must be a whole number from {low} to {high}"));
        }
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(breaks.map(|(at, _)| at).collect())
    }

    /// Counts from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

const HEAD: &str = "\
# Devices made by hand and all device groups, as `opsconductor config export` prints them and
# `config plan` and `config apply` take them. Credentials are named and not in here: `opsconductor
# credential add NAME` stores one.
";

/// Devices and groups, each with its fields in this order, as a file that [`parse`] reads.
pub(super) fn render(devices: &[Map<String, Value>], groups: &[Map<String, Value>]) -> String {
    let mut text = HEAD.to_owned();
    for (kind, fields, all) in [
        ("device", &device::FIELDS[..], devices),
        ("device_group", &["name", "description", "site", "tags", "devices"], groups),
    ] {
        for table in all {
            text.push_str(&format!("\n[[{kind}]]\n"));
            for field in fields {
                if let Some(value) = table.get(*field).and_then(as_toml) {
                    text.push_str(&format!("{field} = {value}\n"));
                }
            }
        }
    }
    text
}

/// None: it is as if it were left out.
fn as_toml(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            (!text.is_empty()).then(|| toml::Value::String(text.clone()).to_string())
        }
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(as_toml).collect();
            Some(format!("[{}]", items.join(", ")))
        }
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Object(_) => None,
    }
}
