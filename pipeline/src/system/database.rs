//! The database: reached, migrated, kept tidy.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{Connection, PgConnection, PgPool};

use super::StartError;
use crate::config::Config;

/// Ends statements that their caller has given up on.
const STATEMENT_TIMEOUT: &str = "25000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What sqlx takes behind the question mark. What it does not know it would log with its value,
/// which may be a password under a misspelled name.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The names of its parameters, without their values.
fn parameters(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    // What has no value may be the rest of a password with a question mark in it.
    pairs.map(|pair| pair.split_once('=').map_or("(without a value)", |(name, _)| name))
}

/// The first parameter that nothing knows; only its name.
fn unknown_parameter(url: &str) -> Option<&str> {
    let known = |name: &str| name.starts_with("options[") || PARAMETERS.contains(&name);
    parameters(url).find(|name| !known(name))
}

/// Whether the URL says how to encrypt.
fn names_mode(url: &str) -> bool {
    parameters(url).any(|name| matches!(name, "sslmode" | "ssl-mode"))
}

fn refused(error: impl ToString) -> StartError {
    StartError::Database(error.to_string())
}

/// Where the database is, from its URL.
///
/// # Errors
/// [`StartError`] when there is no URL or it is none.
pub fn options(config: &Config) -> Result<PgConnectOptions, StartError> {
    let url = config.database.url.expose_secret();
    if url.is_empty() {
        return Err(refused(
            "no database is named: set DATABASE_URL=postgres://user@host/name (`make run` starts \
             a private one)",
        ));
    }
    if let Some(name) = unknown_parameter(url) {
        return Err(refused(format!(
            "DATABASE_URL has the unknown parameter {name}; known are {}, options[…]",
            PARAMETERS.join(", ")
        )));
    }
    // sqlx's message may repeat parts of the URL, and with it the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        refused("DATABASE_URL is not of the form postgres://user:password@host:port/name")
    })?;
    // sqlx reads that variable, too.
    encrypted(options, names_mode(url) || std::env::var_os("PGSSLMODE").is_some())
}

/// Over a network the server must prove who it is, unless the URL says otherwise: what would be
/// sent in plain text otherwise is the whole inventory. `asked`: it says how.
fn encrypted(options: PgConnectOptions, asked: bool) -> Result<PgConnectOptions, StartError> {
    if matches!(options.get_ssl_mode(), PgSslMode::Allow) {
        // sqlx would send it all in plain text.
        return Err(refused(
            "DATABASE_URL has sslmode=allow, which does not ask for TLS: say verify-full, require \
             (the server is not checked) or disable (plain text)",
        ));
    }
    Ok(match (asked, is_local(&options)) {
        (true, _) => options,
        // Nobody else hears it, and it costs processor time.
        (false, true) => options.ssl_mode(PgSslMode::Disable),
        (false, false) => options.ssl_mode(PgSslMode::VerifyFull),
    })
}

/// Whether the server is on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || options.get_socket().is_some() || host.starts_with('/')
}

/// What to do about a server that is not trusted, or that knows no TLS.
fn remedy(error: &sqlx::Error) -> Option<&'static str> {
    let text = error.to_string();
    let remedies = [
        (
            "does not support TLS",
            "switch TLS on in the server, or say sslmode=disable in DATABASE_URL to go without",
        ),
        (
            "not valid for name",
            "use a name of its certificate in DATABASE_URL, or say sslmode=verify-ca",
        ),
        (
            "UnknownIssuer",
            "name the authority's certificate in DATABASE_URL: sslrootcert=/path/ca.pem",
        ),
        ("invalid peer certificate", "see *TLS* in docs/DATABASE.md"),
    ];
    remedies.iter().find_map(|(words, remedy)| text.contains(words).then_some(*remedy))
}

/// A pool that connects when it is used.
///
/// # Errors
/// [`StartError`] on an unusable URL.
pub fn pool(config: &Config) -> Result<PgPool, StartError> {
    let options = options(config)?
        .application_name("opsconductor")
        .options([("statement_timeout", STATEMENT_TIMEOUT), ("jit", "off")]);
    Ok(PgPoolOptions::new()
        .max_connections(config.database.max_connections)
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect_lazy_with(options))
}

/// Migrates; waits for a database that is not there yet, says so, and gives up only on what
/// waiting does not mend.
///
/// # Errors
/// [`StartError`] with the mend.
pub async fn migrate(pool: &PgPool, stop: &super::Stop) -> Result<sinks::DatabaseInfo, StartError> {
    let options = sinks::MigrateOptions::default();
    let mut said = false;
    loop {
        match sinks::migrate(pool, &options).await {
            Ok(info) => {
                for warning in &info.warnings {
                    tracing::warn!("database: {warning}");
                }
                return Ok(info);
            }
            Err(sinks::MigrateError::Retry(error)) if !stop.requested() => {
                if !said {
                    let error = cause(pool).await.unwrap_or(error);
                    tracing::warn!(error, "waiting for the database");
                    said = true;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(refused(error)),
        }
    }
}

/// Why no connection comes about, if none does: a pool says only that it waited.
async fn cause(pool: &PgPool) -> Option<String> {
    let options = pool.connect_options();
    let refused = |error: &dyn std::fmt::Display| {
        Some(format!("{}:{}: {error}", options.get_host(), options.get_port()))
    };
    let explained = |error: sqlx::Error| match remedy(&error) {
        Some(remedy) => refused(&format!("{error}: {remedy}")),
        None => refused(&error),
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => explained(error),
        Err(_) => refused(&"no answer"),
    }
}

/// A database that is there, with today's tables.
///
/// # Errors
/// [`StartError`].
pub async fn migrated(config: &Config) -> Result<PgPool, StartError> {
    let pool = pool(config)?;
    if let Some(error) = cause(&pool).await {
        return Err(refused(error));
    }
    sinks::inspect(&pool).await.map_err(refused)?;
    Ok(pool)
}

/// For `opsconductor migrate`: what was done, in words.
///
/// # Errors
/// [`StartError`].
pub async fn migrate_only(config: &Config) -> Result<String, StartError> {
    let pool = pool(config)?;
    if let Some(error) = cause(&pool).await {
        return Err(refused(error));
    }
    let info = sinks::migrate(&pool, &sinks::MigrateOptions::default()).await.map_err(refused)?;
    Ok(words(&info))
}

/// For `opsconductor rebuild`: what was done, in words.
///
/// # Errors
/// [`StartError`].
pub async fn rebuild_only(
    config: &Config,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
) -> Result<String, StartError> {
    let pool = pool(config)?;
    if let Some(error) = cause(&pool).await {
        return Err(refused(error));
    }
    let now = Utc::now();
    let to = to.unwrap_or(now - sinks::REBUILD_AFTER);
    let rebuilt = sinks::rebuild(&pool, from, to, now).await.map_err(refused)?;
    let line = |one: &sinks::Rebuilt| {
        let sinks::Rebuilt { table, changed, kept } = one;
        let left = match kept {
            0 => String::new(),
            kept => format!(", {kept} left: they hold samples that are no longer kept"),
        };
        format!("{table}: {changed} buckets added or replaced{left}\n")
    };
    Ok(rebuilt.iter().map(line).collect())
}

/// For `opsconductor check`: what is there, changing nothing.
///
/// # Errors
/// [`StartError`].
pub async fn look(config: &Config) -> Result<String, StartError> {
    let pool = pool(config)?;
    if let Some(error) = cause(&pool).await {
        return Err(refused(error));
    }
    sinks::inspect(&pool).await.map(|info| words(&info)).map_err(refused)
}

fn words(info: &sinks::DatabaseInfo) -> String {
    let timescale = match &info.timescaledb {
        Some(version) => format!("TimescaleDB {version} ({})", info.tier),
        None => "no TimescaleDB".to_owned(),
    };
    let mut text = format!("PostgreSQL {}, {timescale}, migration {}", info.server, info.migration);
    for warning in &info.warnings {
        text.push_str(&format!("\n      note: {warning}"));
    }
    text
}

/// How long each class of rows is kept.
pub fn retention(config: &Config) -> sinks::Retention {
    let days = |days: u32| (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400));
    sinks::Retention {
        raw: days(config.database.keep_raw_days),
        rollup_5m: days(config.database.keep_5m_days),
        rollup_1h: days(config.database.keep_1h_days),
        rollup_1d: days(config.database.keep_1d_days),
        ..sinks::Retention::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_must_prove_who_they_are() {
        let mode = |url: &str| {
            let options = PgConnectOptions::from_str(url).unwrap();
            let options = encrypted(options, names_mode(url));
            options.map(|options| format!("{:?}", options.get_ssl_mode()))
        };
        for (url, expected) in [
            ("postgres://u@db.example/d", "VerifyFull"),
            ("postgres://u@192.0.2.1:5433/d?application_name=a", "VerifyFull"),
            ("postgres://u@db.example/d?sslmode=require", "Require"),
            ("postgres://u@db.example/d?application_name=a&ssl-mode=disable", "Disable"),
            ("postgres://u@127.0.0.1/d", "Disable"),
            ("postgres://u@[::1]/d", "Disable"),
            ("postgres://u@localhost/d", "Disable"),
            ("postgres://u@%2Frun%2Fpostgresql/d", "Disable"),
        ] {
            assert_eq!(mode(url).unwrap(), expected, "{url}");
        }
        let error = mode("postgres://u@db.example/d?sslmode=allow").unwrap_err().to_string();
        assert!(error.contains("say verify-full"), "{error}");
    }

    #[test]
    fn an_unknown_parameter_is_named_without_its_value() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(unknown_parameter(url), expected, "{url}");
        };
        check("postgres://u:p@h/d", None);
        check("postgres://u@h/d?sslmode=require&options[a]=b&password=p", None);
        check("postgres://u@h/d?pasword=p", Some("pasword"));
        check("postgres://u@h/d?sslmode=require&x=1#y", Some("x"));
        check("postgres://u:p?q@h/d", Some("(without a value)"));
    }
}
