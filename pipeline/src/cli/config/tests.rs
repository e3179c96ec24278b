use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::remote::Client;
use super::file::{File, parse, render};
use super::known::{Known, KnownDevice, KnownGroup};
use super::plan::{Member, Plan, Step, plan};

fn id(n: u128) -> String {
    uuid::Uuid::from_u128(n).to_string()
}

fn device(n: u128, name: &str, address: &str) -> KnownDevice {
    KnownDevice::of(&json!({
        "id": id(n), "name": name, "address": address, "port": 161, "profile": "auto",
        "credential": null, "site": null, "tags": [], "enabled": true, "snmp": false, "icmp": true,
        "interval_ms": 60_000, "any_source": false, "icmp_echoes": null, "icmp_spacing_ms": null,
        "icmp_timeout_ms": null, "source": "api", "revision": n, "state": "up"
    }))
}

fn group(n: u128, name: &str, devices: &[u128]) -> KnownGroup {
    let devices: Vec<String> = devices.iter().map(|n| id(*n)).collect();
    KnownGroup::of(&json!({
        "id": id(n), "name": name, "description": "one\ntwo", "site": null, "tags": ["a \"b\""],
        "devices": devices, "revision": n, "members": 2
    }))
}

fn known(devices: Vec<KnownDevice>, groups: Vec<KnownGroup>) -> Known {
    Known { devices, groups, credentials: ["lab".to_owned()].into() }
}

fn read(text: &str) -> File {
    parse(text).unwrap()
}

fn lines(plan: &Plan) -> Vec<&str> {
    assert_eq!(plan.problems, [] as [&str; 0]);
    plan.steps.iter().map(|(line, _)| line.as_str()).collect()
}

#[test]
fn what_is_exported_changes_nothing() {
    let mut odd = device(3, "odd \"x\" \\ # = \u{fc}", "2001:db8::1");
    for (field, value) in [("tags", json!(["b, c", "'"])), ("credential", json!("lab"))] {
        odd.entity.settings.insert(field.to_owned(), value);
    }
    let twins = [device(1, "a", "192.0.2.1"), device(2, "a", "192.0.2.2")];
    let mut demo = device(4, "demo", "192.0.2.4");
    demo.source = "demo".to_owned();
    let groups = vec![group(8, "Core", &[1, 2, 3]), group(9, "Others", &[4])];
    let known = known([twins.to_vec(), vec![odd, demo]].concat(), groups);
    let text = known.export();
    let plan = plan(&known, &read(&text), true);
    assert_eq!((lines(&plan), plan.same), (vec![], 5), "{text}");
    assert!(text.contains("192.0.2.1:161") && text.contains("\"demo\""), "{text}");
    assert!(!text.contains(&id(1)), "{text}");
}

#[test]
fn a_device_is_found_by_name_then_by_place() {
    let known = known(
        vec![device(1, "a", "192.0.2.1"), device(2, "b", "192.0.2.2"), device(3, "c", "192.0.2.3")],
        vec![group(9, "old", &[])],
    );
    let text = "
        device = [
            { name = 'a', address = '192.0.2.9' },
            { name = 'new', address = '192.0.2.2', credential = 'lab', snmp = false },
            { name = 'd', address = '192.0.2.4' },
        ]";
    let expected = [
        "- device_group old",
        "- device c (192.0.2.3)",
        "~ device a (address \"192.0.2.1\" → \"192.0.2.9\")",
        "~ device b (credential none → \"lab\", name \"b\" → \"new\")",
        "+ device d (192.0.2.4)",
    ];
    let pruned = plan(&known, &read(text), true);
    assert_eq!(lines(&pruned), expected);
    let Step::ChangeDevice(entity, settings) = &pruned.steps[2].1 else { panic!("{pruned:?}") };
    assert_eq!((&entity.id, entity.revision), (&id(1), 1));
    assert!(!settings.contains_key("id") && !settings.contains_key("source"));
    assert_eq!(lines(&plan(&known, &read(text), false)), expected[2..]);
    // Who is named and placed as in the file is not taken for another.
    let text = "
        device = [
            { name = 'a', address = '192.0.2.2' },
            { name = 'a', address = '192.0.2.1' },
        ]";
    assert_eq!(lines(&plan(&known, &read(text), false)), ["~ device b (name \"b\" → \"a\")"]);
}

#[test]
fn groups_name_devices_that_are_there_or_will_be() {
    let known = known(
        vec![device(1, "a", "192.0.2.1"), device(2, "b", "192.0.2.2"), device(3, "c", "192.0.2.3")],
        vec![group(9, "Core", &[1, 2])],
    );
    let text = "
        device = [{ address = '192.0.2.1', name = 'a' }, { address = '192.0.2.7', name = 'new' }]
        [[device_group]]
        name = 'core'
        description = \"one\\ntwo\"
        tags = ['a \"b\"']
        devices = ['a', 'new', '192.0.2.3:161']
        [[device_group]]
        name = 'More'
        devices = ['new']";
    let plan_of = |text: &str, prune| plan(&known, &read(text), prune);
    let planned = plan_of(text, false);
    let expected = [
        "+ device new (192.0.2.7)",
        "~ device_group Core (name \"Core\" → \"core\", devices +192.0.2.7:161 +c -b)",
        "+ device_group More",
    ];
    assert_eq!(lines(&planned), expected);
    let Step::AddGroup(body) = &planned.steps[2].1 else { panic!("{planned:?}") };
    assert_eq!(body.members, [Member::New("192.0.2.7:161".to_owned())]);
    assert!(!body.settings.contains_key("site"));
    assert!(planned.text().ends_with("= same 1"), "{}", planned.text());
    let problems = |text: &str, prune, part: &str| {
        let problems = plan_of(text, prune).problems;
        assert!(problems.len() == 1 && problems[0].contains(part), "{problems:?}");
    };
    problems(text, true, "line 3: device_group \"core\": the device \"192.0.2.3:161\" is not in");
    problems(
        "device_group = [{ name = 'x', devices = ['y'] }]",
        false,
        "no device is called \"y\"",
    );
}

#[test]
fn what_cannot_be_done_is_said_with_its_line() {
    let mut demo = device(1, "demo", "192.0.2.1");
    demo.source = "demo".to_owned();
    let known = known(vec![demo], Vec::new());
    let text = "[[device]]\naddress = '192.0.2.1'\n\n[[device]]\naddress = '192.0.2.2'\n\
                credential = 'other'\n";
    let plan = plan(&known, &read(text), true);
    let [first, second] = plan.problems.as_slice() else { panic!("{plan:?}") };
    assert!(first.starts_with("line 1: the device \"demo\" is maintained by"), "{first}");
    assert!(second.starts_with("line 4:") && second.ends_with("credential add other"), "{second}");
}

#[test]
fn all_that_is_wrong_is_named_with_its_line() {
    let check = |text: &str, expected: &[&str]| {
        let problems = parse(text).unwrap_err();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
    };
    check("[[device]]\ncolour = 1", &["line 2: unknown field `colour`"]);
    check("[[device]]\nname = 'a'", &["line 1: missing field `address`"]);
    check("[database]\nurl = 'postgres://u:secret@h'", &["line 1: unknown field `database`"]);
    check("[[device]]\naddress = '192.0.2.1'\nport = 'x'", &["line 3: invalid type"]);
    check("what", &["line 1: "]);
    let text = "
        [[device]]
        address = '0.0.0.0'
        port = 0
        tags = ['']
        interval_ms = 5
        [[device]]
        address = '192.0.2.1'
        snmp = true
        [[device]]
        address = '192.0.2.1'
        icmp_echoes = 20
        icmp_spacing_ms = 10000
        [[device_group]]
        name = ''
        description = \"\\u001b\"
        [[device_group]]
        name = ''";
    check(
        text,
        &[
            "line 2: device \"0.0.0.0\": address: ",
            "line 2: device \"0.0.0.0\": tags: must have 1 to 200",
            "line 2: device \"0.0.0.0\": port: must be a whole number from 1 to 65535",
            "line 2: device \"0.0.0.0\": interval_ms: must be a whole number from 1000",
            "line 7: device \"192.0.2.1\": credential: SNMP needs one",
            "line 10: device \"192.0.2.1\": icmp_echoes: ",
            "line 10: device 192.0.2.1:161 is on line 7 already",
            "line 14: device_group \"\": name: must have 1 to 200",
            "line 14: device_group \"\": description: must have at most 2000",
            "line 17: device_group \"\": name: must have 1 to 200",
            "line 17: a group \"\" is on line 14 already",
        ],
    );
    let many = "[[device]]\naddress = ''\n".repeat(100);
    assert_eq!(parse(&many).unwrap_err().len(), 50);
    assert!(parse(&render(&[], &[])).unwrap().devices.is_empty());
}

/// Requests to an API: line, If-Match and body.
type Seen = Arc<Mutex<Vec<String>>>;

async fn answer(mut stream: TcpStream, seen: Seen) -> Option<()> {
    let mut request = String::new();
    let (head, length) = loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        request.push_str(std::str::from_utf8(&part[..count]).ok()?);
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            head.lines().find_map(|it| it.to_lowercase().strip_prefix(name).map(str::to_owned))
        };
        let length = header("content-length: ").map_or(0, |it| it.parse().unwrap());
        if body.len() >= length {
            let condition = header("if-match: ").unwrap_or_default();
            break (head.lines().next()?.to_owned(), format!("{condition} {body}"));
        }
    };
    let known = [device(1, "a", "192.0.2.1"), device(2, "b", "192.0.2.2")];
    let list =
        |items: Vec<Value>| json!({"total": items.len(), "items": items, "next_cursor": null});
    let (status, body) = match head.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["GET", path] if path.starts_with("/inventory/v1/devices?sort=name&") => {
            let listed = known.iter().map(|it| {
                let mut item = Value::Object(it.entity.settings.clone());
                item["id"] = json!(it.entity.id);
                item["revision"] = json!(it.entity.revision);
                item["source"] = json!("api");
                item
            });
            ("200 OK", list(listed.collect()))
        }
        ["GET", _] => ("200 OK", list(Vec::new())),
        ["PUT", path] if path.ends_with(&id(1)) => {
            ("412 Precondition Failed", json!({"title": "Changed meanwhile", "detail": "by eve"}))
        }
        _ => ("200 OK", json!({})),
    };
    seen.lock().unwrap().push(format!("{} {length}", head.trim_end_matches(" HTTP/1.1")));
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.ok()
}

#[tokio::test]
async fn what_others_changed_meanwhile_is_named_and_the_rest_is_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&requests)));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "token").unwrap();
    let config = crate::config::Config::load(None, []).unwrap();
    let client = Client::new(&config, Some(url), Some(&token)).unwrap();
    let file = read(
        "device = [
            { name = 'a', address = '192.0.2.1', site = 'x' },
            { name = 'b', address = '192.0.2.2', site = 'x' },
        ]",
    );
    let path = Path::new("network.toml");
    let failed = super::change(&client, path, &file, false, true).await.unwrap_err().to_string();
    let expected =
        "1 of these 2 failed:\n~ device a (site none → \"x\"): Changed meanwhile: by eve";
    assert_eq!(failed, expected);
    let mut seen = seen.lock().unwrap().clone();
    seen.retain(|request| request.starts_with("PUT"));
    seen.sort();
    for (n, request) in seen.iter().enumerate() {
        let n = n as u128 + 1;
        let start = format!("PUT /inventory/v1/devices/{} \"{n}\" {{", id(n));
        assert!(request.starts_with(&start), "{request}");
    }
    assert_eq!(seen.len(), 2);
}
