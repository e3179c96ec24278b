//! The database's URL: one server or several, how to encrypt, and nothing unknown.

use std::net::IpAddr;
use std::str::FromStr;

use sinks::Servers;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Servers in a URL, at most.
const MAX_SERVERS: usize = 16;

const FORM: &str = "DATABASE_URL is not of the form postgres://user:password@host:port/name (several \
                    servers: host1:port1,host2:port2)";

/// What is known behind the question mark. What sqlx does not know it would log with its value,
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
    TARGET,
];
/// libpq's; sqlx does not know it.
const TARGET: &str = "target_session_attrs";

/// The parameters, as they are written. What has no value may be the rest of a password with a
/// question mark in it.
fn parameters(url: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

fn has(url: &str, names: &[&str]) -> bool {
    parameters(url).any(|(name, _)| names.contains(&name))
}

/// What is wrong with the parameters; never a value.
fn problem(url: &str) -> Option<String> {
    parameters(url).find_map(|(name, value)| {
        let known = name.starts_with("options[") || PARAMETERS.contains(&name);
        match value {
            None => Some("DATABASE_URL has a parameter without a value".to_owned()),
            Some(_) if !known => Some(format!(
                "DATABASE_URL has the unknown parameter {name}; known are {}, options[…]",
                PARAMETERS.join(", ")
            )),
            Some(value) if name == TARGET && !matches!(value, "read-write" | "primary") => Some(
                format!("DATABASE_URL has another {TARGET} than read-write: each process writes"),
            ),
            Some(value) if matches!(name, "host" | "hostaddr" | "port") && value.contains(',') => {
                Some(format!(
                    "DATABASE_URL has several servers in {name}; name them before the slash: \
                     postgres://user@host1:5432,host2:5432/name"
                ))
            }
            Some(_) => None,
        }
    })
}

/// The same URL for each of its servers, without what sqlx does not know.
fn split(url: &str) -> Option<Vec<String>> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split_once('#').map_or(path, |(path, _)| path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let query = parameters(url).filter(|(name, _)| *name != TARGET);
    let query = query.map(|(name, value)| format!("{name}={}", value.unwrap_or_default()));
    let query = query.collect::<Vec<_>>().join("&");
    let hosts: Vec<&str> = hosts.split(',').collect();
    let whole = hosts.len() == 1 || hosts.iter().all(|host| !host.is_empty());
    let one = |host: &&str| format!("{scheme}://{user}{host}{path}?{query}");
    whole.then(|| hosts.iter().map(one).collect())
}

/// What the environment says that sqlx reads, too.
#[derive(Clone, Copy, Default)]
pub(super) struct Environment {
    mode: bool,
    authority: bool,
}

impl Environment {
    pub(super) fn read() -> Self {
        let set = |name| std::env::var_os(name).is_some();
        Self { mode: set("PGSSLMODE"), authority: set("PGSSLROOTCERT") }
    }
}

/// The servers of a URL.
///
/// # Errors
/// With the remedy, and without any value: a password may stand where it does not belong.
pub(super) fn servers(url: &str, environment: Environment) -> Result<Servers, String> {
    if let Some(problem) = problem(url) {
        return Err(problem);
    }
    let urls = split(url).ok_or(FORM)?;
    if urls.len() > MAX_SERVERS {
        return Err(format!("DATABASE_URL names more than {MAX_SERVERS} servers"));
    }
    let mode = environment.mode || has(url, &["sslmode", "ssl-mode"]);
    let authority = environment.authority || has(url, &["sslrootcert", "ssl-root-cert", "ssl-ca"]);
    // sqlx's message may repeat parts of the URL, and with it the password.
    let one = |url: &String| PgConnectOptions::from_str(url).map_err(|_| FORM.to_owned());
    let all = urls.iter().map(|url| encrypted(one(url)?, mode, authority));
    let mut all = all.collect::<Result<Vec<_>, String>>()?.into_iter();
    let first = all.next().ok_or(FORM)?;
    Ok(Servers::new(first, all))
}

/// Over a network the server must prove who it is, unless the URL says otherwise: what would be
/// sent in plain text is the whole inventory. `mode`: it says how; `authority`: it says by whom.
fn encrypted(
    options: PgConnectOptions,
    mode: bool,
    authority: bool,
) -> Result<PgConnectOptions, String> {
    if matches!(options.get_ssl_mode(), PgSslMode::Allow) {
        // sqlx would send it all in plain text.
        return Err(
            "DATABASE_URL has sslmode=allow, which does not ask for TLS: say verify-full, \
                    require (the server is not checked) or disable (plain text)"
                .to_owned(),
        );
    }
    Ok(match (mode, authority, is_local(&options)) {
        (true, _, _) => options,
        // On this machine nobody else can listen, and it costs processor time.
        (false, false, true) => options.ssl_mode(PgSslMode::Disable),
        (false, true, _) | (false, false, false) => options.ssl_mode(PgSslMode::VerifyFull),
    })
}

/// Whether the server is on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || options.get_socket().is_some() || host.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<PgConnectOptions, String> {
        servers(url, Environment::default()).map(|servers| servers.current())
    }

    #[test]
    fn other_hosts_must_prove_who_they_are() {
        for (url, expected) in [
            ("postgres://u@db.example/d", "VerifyFull"),
            ("postgres://u@192.0.2.1:5433/d?application_name=a", "VerifyFull"),
            ("postgres://u@db.example/d?sslmode=require", "Require"),
            ("postgres://u@db.example/d?application_name=a&ssl-mode=disable", "Disable"),
            ("postgres://u@127.0.0.1/d", "Disable"),
            ("postgres://u@[::1]/d", "Disable"),
            ("postgres://u@localhost/d", "Disable"),
            ("postgres://u@%2Frun%2Fpostgresql/d", "Disable"),
            ("postgres://u@localhost/d?sslrootcert=/ca.pem", "VerifyFull"),
            ("postgres://u@localhost/d?sslrootcert=/ca.pem&sslmode=disable", "Disable"),
            ("postgres://u@localhost,db.example/d", "Disable"),
            ("postgres://u@db.example,localhost/d", "VerifyFull"),
        ] {
            assert_eq!(format!("{:?}", read(url).unwrap().get_ssl_mode()), expected, "{url}");
        }
        let environment = Environment { authority: true, ..Environment::default() };
        let local = servers("postgres://u@localhost/d", environment).unwrap().current();
        assert!(matches!(local.get_ssl_mode(), PgSslMode::VerifyFull));
        let error = read("postgres://u@db.example/d?sslmode=allow").unwrap_err();
        assert!(error.contains("say verify-full"), "{error}");
    }

    #[test]
    fn several_servers_become_a_url_each() {
        let check = |url: &str, expected: &[&str]| assert_eq!(split(url).unwrap(), expected);
        check("postgres://u:p@h/d", &["postgres://u:p@h/d?"]);
        check(
            "postgres://u:p@h1:5433,[::1]:5434,h3/d?target_session_attrs=read-write&sslmode=require#x",
            &[
                "postgres://u:p@h1:5433/d?sslmode=require",
                "postgres://u:p@[::1]:5434/d?sslmode=require",
                "postgres://u:p@h3/d?sslmode=require",
            ],
        );
        check("postgres:///d?host=/run/postgresql", &["postgres:///d?host=/run/postgresql"]);
        assert!(split("postgres://u@h1,,h2/d").is_none());
        assert!(split("postgres//u@h1").is_none());
        let many = vec!["h"; MAX_SERVERS + 1].join(",");
        assert!(read(&format!("postgres://u@{many}/d")).unwrap_err().contains("more than"));
        let found = read("postgres://u:p%40ss@h1:5433,h2/d?target_session_attrs=primary").unwrap();
        let found = (found.get_host(), found.get_port(), found.get_database().unwrap());
        assert_eq!(found, ("h1", 5_433, "d"));
    }

    #[test]
    fn a_wrong_parameter_is_named_without_its_value() {
        let check = |url: &str, expected: &str| {
            let error = read(url).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        };
        assert!(read("postgres://u@h/d?sslmode=require&options[a]=b&password=p").is_ok());
        check("postgres://u@h/d?pasword=secret", "unknown parameter pasword");
        check("postgres://u@h/d?sslmode=require&x=secret#y", "unknown parameter x;");
        check("postgres://u:p?secret@h/d", "parameter without a value");
        check("postgres://u@h/d?target_session_attrs=any", "than read-write");
        check("postgres://u@/d?host=a,b", "before the slash");
    }
}
