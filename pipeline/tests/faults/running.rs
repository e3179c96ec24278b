//! The program under a fault: what it says of itself, and whether its accounts balance afterwards.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pipeline::log::EventLog;
use pipeline::log::embedded::{Embedded, Options};
use sqlx::PgPool;
use tempfile::TempDir;

use super::common::{Program, demo_port, free_address, now_ms, program, serials};
use super::ledger;
use super::postgres::signal;

pub(crate) const WITHIN: Duration = Duration::from_secs(240);

/// A running program of the roles given, on a state folder of its own.
pub(crate) struct Running {
    folder: TempDir,
    listen: String,
    settings: Vec<(String, String)>,
    url: String,
    process: Option<Program>,
}

impl Running {
    /// All roles with the simulated network, polled every second.
    pub(crate) fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        Self::with_network("run", url, settings)
    }

    /// One role with the simulated network, polled every second.
    pub(crate) fn with_network(role: &str, url: &str, settings: &[(&str, &str)]) -> Self {
        let demo = [("OPSC_DEMO", "1"), ("OPSC__DEMO__INTERVAL_MS", "1000")];
        Self::role(role, url, &[&demo[..], settings].concat())
    }

    /// One role.
    pub(crate) fn role(role: &str, url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = settings.iter().map(own).collect();
        let listen = free_address();
        let url = url.to_owned();
        let mut running = Self { folder, listen, settings, url, process: None };
        running.process = Some(running.spawn(role));
        running
    }

    /// After its end, on what it left, with further settings.
    pub(crate) fn start_again(&mut self, role: &str, settings: &[(&str, &str)]) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.settings.extend(settings.iter().map(own));
        self.process = Some(self.spawn(role));
    }

    fn spawn(&self, role: &str) -> Program {
        let mut command = program(role, self.state(), &self.url, &self.listen);
        command.env("NO_COLOR", "1");
        if !matches!(role, "run" | "api") {
            // Where the API would answer how it is.
            command.env("OPSC__TELEMETRY__LISTEN", &self.listen);
        }
        command.env("OPSC__DEMO__PORT", demo_port(self.state()).to_string());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        Program(command.spawn().unwrap())
    }

    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().0.id()
    }

    /// Where its API is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// What it said so far.
    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(self.state().join("out")).unwrap_or_default()
    }

    /// Looks again and again; `look` says what it waits for while it finds nothing. The program
    /// must not end meanwhile.
    pub(crate) async fn until<T>(
        &mut self,
        mut look: impl AsyncFnMut(&Self) -> Result<T, String>,
    ) -> T {
        let started = Instant::now();
        loop {
            let missing = match look(&*self).await {
                Ok(found) => return found,
                Err(missing) => missing,
            };
            let ended = self.process.as_mut().unwrap().0.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", self.out());
            assert!(started.elapsed() < WITHIN, "{missing}: {}", self.out());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits for its end, which must come by itself and be a failure; all that it said.
    pub(crate) async fn until_ended(&mut self) -> String {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.as_mut().unwrap().0.try_wait().unwrap() {
                assert!(!status.success(), "{status}: {}", self.out());
                return self.out();
            }
            assert!(started.elapsed() < WITHIN, "still runs: {}", self.out());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What `/readyz` says; the words of the refusal where it refuses.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("http://{}/readyz", self.listen)).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(answer.text().await.map_err(|error| error.to_string())?)
    }

    /// Waits until `/readyz` refuses with all these words; what it says then.
    pub(crate) async fn until_says(&mut self, words: &[&str]) -> String {
        self.until(async |it| match it.ready().await {
            Err(said) if words.iter().all(|word| said.contains(word)) => Ok(said),
            other => Err(format!("{words:?} not in {other:?}")),
        })
        .await
    }

    /// Waits until `/readyz` agrees.
    pub(crate) async fn until_ready(&mut self) {
        self.until(async |it| it.ready().await).await;
    }

    /// Waits until so many more serials are in the database.
    pub(crate) async fn until_more(&mut self, pool: &PgPool, more: usize) {
        let wanted = serials(pool).await.len() + more;
        self.until(async |_| {
            let found = serials(pool).await.len();
            if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} serials")) }
        })
        .await;
    }

    /// Waits until of every device that had a serial there is one from after now.
    pub(crate) async fn until_all_flows(&mut self, pool: &PgPool) {
        let since = now_ms() as f64;
        self.until(async |_| {
            let behind: Vec<String> = sqlx::query_scalar(
                "SELECT s.device::text FROM sample x JOIN series s ON s.id = x.series_id
                 WHERE s.metric = 'lab_serial'
                 GROUP BY 1 HAVING max(x.ts) < to_timestamp($1::float8 / 1000)",
            )
            .bind(since)
            .fetch_all(pool)
            .await
            .map_err(|error| error.to_string())?;
            if behind.is_empty() { Ok(()) } else { Err(format!("nothing new of {behind:?}")) }
        })
        .await;
    }

    /// The sum of a counter of `/metrics` over its labels.
    pub(crate) async fn counter(&self, name: &str) -> f64 {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("http://{}/metrics", self.listen)).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' '])
                .then(|| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        };
        text.lines().filter_map(of).sum()
    }

    /// Ends it as a person does; when (ms since the epoch).
    pub(crate) fn stop(&mut self) -> u64 {
        assert!(signal("INT", self.pid()), "it has ended: {}", self.out());
        let now = now_ms();
        let status = loop {
            if let Some(status) = self.process.as_mut().unwrap().0.try_wait().unwrap() {
                break status;
            }
            assert!(now_ms() - now < WITHIN.as_millis() as u64, "does not end: {}", self.out());
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}: {}", self.out());
        self.process = None;
        now
    }

    /// Kills it with -9; when (ms since the epoch).
    pub(crate) fn kill(&mut self) -> u64 {
        let now = now_ms();
        self.process = None;
        now
    }

    /// Ends it, has its sinks write what is left on its own log, and holds network, log and
    /// database against each other: everything everywhere once.
    pub(crate) async fn balance(mut self, pool: &PgPool) -> String {
        assert_eq!(
            self.counter("opsc_sink_duplicates_total").await,
            0.0,
            "rows were there already"
        );
        let stopped = self.stop();
        let log: Box<dyn EventLog> =
            Box::new(Embedded::open(&self.state().join("log"), Options::default()).unwrap());
        let in_log = ledger::in_log(log.as_ref());
        drop(log);
        self.start_again("sink", &[]);
        let wanted = in_log.len();
        self.until(async |_| {
            let found = serials(pool).await.len();
            if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} serials")) }
        })
        .await;
        self.process = None;
        balanced(self.state(), &in_log, pool, &[stopped]).await
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.state().join("lab-ledger")
    }
}

/// Holds network, log and database against each other; the account in words.
pub(crate) async fn balanced(
    state: &Path,
    in_log: &std::collections::BTreeMap<u64, i64>,
    pool: &PgPool,
    ends: &[u64],
) -> String {
    let rows = serials(pool).await;
    assert!(in_log.values().all(|count| *count == 1), "doubled in the log");
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(in_log.keys()), "the log and the database hold different serials");
    let account = ledger::account(state, in_log, ends);
    format!("{} serials in the log and the database once, {account}", in_log.len())
}

/// The longest time (ms) in which no device was asked for anything.
pub(crate) fn longest_pause(ledger: &Path) -> u64 {
    // Its last line may not be whole yet.
    let entries = lab::ledger::read(ledger).map_while(Result::ok);
    let mut times: Vec<u64> = entries.map(|entry| entry.unix_ms).collect();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}
