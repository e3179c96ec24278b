//! Devices from a file, one a line: `address [key=value …]`, `#` starts a comment.
//!
//! ```text
//! # address      what differs from the defaults
//! 192.0.2.10     name=core-1 credential=lab-v2c site="Zurich North" tags=core,mpls
//! 192.0.2.11     name=core-2 credential=lab-v2c port=1161 profile=generic interval=30s
//! 2001:db8::7    name=gw snmp=no
//! gw.example.net credential=lab-v2c
//! ```
//!
//! An address is an IP address (a link-local one with its zone, `fe80::1%eth0`) or a host name.
//! Keys: `name` (default: the address), `port` (161), `profile` (auto), `credential`, `site`,
//! `tags` (with commas; `tag` is one more and may have them), `interval` (60s; ms, s, m or h),
//! `snmp`, `icmp`, `enabled` (yes or no),
//! `any_source` (no; yes: SNMP answers may come from another address), `icmp_echoes` (a cycle),
//! `icmp_spacing` and `icmp_timeout` (ms; else as the pollers are configured). A device keeps its
//! identity as long as it keeps its name. A quote within quotes is doubled.

use std::collections::HashMap;

use schemas::{
    Address, AddressError, Device, DeviceId, Echoes, ICMP_ECHOES, ICMP_SPACING_MS, ICMP_TIMEOUT_MS,
};

use crate::config::{MAX_INTERVAL_MS, MIN_INTERVAL_MS};

/// Octets of an inventory file.
pub const MAX_INVENTORY_BYTES: usize = 16 << 20;
/// Lines of an inventory file.
pub const MAX_INVENTORY_LINES: usize = 200_000;
/// Wrong lines reported at once.
const MAX_ERRORS: usize = 50;

/// A line that is no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct InventoryError {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong and the remedy.
    pub problem: String,
}

/// Reads a whole file; `at` becomes the devices' `updated_at`. All wrong lines come at once, and
/// then no device does: half an inventory would remove the other half.
pub fn parse(text: &str, at: i64) -> Result<Vec<Device>, Vec<InventoryError>> {
    let whole = |problem: String| Err(vec![InventoryError { line: 1, problem }]);
    if text.len() > MAX_INVENTORY_BYTES {
        return whole(format!("the file has over {MAX_INVENTORY_BYTES} octets; split it"));
    }
    if text.lines().count() > MAX_INVENTORY_LINES {
        return whole(format!("the file has over {MAX_INVENTORY_LINES} lines; split it"));
    }
    let mut devices: Vec<Device> = Vec::new();
    let mut errors = Vec::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for (position, text) in text.lines().enumerate() {
        let line = position + 1;
        let device = match words(text).and_then(|words| device(&words, at)) {
            Ok(Some(device)) => device,
            Ok(None) => continue,
            Err(problem) => {
                errors.push(InventoryError { line, problem });
                if errors.len() == MAX_ERRORS {
                    break;
                }
                continue;
            }
        };
        if let Some(first) = names.insert(device.name.clone(), line) {
            let problem =
                format!("name {:?} is taken by line {first}; add name=… of its own", device.name);
            errors.push(InventoryError { line, problem });
        }
        devices.push(device);
    }
    if errors.is_empty() { Ok(devices) } else { Err(errors) }
}

/// Splits at blanks outside quotes, up to a comment.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut any) = (false, false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => word.push('"'),
            '"' => (quoted, any) = (!quoted, true),
            '#' if !quoted && !any => break,
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut any) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                any = true;
                word.push(c);
            }
        }
    }
    if quoted {
        return Err("a quote is not closed; add \"".into());
    }
    if any {
        words.push(word);
    }
    Ok(words)
}

fn device(words: &[String], at: i64) -> Result<Option<Device>, String> {
    let Some((address, pairs)) = words.split_first() else { return Ok(None) };
    let ip: Address = address
        .parse()
        .map_err(|error: AddressError| format!("{error}; start the line with an address"))?;
    let mut device = Device {
        tenant: schemas::DEFAULT_TENANT.into(),
        id: DeviceId::from_source("file", address),
        name: ip.to_string(),
        address: ip.to_string(),
        port: 161,
        profile: "auto".into(),
        credential: None,
        site: None,
        tags: Vec::new(),
        interval_ms: 60_000,
        snmp: true,
        icmp: true,
        enabled: true,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
        source: "file".into(),
        updated_at: at,
    };
    for (position, pair) in pairs.iter().enumerate() {
        let Some((key, value)) = pair.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            // Not the word itself: other programs' files have the community there.
            return Err(format!(
                "word {} is no key=value; write name=… or put \"…\" around blanks",
                position + 2
            ));
        };
        set(&mut device, key, value)?;
    }
    if let Some(problem) = Echoes::problem(&device) {
        return Err(problem);
    }
    device.id = DeviceId::from_source("file", &device.name);
    Ok(Some(device))
}

fn set(device: &mut Device, key: &str, value: &str) -> Result<(), String> {
    match key {
        "name" => device.name = value.into(),
        "profile" => device.profile = value.into(),
        "credential" => device.credential = Some(value.into()),
        "site" => device.site = Some(value.into()),
        "tags" => device.tags = value.split(',').map(|tag| tag.trim().to_owned()).collect(),
        "tag" => device.tags.push(value.into()),
        "snmp" => device.snmp = yes_or_no(key, value)?,
        "icmp" => device.icmp = yes_or_no(key, value)?,
        "enabled" => device.enabled = yes_or_no(key, value)?,
        "interval" => device.interval_ms = interval(value)?,
        "any_source" => device.any_source = yes_or_no(key, value)?,
        "icmp_echoes" => device.icmp_echoes = Some(number(key, value, ICMP_ECHOES)? as i32),
        "icmp_spacing" => device.icmp_spacing_ms = Some(number(key, value, ICMP_SPACING_MS)?),
        "icmp_timeout" => device.icmp_timeout_ms = Some(number(key, value, ICMP_TIMEOUT_MS)?),
        "port" => {
            let port = value.parse::<u16>().ok().filter(|port| *port > 0);
            device.port = port.ok_or(format!("port={value} is no port; use 1 to 65535"))?.into();
        }
        _ => {
            return Err(format!(
                "unknown key {key:?}; use name, port, profile, credential, site, tags, tag, \
                 interval, snmp, icmp, enabled, any_source, icmp_echoes, icmp_spacing, icmp_timeout"
            ));
        }
    }
    Ok(())
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("{key}={value}; use yes or no")),
    }
}

/// A whole number within bounds; of milliseconds where it is a time.
fn number(key: &str, value: &str, (low, high): (i64, i64)) -> Result<i64, String> {
    let number = value.parse::<i64>().ok().filter(|it| (low..=high).contains(it));
    number.ok_or_else(|| format!("{key}={value}; use a whole number from {low} to {high}"))
}

fn interval(value: &str) -> Result<i64, String> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let factor = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
    ms.filter(|ms| (MIN_INTERVAL_MS..=MAX_INTERVAL_MS).contains(ms))
        .ok_or(format!("interval={value}; use 1s to 24h, as 30s, 5m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The devices as a file that [`parse`] reads, by name. Ids and sources are not in it.
    fn render(devices: &[Device]) -> String {
        let mut devices: Vec<&Device> = devices.iter().collect();
        devices.sort_by(|a, b| (&a.name, &a.address, a.port).cmp(&(&b.name, &b.address, b.port)));
        let lines = devices.into_iter().map(|device| format!("{}\n", line(device)));
        lines.collect()
    }

    fn line(device: &Device) -> String {
        let mut line = device.address.clone();
        let mut add = |key: &str, value: &str| {
            let plain = !value.contains(|c: char| c.is_whitespace() || c == '"');
            let quoted = || format!("\"{}\"", value.replace('"', "\"\""));
            let value = if plain { value.to_owned() } else { quoted() };
            line.push_str(&format!(" {key}={value}"));
        };
        let standard = |is: bool, key, value: String| (!is).then_some((key, value));
        let yes_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let text = |key, value: &Option<String>| value.clone().map(|value| (key, value));
        let number = |key, value: Option<i64>| value.map(|value| (key, value.to_string()));
        let interval = match device.interval_ms {
            ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
            ms => format!("{ms}ms"),
        };
        let pairs = [
            standard(device.name == device.address, "name", device.name.clone()),
            standard(device.port == 161, "port", device.port.to_string()),
            standard(device.profile == "auto", "profile", device.profile.clone()),
            text("credential", &device.credential),
            text("site", &device.site),
            standard(device.interval_ms == 60_000, "interval", interval),
            standard(device.snmp, "snmp", yes_no(device.snmp)),
            standard(device.icmp, "icmp", yes_no(device.icmp)),
            standard(device.enabled, "enabled", yes_no(device.enabled)),
            standard(!device.any_source, "any_source", yes_no(device.any_source)),
            number("icmp_echoes", device.icmp_echoes.map(i64::from)),
            number("icmp_spacing", device.icmp_spacing_ms),
            number("icmp_timeout", device.icmp_timeout_ms),
        ];
        for (key, value) in pairs.into_iter().flatten() {
            add(key, &value);
        }
        for tag in &device.tags {
            add("tag", tag);
        }
        line
    }

    fn check(text: &str, wanted: &str) {
        let errors = parse(text, 0).unwrap_err();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(text.join("\n").contains(wanted), "{text:?}");
    }

    #[test]
    fn lines_become_devices() {
        let text = "# all of them\n\n192.0.2.10 name=core-1 credential=lab-v2c site=\"Zurich # 1\" \
                    tags=core,mpls # the first\n  2001:db8::7\tport=1161 interval=5m snmp=no\n";
        let devices = parse(text, 7).unwrap();
        assert_eq!(devices.len(), 2);
        let first = &devices[0];
        assert_eq!((first.name.as_str(), first.address.as_str()), ("core-1", "192.0.2.10"));
        assert_eq!(first.site.as_deref(), Some("Zurich # 1"));
        assert_eq!(first.tags, ["core", "mpls"]);
        assert_eq!(first.id, DeviceId::from_source("file", "core-1"));
        assert_eq!((first.updated_at, first.interval_ms, first.port), (7, 60_000, 161));
        let second = &devices[1];
        assert_eq!(second.name, "2001:db8::7");
        assert_eq!(
            (second.port, second.interval_ms, second.snmp, second.icmp),
            (1161, 300_000, false, true)
        );
    }

    fn described() -> impl proptest::strategy::Strategy<Value = Device> {
        use proptest::prelude::*;
        let text = "[ a-c#=\"',ü\\\\]{0,5}[a-c\"#]";
        let flags = any::<[bool; 4]>();
        let texts = (text, proptest::option::of(text), proptest::option::of(text));
        let tags = proptest::collection::vec(text, 0..3);
        let numbers = (1_000i64..=86_400_000, 1i32..=65_535, proptest::option::of(1i32..=20));
        (texts, tags, flags, numbers).prop_map(|(texts, tags, flags, numbers)| {
            let mut device = parse("192.0.2.10", 7).unwrap().remove(0);
            (device.name, device.credential, device.site) = texts;
            device.tags = tags;
            [device.snmp, device.icmp, device.enabled, device.any_source] = flags;
            (device.interval_ms, device.port, device.icmp_echoes) = numbers;
            device.id = DeviceId::from_source("file", &device.name);
            device
        })
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(1_000))]

        #[test]
        fn what_is_rendered_is_read_again(device in described()) {
            let text = render(std::slice::from_ref(&device));
            let read = parse(&text, 7);
            proptest::prop_assert_eq!(read, Ok(vec![device]), "{}", text);
        }
    }

    #[test]
    fn a_device_is_a_line() {
        let text = "192.0.2.10 name=core-1 credential=lab-v2c site=\"Zurich \"\"N\"\"\" \
                    interval=2500ms icmp=no tag=core tag=\"a, b\"\n2001:db8::7 snmp=no\n";
        let mut devices = parse(text, 0).unwrap();
        assert_eq!(devices[0].site.as_deref(), Some("Zurich \"N\""));
        assert_eq!(devices[0].tags, ["core", "a, b"]);
        let sorted = "2001:db8::7 snmp=no\n192.0.2.10 name=core-1";
        devices.reverse();
        assert!(render(&devices).starts_with(sorted), "{}", render(&devices));
        assert_eq!(parse(&render(&devices), 0).unwrap(), devices);
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(3_000))]

        #[test]
        fn any_text_is_devices_or_names_its_wrong_lines(
            text in hostile::Corpus::new([
                "# all\n192.0.2.10 name=core-1 credential=lab-v2c site=\"Zurich # 1\" tags=a,b\n",
                "2001:db8::7\tport=1161 interval=5m snmp=no # x\n192.0.2.1 enabled=yes icmp=no\n",
            ])
            .with_words(&["\"", "name=", "=", "\n", "interval=9223372036854775807h", "port=-1"])
            .text(),
        ) {
            let most = (64 << 10) + 1_024 * text.len();
            match hostile::within(most, || parse(&text, 7)) {
                Ok(devices) => assert!(devices.len() <= text.lines().count()),
                Err(errors) => {
                    assert!(!errors.is_empty());
                    for error in errors {
                        assert!((1..=text.lines().count()).contains(&error.line), "{error}");
                        assert!(!error.problem.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_lines_are_named_with_the_remedy() {
        check("core_1!", "line 1: \"core_1!\" is no IP address or host name");
        check("fe80::1", "is link-local: it needs the interface");
        check("255.255.255.255", "must be the address of one device");
        check("192.0.2.1\n::ffff:192.0.2.1", "line 2: name \"192.0.2.1\" is taken by line 1");
        check("192.0.2.1 nme=x", "unknown key \"nme\"; use name");
        check("192.0.2.1\n192.0.2.2 port=0", "line 2: port=0 is no port; use 1 to 65535");
        check("192.0.2.1 name=\"x", "a quote is not closed");
        check("192.0.2.1 north", "word 2 is no key=value");
        check("192.0.2.1 interval=10ms", "use 1s to 24h");
        check("192.0.2.1 snmp=maybe", "use yes or no");
        check("192.0.2.1 icmp_echoes=20 interval=5s", "20 echo requests 200 ms apart");
        check("192.0.2.1 name=a\n192.0.2.2 name=a", "line 2: name \"a\" is taken by line 1");
        assert_eq!(parse("x!\ny!", 0).unwrap_err().len(), 2);
    }
}
