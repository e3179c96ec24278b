//! A device of 20,000 ports through the whole program: each is a row of the API, in order and by
//! pages, with its texts, its state and its rates.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::{Duration, Instant};

use lab::{Content, DeviceConfig, InterfaceSpec, Lab, LabConfig, Make, free_port};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::common::{Program, database, free_address, program};

const PORTS: usize = 20_000;
const INTERVAL_MS: u64 = 20_000;
/// How long the program has until the rates of two polls are in the database.
const PATIENCE: Duration = Duration::from_secs(240);
/// Ports asked for at once.
const PAGE: usize = 4_000;
/// Memory that all parts of the program may take in one process.
const MOST_MIB: u64 = 1_024;

fn device(address: Ipv4Addr, port: u16) -> DeviceConfig {
    let spec = |n: usize| InterfaceSpec {
        name: format!("ge-{}/{}/{}", n / 1_000, n / 50 % 20, n % 50),
        alias: format!("customer {n:05} {}", "x".repeat(50)),
        speed_mbps: 1_000,
        load_permille: 100,
        enabled: true,
    };
    DeviceConfig {
        name: "large".into(),
        address: SocketAddrV4::new(address, port),
        community: "lab-public".into(),
        content: Content::Generated {
            make: Make::Switch,
            interfaces: (0..PORTS).map(spec).collect(),
        },
        location: String::new(),
        site: String::new(),
        profile: String::new(),
        serial: false,
    }
}

struct Api {
    client: Client,
    url: String,
    token: String,
}

impl Api {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<Value> {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        assert!(status.as_u16() < 500 || status.as_u16() == 503, "{path}: {status} {text}");
        status.is_success().then(|| serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Option<Value> {
        self.ask(Method::GET, path, None).await
    }
}

/// Tries until there is an answer, or shows what the program said.
async fn until<T>(what: &str, state: &Path, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        let said = || std::fs::read_to_string(state.join("out")).unwrap_or_default();
        assert!(began.elapsed() < PATIENCE, "no {what} in time: {}", said());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The most memory that the program has had, MiB.
fn peak_mib(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1_024
}

/// The value of a metric of a port.
fn value(port: &Value, metric: &str) -> Option<f64> {
    let metrics = port["metrics"].as_array()?;
    metrics.iter().find(|it| it["metric"] == metric)?["value"].as_f64()
}

/// All ports, page by page, as the API orders them.
async fn read(api: &Api, path: &str) -> Option<(Vec<Value>, Duration)> {
    let (mut ports, mut slowest, mut cursor) = (Vec::new(), Duration::ZERO, None::<String>);
    loop {
        let began = Instant::now();
        let on = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = api.get(&format!("{path}?limit={PAGE}{on}")).await?;
        slowest = slowest.max(began.elapsed());
        assert_eq!(page["total"], PORTS, "all are counted on every page");
        ports.extend(page["items"].as_array()?.iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Some((ports, slowest));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_ports_are_twenty_thousand_rows() {
    let Some(url) = database("large").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let (address, port) = (Ipv4Addr::new(127, 34, 1, 1), free_port());
    let devices = vec![device(address, port)];
    let lab = Lab::start(LabConfig { devices, ..LabConfig::default() }).unwrap();
    let running = Program(program("run", state, &url, &listen).spawn().unwrap());
    let token = until("token", state, async || {
        std::fs::read_to_string(state.join("cli-token")).ok().filter(|it| !it.is_empty())
    });
    let client = Client::builder().no_proxy().build().unwrap();
    let token = token.await.trim().to_owned();
    let api = Api { client, url: format!("http://{listen}"), token };
    until("readiness", state, async || api.get("/readyz").await).await;

    let community = json!({"kind": "snmp_v2c", "community": "lab-public"});
    let body = Some(community);
    until("credential", state, async || {
        api.ask(Method::PUT, "/credentials/v1/credentials/lab", body.clone()).await
    })
    .await;
    let body = json!({
        "address": address.to_string(), "name": "large", "port": port, "credential": "lab",
        "interval_ms": INTERVAL_MS, "icmp": false,
    });
    let added = Instant::now();
    let device = api.ask(Method::POST, "/inventory/v1/devices", Some(body)).await.unwrap();
    let id = device["id"].as_str().unwrap().to_owned();
    let path = format!("/inventory/v1/devices/{id}/interfaces");

    let all = until("the texts of all ports", state, async || {
        api.get(&format!("{path}?limit=1")).await.filter(|page| page["total"] == PORTS)
    });
    all.await;
    println!("{PORTS} ports are in the API after {:.1} s", added.elapsed().as_secs_f64());
    let last = format!("ge-{}/19/49", PORTS / 1_000 - 1);
    let rated = |port: &Value| value(port, "if_in_bps").is_some();
    let (ports, slowest) = until("rates of all ports", state, async || {
        let (ports, slowest) = read(&api, &path).await?;
        ports.iter().all(rated).then_some((ports, slowest))
    })
    .await;
    println!("their rates after {:.1} s", added.elapsed().as_secs_f64());
    println!("a page of {PAGE} takes {} ms at most", slowest.as_millis());

    let names: BTreeSet<&str> = ports.iter().filter_map(|port| port["name"].as_str()).collect();
    assert_eq!((ports.len(), names.len()), (PORTS, PORTS));
    let indexes: Vec<i64> = ports.iter().filter_map(|port| port["index"].as_i64()).collect();
    assert!(indexes.len() == PORTS && indexes.is_sorted(), "in the order of ifIndex");
    assert_eq!(ports.last().unwrap()["name"], last.as_str());
    for (n, port) in ports.iter().enumerate() {
        let alias = port["alias"].as_str().unwrap();
        assert!(alias.starts_with(&format!("customer {n:05} ")), "{port}");
        assert_eq!((&port["oper_status"], &port["present"]), (&json!("up"), &json!(true)));
        assert_eq!(port["speed_bps"], 1e9, "{port}");
        let rate = value(port, "if_in_bps").unwrap();
        assert!((0.0..=1e9).contains(&rate), "{port}");
    }
    let began = Instant::now();
    let whole = api.get(&path).await.unwrap();
    let took = began.elapsed();
    let whole = whole["items"].as_array().unwrap();
    assert_eq!(whole.len(), PORTS);
    assert!(whole.iter().all(rated), "a port has no rate where all are asked for at once");
    println!("all {PORTS} at once take {} ms", took.as_millis());

    let device = api.get(&format!("/inventory/v1/devices/{id}")).await.unwrap();
    assert_eq!((&device["state"], &device["interfaces"]), (&json!("up"), &json!(PORTS)));
    let series = api.get(&format!("/monitoring/v1/devices/{id}/series")).await.unwrap();
    let series = series["items"].as_array().unwrap().len();
    println!("{series} series");
    assert!(series >= PORTS * 11, "{series} series");
    let mib = peak_mib(&running);
    println!("memory of the whole program: {mib} MiB at most");
    assert!(mib <= MOST_MIB, "{mib} MiB");
    running.stop();
    lab.stop();
}
