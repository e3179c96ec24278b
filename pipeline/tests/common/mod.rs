//! What tests of the whole program share.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

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
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A port that the demo's devices can have.
pub fn demo_port() -> u16 {
    let free = std::net::UdpSocket::bind("127.10.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}
