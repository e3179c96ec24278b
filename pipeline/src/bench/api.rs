//! The API of a running system: a month of a series with its band, a page of a long list of
//! devices, and a thousand browsers that watch devices live.
//!
//! History and devices are written straight into the database; what the browsers watch comes
//! from a simulated network by way of the whole program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use schemas::SeriesId;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::events::Events;
use super::network::switches;
use super::program::Site;
use super::{Failure, Report, Scale};
use crate::clock::wall_ms;
use crate::config::Config;

/// At scale 1.
const DEVICES: usize = 10_000;
const SERIES: usize = 200;
const REQUESTS: usize = 500;
const VIEWERS: usize = 1_000;
const WATCHED: usize = 20;
const PORTS: usize = 8;
const INTERVAL_S: usize = 2;
const SECONDS: usize = 60;
/// Until what every connection needs once is there.
const SETTLE: Duration = Duration::from_secs(20);
const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 30;
/// So many viewers connect at once.
const AT_ONCE: usize = 50;
/// Longest wait for all to be connected.
const PATIENCE: Duration = Duration::from_secs(60);

/// Devices with state, latest sample, ports and some open anomalies.
fn devices_sql(count: usize) -> String {
    format!(
        "INSERT INTO device SELECT gen_random_uuid(), 'default', 'edge-' || n,
             '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256, 161, 'generic', 'bench',
             'site-' || n % 200, ARRAY['edge', 'ring-' || n % 40], 60000, true, true, true, 'bench',
             now() FROM generate_series(1, {count}) n;
         INSERT INTO device_status SELECT id, 'default',
             CASE WHEN random() < 0.01 THEN 'down' WHEN random() < 0.02 THEN 'degraded' ELSE 'up' END,
             now() - random() * interval '9 days', now(), 'answers' FROM device WHERE source = 'bench';
         INSERT INTO device_latest SELECT id, 'default', now() - random() * interval '1 minute'
             FROM device WHERE source = 'bench';
         INSERT INTO fact SELECT id, 'ge-0/0/' || n, 'if_index', n::text, now(), 'default'
             FROM device, generate_series(1, 24) n WHERE source = 'bench';
         INSERT INTO anomaly SELECT 'bench-' || name, 'default', id, name, 1, 'if_in_bps', 'ge-0/0/1',
             'bit/s', now(), NULL, now(), 9, 1, 0, 2, 9, 'bench', 1
             FROM device WHERE source = 'bench' AND random() < 0.02;"
    )
}

/// Of a series at a time: a wave of a day.
const VALUE: &str = "SELECT 100 + 10 * sin(extract(epoch FROM t.at) / 13750)::float8 AS v";

/// A month of roll-ups and bands of some series, in order of time as sinks write them, and raw
/// samples of the last day.
fn history_sql(count: usize) -> String {
    let rollup = |table: &str, step: &str| {
        format!(
            "INSERT INTO {table} SELECT id, t.at, 5, 5 * v, v - 1, v + 1, v FROM generate_series(
                 date_bin('{step}', now() - interval '{DAYS} days', 'epoch'), now(), '{step}')
                 AS t (at), series, LATERAL ({VALUE}) x WHERE unit = 'bench' ORDER BY t.at;"
        )
    };
    format!(
        "INSERT INTO series SELECT n, 'default', (SELECT id FROM device WHERE name = 'edge-1'),
             'if_in_bps', 'port ' || n, 'bench', false FROM generate_series(1, {count}) n;
         INSERT INTO sample SELECT id, t.at, 100, 0 FROM generate_series(now() - interval '1 day',
             now(), '1 minute') AS t (at), series WHERE unit = 'bench' ORDER BY t.at;
         {} {} {}
         INSERT INTO baseline SELECT id, t.at, v, v - 5, v + 5 FROM generate_series(
             date_bin('5 minutes', now() - interval '{DAYS} days', 'epoch'), now(), '5 minutes')
             AS t (at), series, LATERAL ({VALUE}) x WHERE unit = 'bench' ORDER BY t.at;",
        rollup("rollup_5m", "5 minutes"),
        rollup("rollup_1h", "1 hour"),
        rollup("rollup_1d", "1 day"),
    )
}

fn fill(site: &Site, scale: Scale) -> Result<(), Failure> {
    let devices = devices_sql(scale.of(DEVICES, 20));
    let history = history_sql(scale.of(SERIES, 2));
    let mut statements = vec![devices, history];
    // As the server does by itself after a while; it takes no other statement beside it.
    let tables = ["device", "fact", "anomaly", "rollup_5m", "rollup_1h", "baseline", "sample"];
    statements.extend(tables.iter().map(|table| format!("VACUUM ANALYZE {table}")));
    site.runtime.block_on(async {
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&site.database.pool).await?;
        }
        Ok::<_, sqlx::Error>(())
    })?;
    Ok(())
}

/// Times of requests one after another, in ms; each answer is looked at.
fn ask(
    site: &Site,
    count: usize,
    path: impl Fn(usize) -> String,
    right: impl Fn(&Value) -> bool,
) -> Result<Vec<f64>, Failure> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let path = path(number);
        let request = site.program.request(Method::GET, &path);
        let began = Instant::now();
        let body = site
            .runtime
            .block_on(async { request.send().await?.error_for_status()?.bytes().await })?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        if !right(&serde_json::from_slice(&body)?) {
            let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            return Err(format!("GET {path} is answered with something else: {shown}").into());
        }
    }
    Ok(times)
}

/// A month of a series; every request another one.
fn month(site: &Site, scale: Scale) -> Result<Vec<f64>, Failure> {
    let series = scale.of(SERIES, 2);
    let to = wall_ms();
    let path = |number: usize| {
        let id = SeriesId((number % series) as i64 + 1);
        format!("/monitoring/v1/series/{id}/samples?from={}&to={to}", to - DAYS * DAY_MS)
    };
    let length = |value: &Value| value.as_array().map_or(0, Vec::len);
    let whole = DAYS as usize * 24 - 1;
    ask(site, scale.of(REQUESTS, 10), path, |answer| {
        length(&answer["value"]) >= whole && length(&answer["baseline"]["expected"]) >= whole
    })
}

/// The first page of all devices, worst first, as the interface asks for it.
fn list(site: &Site, scale: Scale, limit: usize) -> Result<Vec<f64>, Failure> {
    let devices = scale.of(DEVICES, 20);
    let path = |_| format!("/inventory/v1/devices?limit={limit}");
    ask(site, scale.of(REQUESTS, 10), path, |answer| {
        let items = answer["items"].as_array().map_or(0, Vec::len);
        items >= limit.min(devices) && answer["total"].as_i64() >= Some(devices as i64)
    })
}

/// What all viewers have seen.
#[derive(Default)]
struct Watched {
    ms: Vec<f64>,
    resets: usize,
}

/// One browser on a device's page. Counts from when `count` is set.
struct Viewer {
    request: reqwest::RequestBuilder,
    connected: Arc<AtomicUsize>,
    count: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Viewer {
    async fn watch(self) -> Result<Watched, String> {
        let answer = self.request.send().await.and_then(reqwest::Response::error_for_status);
        let mut stream = answer.map_err(|error| format!("a viewer: {error}"))?;
        let (mut seen, mut events) = (Watched::default(), Events::default());
        self.connected.fetch_add(1, Ordering::Relaxed);
        while !self.stop.load(Ordering::Relaxed) {
            let next = tokio::time::timeout(Duration::from_millis(500), stream.chunk()).await;
            let Ok(bytes) = next else { continue };
            let bytes = bytes.map_err(|e| e.to_string())?.ok_or("a viewer's stream ended")?;
            let now = wall_ms();
            for (kind, data) in events.take(&bytes) {
                if !self.count.load(Ordering::Relaxed) {
                    continue;
                }
                match kind.as_str() {
                    "samples" => {
                        let at = number_after(&data, "\"at\":").ok_or("samples without a time")?;
                        seen.ms.push((now - at) as f64);
                    }
                    "reset" => seen.resets += 1,
                    _ => {}
                }
            }
        }
        Ok(seen)
    }
}

/// The number after a key: a thousand clients that parse all of it would be what is measured.
fn number_after(text: &str, key: &str) -> Option<i64> {
    let rest = text.split_once(key)?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What the viewers met.
struct Audience {
    viewers: usize,
    wall: f64,
    watched: Watched,
    resident: (usize, usize),
    cpu: f64,
}

fn audience(site: &mut Site, scale: Scale) -> Result<Audience, Failure> {
    let viewers = scale.of(VIEWERS, 10);
    let ids = watched(site)?;
    let (connected, count, stop) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut tasks = Vec::with_capacity(viewers);
    let began = Instant::now();
    for number in 0..viewers {
        let path = format!("/monitoring/v1/events?device={}", ids[number % ids.len()]);
        let viewer = Viewer {
            request: site.program.request(Method::GET, &path),
            connected: Arc::clone(&connected),
            count: Arc::clone(&count),
            stop: Arc::clone(&stop),
        };
        tasks.push(site.runtime.spawn(viewer.watch()));
        while connected.load(Ordering::Relaxed) + AT_ONCE < number {
            site.program.check()?;
            if began.elapsed() > PATIENCE {
                return Err(format!("only {connected:?} of {viewers} viewers get in").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    std::thread::sleep(SETTLE.mul_f64(scale.0.clamp(0.1, 1.0)));
    count.store(true, Ordering::Relaxed);
    let (begun, first, cpu) = (Instant::now(), site.program.resident(), site.program.cpu());
    std::thread::sleep(Duration::from_secs(scale.of(SECONDS, 4) as u64));
    let (wall, last) = (begun.elapsed().as_secs_f64(), site.program.resident());
    let cpu = site.program.cpu() - cpu;
    stop.store(true, Ordering::Relaxed);
    let mut watched = Watched::default();
    for task in tasks {
        let seen = site.runtime.block_on(task)??;
        watched.ms.extend(seen.ms);
        watched.resets += seen.resets;
    }
    Ok(Audience { viewers, wall, watched, resident: (first, last), cpu })
}

/// Ids of the devices of the simulated network.
fn watched(site: &Site) -> Result<Vec<String>, Failure> {
    let found = site.program.get("/inventory/v1/devices?q=fleet-&limit=1000")?;
    let items = found["items"].as_array().cloned().unwrap_or_default();
    let ids: Vec<String> =
        items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())).collect();
    if ids.is_empty() { Err("the polled devices are not in the list".into()) } else { Ok(ids) }
}

/// `bench api`.
pub(super) fn api(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let polled = scale.of(WATCHED, 2);
    crate::system::take_descriptors();
    let mut site = Site::start(config, &switches(polled, PORTS), INTERVAL_S)?;
    fill(&site, scale)?;
    // The first ones plan statements and fill caches.
    list(&site, Scale(0.0), 100)?;
    month(&site, Scale(scale.0.min(0.05)))?;
    let (page, all) = (list(&site, scale, 100)?, list(&site, scale, 1_000)?);
    let month = month(&site, scale)?;
    let audience = audience(&mut site, scale)?;
    let what = format!(
        "{} devices in the list; {DAYS} days of {} series, a point an hour with its band; {} live \
         viewers of {polled} devices polled every {INTERVAL_S} s; {}.",
        scale.of(DEVICES, 20) + polled,
        scale.of(SERIES, 2),
        audience.viewers,
        site.about()
    );
    let mut report = Report::new("api", what);
    report.add_ms(&format!("{DAYS} days of a series with its band"), month);
    report.add_ms("page of 100 devices", page);
    report.add_ms("page of 1,000 devices", all);
    let events = audience.watched.ms.len() as f64;
    report.add_ms("poll's start to viewer", audience.watched.ms);
    report.add("events", events / audience.wall, "/s");
    report.add("  lost for want of speed", audience.watched.resets as f64, "");
    report.add(
        "CPU of opsconductor meanwhile",
        audience.cpu / audience.wall * 100.0,
        "% of a core",
    );
    let (first, last) = audience.resident;
    report.add("memory of opsconductor, viewers in", first as f64 / 1e6, "MB");
    report.add("  grown by", (last as f64 - first as f64) / 1e6, "MB");
    site.stop()?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_without_parsing_all() {
        assert_eq!(number_after(r#"{"device":"x","at":17,"series":{}}"#, "\"at\":"), Some(17));
        assert_eq!(number_after("{}", "\"at\":"), None);
    }
}
