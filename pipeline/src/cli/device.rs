//! What `device add` sends: what is known of the device, with what was given laid over it.

use serde_json::{Map, Value, json};

use super::DeviceArgs;

/// What the API takes of a device; it replaces all of them, so all must be sent.
pub(super) const FIELDS: [&str; 15] = [
    "address",
    "name",
    "port",
    "profile",
    "credential",
    "site",
    "tags",
    "interval_ms",
    "snmp",
    "icmp",
    "enabled",
    "any_source",
    "icmp_echoes",
    "icmp_spacing_ms",
    "icmp_timeout_ms",
];

/// Seconds as a person gives them, in ms.
pub(super) fn interval(text: &str) -> Result<i64, String> {
    let seconds: f64 = text.parse().map_err(|_| "no number of seconds".to_owned())?;
    if (1.0..=86_400.0).contains(&seconds) {
        Ok((seconds * 1000.0).round() as i64)
    } else {
        Err("must be from 1 second to 86400, a day".to_owned())
    }
}

/// Address and port of a device as the API has it, as a person writes them.
pub(super) fn place(device: &Value) -> String {
    place_of(device["address"].as_str().unwrap_or_default(), &device["port"])
}

/// The same of an address and a port.
pub(super) fn place_of(address: &str, port: impl std::fmt::Display) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Whether a person means this device by this name.
pub(super) fn is_called(device: &Value, name: &str) -> bool {
    ["id", "name", "address"].iter().any(|field| device[field] == name) || place(device) == name
}

/// The device to send. `known` is the device as the API has it.
pub(super) fn body(args: DeviceArgs, known: Option<&Value>) -> Map<String, Value> {
    let address = args.address.to_string();
    let mut body = Map::new();
    for field in FIELDS {
        if let Some(value) = known.and_then(|known| known.get(field)) {
            body.insert(field.to_owned(), value.clone());
        }
    }
    let icmp = (args.icmp || args.no_icmp).then_some(args.icmp);
    let given = [
        ("name", args.name.map(Value::from)),
        ("port", Some(args.port.into())),
        ("profile", args.profile.map(Value::from)),
        ("credential", args.credential.map(Value::from)),
        ("site", args.site.map(Value::from)),
        ("interval_ms", args.interval.map(Value::from)),
        ("icmp", icmp.map(Value::from)),
        ("any_source", args.any_source.map(Value::from)),
        ("icmp_echoes", args.icmp_echoes.map(Value::from)),
        ("icmp_spacing_ms", args.icmp_spacing.map(Value::from)),
        ("icmp_timeout_ms", args.icmp_timeout.map(Value::from)),
        ("address", Some(json!(address))),
    ];
    for (field, value) in given {
        if let Some(value) = value {
            body.insert(field.to_owned(), value);
        }
    }
    body.retain(|_, value| !value.is_null());
    body
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command, DeviceCommand};
    use super::*;

    fn given(flags: &[&str], known: Option<&Value>) -> Value {
        let words = ["opsconductor", "device", "add", "192.0.2.10"].iter().chain(flags);
        let command = Cli::try_parse_from(words).unwrap().command;
        let Command::Device { command: DeviceCommand::Add(args), .. } = command else {
            panic!("not what was given")
        };
        Value::Object(body(args, known))
    }

    #[test]
    fn a_device_is_called_by_what_the_list_prints() {
        let device =
            |address: &str| json!({"id": "x", "name": "a", "address": address, "port": 161});
        let v4 = device("192.0.2.10");
        assert!(["x", "a", "192.0.2.10", "192.0.2.10:161"].iter().all(|it| is_called(&v4, it)));
        assert!(["", "192.0.2.10:162", "192.0.2.1"].iter().all(|it| !is_called(&v4, it)));
        let v6 = device("2001:db8::1");
        assert_eq!(place(&v6), "[2001:db8::1]:161");
        assert!(is_called(&v6, "[2001:db8::1]:161") && is_called(&v6, "2001:db8::1"));
    }

    #[test]
    fn a_known_device_keeps_what_is_not_given() {
        let known = json!({
            "id": "x", "address": "192.0.2.10", "name": "core-1", "port": 161,
            "profile": "generic", "credential": "lab", "site": null, "tags": ["edge"],
            "interval_ms": 10_000, "snmp": true, "icmp": false, "enabled": false,
            "state": "up", "reason": "", "interfaces": 3
        });
        let mut expected = json!({
            "address": "192.0.2.10", "name": "core-1", "port": 161, "profile": "generic",
            "credential": "lab", "tags": ["edge"], "interval_ms": 10_000, "snmp": true,
            "icmp": false, "enabled": false, "site": "gva"
        });
        assert_eq!(given(&["--site", "gva"], Some(&known)), expected);
        expected["icmp"] = json!(true);
        expected["interval_ms"] = json!(2_500);
        let flags = ["--site", "gva", "--icmp", "--interval", "2.5"];
        assert_eq!(given(&flags, Some(&known)), expected);
    }

    #[test]
    fn a_new_device_leaves_the_defaults_to_the_api() {
        assert_eq!(given(&[], None), json!({"address": "192.0.2.10", "port": 161}));
        assert_eq!(given(&["--icmp", "--no-icmp"], None)["icmp"], json!(false));
        assert_eq!(given(&["--no-icmp", "--icmp"], None)["icmp"], json!(true));
        let flags = ["--no-icmp", "--profile", "generic", "--port", "1161"];
        let expected =
            json!({"address": "192.0.2.10", "port": 1161, "profile": "generic", "icmp": false});
        assert_eq!(given(&flags, None), expected);
    }

    #[test]
    fn an_interval_is_shown_in_the_unit_it_is_given_in() {
        assert_eq!(interval("0.5"), Err("must be from 1 second to 86400, a day".to_owned()));
        assert_eq!(interval("1.5"), Ok(1_500));
        assert!(interval("NaN").is_err() && interval("soon").is_err());
    }
}
