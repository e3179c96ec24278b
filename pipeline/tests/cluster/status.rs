//! What processes publish of themselves: roles in processes of their own show the same as one process
//! with all of them; who dies is gone, who ends has ended; what one process warns of is read at
//! another.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::WITHIN;
use super::common::Program as Killed;
use super::site::{DEVICES, Site};

const PORT: u16 = 19_392;
/// Who is gone says nothing for half a minute; the rest is the pace of all.
const GONE_WITHIN: Duration = Duration::from_secs(40);
/// How long those who are gone are kept, s.
const KEEP_GONE_S: u64 = 60;

async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Process and state of all processes.
async fn processes(site: &Site) -> Option<BTreeMap<String, String>> {
    let status = site.get("/system/v1/status").await?;
    let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let all = status["processes"].as_array().unwrap().iter();
    Some(all.map(|it| (text(it, "instance"), text(it, "state"))).collect())
}

async fn until_process(site: &Site, instance: &str, state: Option<&str>, within: Duration) {
    let what = format!("{instance} {state:?}");
    until(&what, within, async || {
        let found = processes(site).await?;
        (found.get(instance).map(String::as_str) == state).then_some(())
    })
    .await;
}

/// What the system shows once all of it works: components by process with what they read, and
/// the devices polled.
#[derive(Debug, PartialEq)]
struct Shown {
    /// Component, the groups' partitions that are held.
    components: BTreeMap<String, usize>,
    /// Device and connector.
    polled: BTreeSet<(String, String)>,
    figures: i64,
}

async fn shown(site: &Site, polls: &str) -> Shown {
    until("all works and is shown", WITHIN, async || {
        let status = site.get("/system/v1/status").await?;
        let roles = status["roles"].as_array().unwrap();
        let mut components = BTreeMap::new();
        for role in roles.iter().filter(|role| role["state"] != "gone") {
            let name = role["name"].as_str().unwrap();
            let held = role["partitions"].as_array().unwrap().len();
            // It is not known at once of a group that has just formed.
            let measured = held == 0 || role["lag"].as_i64().is_some();
            if role["state"] != "running" || !measured || role["since"].as_i64()? == 0 {
                return None;
            }
            *components.entry(name.trim_end_matches(char::is_numeric).to_owned()).or_default() +=
                held;
        }
        let pollers = site.get("/automation/v1/pollers?limit=1000").await?;
        let items = pollers["items"].as_array().unwrap();
        let of = |item: &Value| {
            let polled = item["last_outcome"] == "ok" && item["instance"] == polls;
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            polled.then(|| (text("device"), text("connector")))
        };
        let polled: Option<BTreeSet<_>> = items.iter().map(of).collect();
        let polled = polled.filter(|it| it.len() == DEVICES)?;
        let processes = status["processes"].as_array().unwrap();
        let poller = processes.iter().find(|it| it["instance"] == polls)?;
        let figures = poller["figures"]["poller_devices"].as_i64()?;
        assert!(poller["figures"]["log_lines_dropped"].as_i64() == Some(0), "{poller}");
        let whole = status["troubles"].as_array().unwrap().is_empty();
        // Each partition is held by one of the threads that share a group; some topics have one.
        let all = components.values().filter(|held| **held > 1).all(|held| *held == 8);
        (whole && all && figures as usize == DEVICES).then_some(Shown {
            components,
            polled,
            figures,
        })
    })
    .await
}

/// A broken file in place of the inventory: the connect process says so, once it looks.
async fn a_warning_is_read_at_another_process(site: &Site) {
    let token = std::fs::read_to_string(site.state().join("cli-token")).unwrap();
    let listen = site.listen().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let events = client.get(format!("http://{listen}/monitoring/v1/events?log=true"));
    let mut events = events.bearer_auth(token.trim()).send().await.unwrap();
    let devices = std::fs::read_to_string(site.inventory()).unwrap();
    std::fs::write(site.inventory(), format!("{devices}no address at all ;\n")).unwrap();
    let line = until("the warning in the log", WITHIN, async || {
        let log = site.get("/system/v1/log?process=connect@a&level=error&q=inventory").await?;
        log["items"].as_array()?.first().cloned()
    })
    .await;
    assert!(
        line["message"].as_str().unwrap().contains("what it maintains stays as it was"),
        "{line}"
    );
    assert_eq!(line["target"], "pipeline::run::outside::followers");
    assert!(!line["fields"]["error"].as_str().unwrap().is_empty(), "{line}");
    let mut seen = String::new();
    while !seen.contains("event: log\n") {
        let chunk = tokio::time::timeout(WITHIN, events.chunk()).await.unwrap().unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(seen.contains("what it maintains stays as it was"), "{seen}");
    std::fs::write(site.inventory(), devices).unwrap();
}

/// It is asked to end, says so to a load balancer, and serves on for a while.
async fn an_api_drains_before_it_ends(site: &Site) {
    let drain = ("OPSC__API__DRAIN_S", "4");
    let roles = ("OPSC__SYSTEM__EXPECTED_ROLES", "process, api");
    let mut api = site.role_with("api", "b", &[drain, roles]);
    let telemetry = site.telemetry_of("api", "b");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| {
        let answer = client.get(format!("http://{telemetry}{path}")).send().await.ok()?;
        Some(answer.status().as_u16())
    };
    // Neither polls nor rows are expected of anybody.
    until("ready without connect and sink", WITHIN, async || {
        (ask("/readyz").await? == 200).then_some(())
    })
    .await;
    let began = Instant::now();
    Command::new("kill").args(["-INT", &api.0.id().to_string()]).status().unwrap();
    until("said that it ends", Duration::from_secs(2), async || {
        (ask("/readyz?alone=true").await? == 503).then_some(())
    })
    .await;
    assert_eq!(ask("/healthz").await, Some(200), "it serves on");
    until_process(site, "api@b", Some("stopping"), Duration::from_secs(4)).await;
    assert!(api.ended().success());
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    until_process(site, "api@b", Some("ended"), WITHIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_apart_show_what_one_process_does() {
    let Some(site) = Site::start("status", PORT, "1").await else { return };
    let keep = KEEP_GONE_S.to_string();
    let keep = [("OPSC__SYSTEM__KEEP_GONE_S", keep.as_str())];
    let api = site.role_with("api", "a", &keep);
    let mut others: Vec<Killed> = site.roles(&["process", "sink"], "a");
    let connect = site.role("connect", "a");
    // The first that polls makes the vault's key.
    site.add_credential().await;
    let apart = shown(&site, "connect@a").await;
    println!("{} components: {:?}", apart.components.len(), apart.components);
    assert!(apart.components.len() > 15, "{apart:?}");
    for instance in ["api@a", "process@a", "sink@a", "connect@a"] {
        until_process(&site, instance, Some("running"), WITHIN).await;
    }
    a_warning_is_read_at_another_process(&site).await;

    // With -9.
    let killed = Instant::now();
    drop(connect);
    until_process(&site, "connect@a", Some("gone"), GONE_WITHIN).await;
    println!("gone after {:.1?}", killed.elapsed());
    assert!(killed.elapsed() > Duration::from_secs(27), "{:?}", killed.elapsed());
    let status = site.get("/system/v1/status").await.unwrap();
    let gone = status["roles"].as_array().unwrap().iter().find(|it| it["name"] == "connect poller");
    let gone = gone.unwrap();
    assert_eq!((&gone["state"], &gone["lag"]), (&"gone".into(), &Value::Null), "{gone}");
    site.forget("connect", "a");
    site.refused_within(GONE_WITHIN, "no process of role connect").await;
    until_process(&site, "connect@a", None, Duration::from_secs(KEEP_GONE_S)).await;
    println!("shown no more after {:.1?}", killed.elapsed());
    assert!(killed.elapsed() > Duration::from_secs(KEEP_GONE_S - 3), "{:?}", killed.elapsed());

    others.pop().unwrap().stop();
    until_process(&site, "sink@a", Some("ended"), WITHIN).await;
    site.forget("sink", "a");
    an_api_drains_before_it_ends(&site).await;
    others.pop().unwrap().stop();
    api.stop();
    site.forget("process", "a");

    let one = site.role("run", "a");
    let together = shown(&site, "run@a").await;
    assert_eq!(together, apart, "the same in one process");
    one.stop();
}
