//! The built program with a database and a state folder of the test's own, and what it put there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::log::{EventLog, Record, Start};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};

pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A database of the test's own, or none with a loud word.
pub async fn database(name: &str) -> Option<String> {
    let Ok(url) = std::env::var("OPSC_TEST_DATABASE_URL") else {
        assert!(
            std::env::var_os("OPSC_TEST_REQUIRED").is_none(),
            "OPSC_TEST_DATABASE_URL is not set"
        );
        eprintln!("SKIPPED: OPSC_TEST_DATABASE_URL is not set (make test sets it)");
        return None;
    };
    let options = PgConnectOptions::from_str(&url).unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let name = format!("{name}_{}", std::process::id());
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

/// An address that nothing listens at.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", lab::free_port())
}

/// The port of the simulated network's devices: the same for every start on a state folder.
pub fn demo_port(state: &Path) -> u16 {
    let file = state.join("demo-port");
    let known = std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok());
    known.unwrap_or_else(|| {
        let port = lab::free_port();
        std::fs::write(&file, port.to_string()).unwrap();
        port
    })
}

/// A running program: killed with -9 when dropped.
pub struct Program(pub Child);

impl Program {
    /// As a person stops it; it must end well.
    pub fn stop(mut self) {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap();
        let status = self.ended();
        assert!(status.success(), "a clean stop: {status}");
    }

    /// How it ended, which it must within the time that everything has.
    pub fn ended(&mut self) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < DEADLINE, "process {} does not stop", self.0.id());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program; what it says goes to the file `out` of its state folder.
pub fn program(role: &str, state: &Path, url: &str, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    let out = std::fs::File::options().append(true).create(true).open(state.join("out")).unwrap();
    command
        .arg(role)
        .env("DATABASE_URL", url)
        .env("OPSC_STATE_DIR", state)
        .env("OPSC_LISTEN", listen)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(out);
    command
}

/// Starts it with the simulated network, polled every second.
pub fn start(role: &str, state: &Path, url: &str, listen: &str) -> Program {
    let mut command = program(role, state, url, listen);
    command
        .env("OPSC_DEMO", "1")
        .env("OPSC__DEMO__INTERVAL_MS", "1000")
        .env("OPSC__DEMO__PORT", demo_port(state).to_string());
    Program(command.spawn().unwrap())
}

/// The simulated network's serials in the database, and how often each is there.
pub async fn serials(pool: &PgPool) -> BTreeMap<u64, i64> {
    let rows: Vec<(f64, i64)> = sqlx::query_as(
        "SELECT x.value, count(*) FROM sample x JOIN series s ON s.id = x.series_id
         WHERE s.metric = 'lab_serial' GROUP BY x.value",
    )
    .fetch_all(pool)
    .await
    .unwrap_or_default();
    rows.into_iter().map(|(value, count)| (value as u64, count)).collect()
}

/// Tries until there is an answer; if there is none in time, the program's words are shown.
pub async fn until<T>(what: &str, state: &Path, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        let out = || std::fs::read_to_string(state.join("out")).unwrap_or_default();
        assert!(started.elapsed() < DEADLINE, "no {what} in time: {}", out());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub async fn until_serials(at_least: usize, pool: &PgPool, state: &Path) {
    let enough = async || (serials(pool).await.len() >= at_least).then_some(());
    until(&format!("{at_least} serials"), state, enough).await;
}

/// All records of a topic.
pub fn records(log: &dyn EventLog, topic: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for (partition, _) in (0..).zip(log.ends(topic).unwrap()) {
        let mut reader = log.reader(topic, &[partition], Start::Earliest).unwrap();
        let end = reader.end(partition).unwrap();
        while reader.position(partition) < end {
            records.extend(reader.poll(Duration::from_millis(50)).unwrap());
        }
    }
    records
}
