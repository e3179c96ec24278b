//! From a device's answer to the anomaly that it makes: on the topic, in the table, in a browser.
//! The network steps the traffic of one port after another; every transition's record says when
//! its answer arrived, and each of three readers says when it saw it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lab::{Fault, LabConfig, ScriptEvent};
use reqwest::Method;
use serde_json::Value;
use sqlx::postgres::PgListener;
use tokio::task::JoinHandle;

use super::network::switches;
use super::program::Site;
use super::{Failure, Report, Scale};
use crate::clock::wall_ms;
use crate::config::{Config, LogKind};
use crate::log::Start;
use crate::topology::ANOMALY;

/// 24 ports of 11 values and the uptime: 265 samples a poll, some 20,000 a second.
const DEVICES: usize = 76;
const INTERFACES: usize = 24;
const INTERVAL_S: usize = 1;
/// From here on there are baselines.
const LEARN_S: usize = 40;
const SECONDS: usize = 60;
/// Between two episodes, and how long each lasts.
const EVERY_MS: usize = 200;
const LASTS_MS: u64 = 8_000;
/// Afterwards, for what is on its way.
const AFTER: Duration = Duration::from_secs(5);
const CHANNEL: &str = "bench_anomaly";

/// One transition of one anomaly.
type Transition = (String, String, i64);

/// When each transition was seen, as ms after its answer.
#[derive(Default)]
struct Seen {
    known: HashSet<Transition>,
    ms: Vec<f64>,
}

impl Seen {
    /// `since`: what was answered before does not count.
    fn see(&mut self, since: i64, transition: Transition) {
        let (now, at) = (wall_ms(), transition.2);
        if at >= since && self.known.insert(transition) {
            self.ms.push((now - at) as f64);
        }
    }
}

/// The network, with an episode somewhere every so often.
fn network(devices: usize, every_ms: u64) -> LabConfig {
    let event = ScriptEvent {
        at_ms: every_ms,
        every_ms: Some(every_ms),
        device: "?".to_owned(),
        fault: Fault::TrafficStep { instance: "?".to_owned(), factor: 4.0, for_ms: LASTS_MS },
        for_ms: None,
    };
    // The port's traffic must have room for the step, and no day that moves it meanwhile.
    LabConfig { script: vec![event], ..switches(devices, INTERFACES) }
}

/// A reader that ends when asked to.
struct Watcher {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Seen, String>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The topic, if another process may read it.
fn topic(site: &Site, since: i64, stop: Arc<AtomicBool>) -> Result<Option<Watcher>, Failure> {
    if site.place.config.log.kind == LogKind::Embedded {
        return Ok(None);
    }
    let (log, schemas) = site.place.log()?;
    let mut reader = log.reader(ANOMALY.name, &[], Start::Latest)?;
    let ended = Arc::clone(&stop);
    let task = site.runtime.spawn_blocking(move || {
        let mut seen = Seen::default();
        while !ended.load(Ordering::Relaxed) {
            let records = reader.poll(Duration::from_millis(100)).map_err(|e| e.to_string())?;
            for record in records {
                let read = ANOMALY.read(&schemas, &record).map_err(|e| e.to_string())?;
                let Some(anomaly) = read else { continue };
                let transition = format!("{:?}", anomaly.transition).to_lowercase();
                seen.see(since, (anomaly.id, transition, anomaly.at));
            }
        }
        Ok(seen)
    });
    Ok(Some(Watcher { stop, task }))
}

/// The table: the server notifies of every row when it is committed.
fn table(site: &Site, since: i64, stop: Arc<AtomicBool>) -> Result<Watcher, Failure> {
    let setup = format!(
        "CREATE FUNCTION notify_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_notify('{CHANNEL}', json_build_array(NEW.anomaly_id, NEW.transition,
                 (extract(epoch FROM NEW.at) * 1000)::bigint)::text);
             RETURN NULL; END $$;
         CREATE TRIGGER notify_row AFTER INSERT ON anomaly_event
             FOR EACH ROW EXECUTE FUNCTION notify_row()"
    );
    let mut listener = site.runtime.block_on(async {
        sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&site.database.pool).await?;
        let mut listener = PgListener::connect_with(&site.database.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    })?;
    let ended = Arc::clone(&stop);
    let task = site.runtime.spawn(async move {
        let mut seen = Seen::default();
        while !ended.load(Ordering::Relaxed) {
            let next = tokio::time::timeout(Duration::from_millis(100), listener.recv()).await;
            let Ok(notice) = next else { continue };
            let notice = notice.map_err(|error| error.to_string())?;
            let row: (String, String, i64) =
                serde_json::from_str(notice.payload()).map_err(|error| error.to_string())?;
            seen.see(since, row);
        }
        Ok(seen)
    });
    Ok(Watcher { stop, task })
}

/// A browser's stream of events.
fn browser(site: &Site, since: i64, stop: Arc<AtomicBool>) -> Watcher {
    let request = site.program.request(Method::GET, "/monitoring/v1/events");
    let ended = Arc::clone(&stop);
    let task = site.runtime.spawn(async move {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let mut stream = answer.map_err(|error| error.to_string())?;
        let (mut seen, mut events) = (Seen::default(), super::events::Events::default());
        while !ended.load(Ordering::Relaxed) {
            let next = tokio::time::timeout(Duration::from_millis(100), stream.chunk()).await;
            let Ok(bytes) = next else { continue };
            let bytes = bytes.map_err(|e| e.to_string())?.ok_or("the stream of events ended")?;
            for (kind, data) in events.take(&bytes) {
                if kind == "anomaly" {
                    let item: Value = serde_json::from_str(&data).map_err(|e| e.to_string())?;
                    let at = item["at"].as_i64().unwrap_or_default();
                    seen.see(since, (text(&item["id"]), text(&item["transition"]), at));
                }
            }
        }
        Ok(seen)
    });
    Watcher { stop, task }
}

impl Watcher {
    fn end(self, site: &Site) -> Result<Seen, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(site.runtime.block_on(self.task)??)
    }
}

/// `bench latency`.
pub(super) fn latency(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let (devices, seconds) = (scale.load(DEVICES, 4), scale.of(SECONDS, 8));
    let learn = Duration::from_secs(scale.load(LEARN_S, 22) as u64);
    let every_ms = scale.load(EVERY_MS, 1_000) as u64;
    let mut site = Site::start(config, &network(devices, every_ms), INTERVAL_S)?;
    std::thread::sleep(learn);
    site.program.check()?;
    let since = wall_ms();
    let stop = || Arc::new(AtomicBool::new(false));
    let topic = topic(&site, since, stop())?;
    let table = table(&site, since, stop())?;
    let browser = browser(&site, since, stop());
    let (before, began) = (site.program.metrics()?, Instant::now());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let (after, wall) = (site.program.metrics()?, began.elapsed().as_secs_f64());
    std::thread::sleep(AFTER.mul_f64(scale.0.clamp(0.2, 1.0)));
    let polled = after.sum(POLLED, &[]) - before.sum(POLLED, &[]);
    let what = format!(
        "{devices} devices of {INTERFACES} ports, every {INTERVAL_S} s, for {seconds} s; a step of \
         the traffic of some port every {every_ms} ms; {}.",
        site.about()
    );
    let topic = topic.map(|watcher| watcher.end(&site)).transpose()?;
    let (table, browser) = (table.end(&site)?, browser.end(&site)?);
    let mut report = Report::new("latency", what);
    report.add_ms("answer to browser", browser.ms);
    report.add_ms("answer to row", table.ms);
    if let Some(topic) = topic {
        report.add_ms("answer to anomaly on the topic", topic.ms);
    }
    report.add("samples polled", polled / wall, "/s");
    site.stop()?;
    Ok(report)
}

/// Samples that pollers handed to the log.
pub(super) const POLLED: &str = "opsc_samples_polled_total";
