//! The connections to the database are cut at every statement, before the server has it and when
//! its answer is on the way: those of the sinks' transactions, and those of the API while a client
//! uses all of it. `sinks/src/tests/cut.rs` does the same to one sink byte by byte.
//!
//! How this could lose, double or mislead, and what stands against it:
//! - *A commit whose answer is lost is written again*: positions are read again after every trouble
//!   and move by compare-and-set.
//! - *A sink ends, or waits for ever*: what a connection says when it breaks is a reason to wait.
//! - *A client of the API gets anything but "try again"*, or that works once only: what breaks is
//!   the connection of one request, and the pool gives out none that is broken.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::common::database;
use super::proxy::{self, Plan, When};
use super::room;
use super::running::{Running, WITHIN};

const SINKS: &str = "opsconductor sink ";
/// What the API's pool calls itself.
const POOL: &str = "opsconductor";
/// More refusals of one request than it has statements to cut, twice.
const PATIENCE: usize = 60;

/// A client that tries again when it is asked to.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// The session's, once signed in.
    cookie: Option<String>,
    refusals: usize,
}

impl Client {
    fn new(running: &Running) -> Self {
        let token = std::fs::read_to_string(running.state().join("cli-token")).unwrap();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: running.url(),
            token: token.trim().to_owned(),
            cookie: None,
            refusals: 0,
        }
    }

    /// What comes at last: `expected`, or `again` where an earlier try was refused, which may have
    /// been done all the same.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: u16,
        again: Option<u16>,
    ) -> Value {
        self.call_late(method, path, body, (expected, again, None)).await
    }

    /// The same, where `late` says that a sink is still waiting.
    async fn call_late(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        (expected, again, late): (u16, Option<u16>, Option<u16>),
    ) -> Value {
        let began = Instant::now();
        let mut tries = 0;
        while tries < PATIENCE && began.elapsed() < WITHIN {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
            request = match &self.cookie {
                Some(cookie) => request.header("cookie", cookie).header("x-opsc-csrf", "1"),
                None => request.bearer_auth(&self.token),
            };
            if let Some(body) = &body {
                request = request.json(body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let cookie = answer.headers().get("set-cookie").map(|it| it.to_str().unwrap());
            let cookie = cookie.map(|it| it.split(';').next().unwrap().to_owned());
            let text = answer.text().await.unwrap();
            if status == expected || tries > 0 && again == Some(status) {
                if path.ends_with("/session") {
                    self.cookie = cookie.or(self.cookie.take());
                }
                return serde_json::from_str(&text).unwrap_or(Value::Null);
            }
            if late == Some(status) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            assert_eq!(status, 503, "{method} {path}: {text}");
            assert!(text.contains("urn:opsconductor:problem:unavailable"), "{text}");
            self.refusals += 1;
            tries += 1;
        }
        panic!("{method} {path}: refused {tries} times in {:?}", began.elapsed());
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call(Method::GET, path, None, 200, None).await
    }

    /// Everything that the program's own document lets one read, of one device and one series.
    async fn read(&mut self) {
        let document = self.get("/openapi.json").await;
        let devices = self.get("/inventory/v1/devices").await;
        let (mut device, mut series) = (String::new(), None);
        for one in devices["items"].as_array().unwrap() {
            device = one["id"].as_str().unwrap().to_owned();
            let list = self.get(&format!("/monitoring/v1/devices/{device}/series")).await;
            series = list["items"][0]["id"].as_str().map(str::to_owned);
            if series.is_some() {
                break;
            }
        }
        let (series, group) = (series.unwrap(), self.group().await);
        for (path, item) in document["paths"].as_object().unwrap() {
            // Has no end; asks no database; refuses while a sink waits, as it is made to.
            let left_out = ["/events", "/subjects", "/schemas", "/readyz", "{name}"];
            if item.get("get").is_none() || left_out.iter().any(|it| path.contains(it)) {
                continue;
            }
            let id = match path {
                _ if path.contains("/series/{id}") => &series,
                _ if path.contains("/device-groups/{id}") => &group,
                _ => &device,
            };
            self.get(&path.replace("{id}", id)).await;
        }
        for range in ["points=10", "from=1767225600000&points=200"] {
            self.get(&format!("/monitoring/v1/series/{series}/samples?{range}")).await;
        }
    }

    /// The id of a group, made when there is none.
    async fn group(&mut self) -> String {
        let groups = "/inventory/v1/device-groups";
        let body = json!({"name": "all", "tags": ["cut"]});
        loop {
            let list = self.get(groups).await;
            if let Some(id) = list["items"][0]["id"].as_str() {
                return id.to_owned();
            }
            self.call(Method::POST, groups, Some(body.clone()), 201, Some(422)).await;
        }
    }

    /// Everything that writes. What goes over the log is refused before it is done, or done.
    async fn change(&mut self) {
        let credential = "/credentials/v1/credentials/cut";
        let secret = json!({"kind": "snmp_v2c", "community": "public"});
        self.call(Method::PUT, credential, Some(secret), 200, None).await;
        let mut device = json!({"address": "127.0.0.99", "port": 9, "name": "nobody",
            "credential": "cut", "interval_ms": 1_000});
        let devices = "/inventory/v1/devices";
        // The last one may still be seen.
        let late = (201, None, Some(422));
        let made = self.call_late(Method::POST, devices, Some(device.clone()), late).await;
        let one = format!("{devices}/{}", made["id"].as_str().unwrap());
        device["site"] = json!("here");
        self.call_late(Method::PUT, &one, Some(device), (200, None, Some(404))).await;
        self.call(Method::DELETE, &one, None, 204, None).await;
        let late = (204, Some(404), Some(409));
        self.call_late(Method::DELETE, credential, None, late).await;
    }

    async fn sign_in(&mut self, password: &str) {
        let body = json!({"username": "admin", "password": password});
        self.call(Method::POST, "/identity/v1/session", Some(body), 200, None).await;
    }

    /// A new password made, changed, and used; signed out at the end.
    async fn password(&mut self) {
        let one_time = "/identity/v1/one-time-password";
        let made = self.call(Method::POST, one_time, None, 200, None).await;
        let made = made["password"].as_str().unwrap().to_owned();
        self.sign_in(&made).await;
        let new = "another one than before";
        let body = json!({"current_password": made, "new_password": new});
        self.call(Method::PUT, "/identity/v1/password", Some(body), 204, Some(422)).await;
        self.sign_in(new).await;
        assert_eq!(self.get("/identity/v1/session").await["one_time_password"], false);
        self.call(Method::DELETE, "/identity/v1/session", None, 204, Some(401)).await;
        self.cookie = None;
    }
}

/// Uses all of the API until nothing of it is left to cut and the sinks named are done.
async fn visits(client: &mut Client, plan: &Mutex<Plan>, sinks: &[String]) -> usize {
    let began = Instant::now();
    for visit in 1.. {
        let refusals = client.refusals;
        client.read().await;
        client.change().await;
        client.password().await;
        let left: Vec<_> = {
            let plan = plan.lock().unwrap();
            sinks.iter().filter(|name| !plan.cuts(name).1).cloned().collect()
        };
        if client.refusals == refusals && left.is_empty() {
            return visit;
        }
        assert!(began.elapsed() < WITHIN, "not done: {left:?}");
    }
    unreachable!()
}

/// Both cuts of each of these statements, named by a part of each, were made.
fn has(cuts: &[(String, When)], parts: &[&str]) {
    for part in parts {
        let of: BTreeSet<_> =
            cuts.iter().filter(|(it, _)| it.contains(part)).map(|(_, when)| *when).collect();
        let all = if part.starts_with("rows of") { 1 } else { 2 };
        assert_eq!(of.len(), all, "{part:?} was cut {of:?}; all: {cuts:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_at_any_statement_loses_nothing() {
    let _room = room().await;
    let Some(url) = database("cut").await else { return };
    let options = PgConnectOptions::from_str(&url).unwrap();
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let plan = Arc::new(Mutex::new(Plan::new(SINKS)));
    let port = proxy::start(server.clone(), Arc::clone(&plan)).await;
    let through = url.replace(&server, &format!("127.0.0.1:{port}"));
    assert_ne!(through, url);
    let pool = PgPool::connect_lazy(&url).unwrap();
    let mut running = Running::start(&through, &[]);
    running.until_more(&pool, 20).await;

    let began = Instant::now();
    plan.lock().unwrap().of.push(POOL);
    let sinks = ["metric", "device"].map(|name| format!("{SINKS}{name}"));
    let mut client = Client::new(&running);
    let visits = visits(&mut client, &plan, &sinks).await;
    println!("{visits} visits with {} refusals in {:?}", client.refusals, began.elapsed());
    {
        let mut plan = plan.lock().unwrap();
        plan.of.clear();
        let of = |name: &str| plan.cuts(name).0;
        let each = ["FROM log_position", "BEGIN", "pg_advisory_xact_lock", "COMMIT"];
        for name in &sinks {
            has(&of(name), &each);
            has(&of(name), &["UPDATE log_position"]);
        }
        has(&of(&sinks[0]), &["COPY sample", "rows of COPY sample", "end of COPY sample"]);
        let api = of(POOL);
        has(&api, &["INSERT INTO credential", "DELETE FROM credential", "UPDATE api_user"]);
        has(&api, &["INSERT INTO api_user", "INSERT INTO api_session", "DELETE FROM api_session"]);
        has(&api, &["FROM sample ", "FROM baseline", "FROM anomaly", "FROM device ", "COMMIT"]);
        println!("cuts of each: {:?}", plan.counts());
    }
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    println!("cut: {}", running.balance(&pool).await);
}
