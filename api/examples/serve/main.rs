//! The API over a real database and ports in memory, to try it and to let schemathesis loose on
//! it:
//!
//!     OPSC_TOKEN=$(openssl rand -hex 16) cargo run --release -p api --example serve -- URL [PORT]
//!
//!     schemathesis run http://127.0.0.1:5000/openapi.json -H "Authorization: Bearer $OPSC_TOKEN" \
//!         --exclude-operation-id streamEvents --exclude-checks ignored_auth,positive_data_acceptance
//!
//! Left out: the stream without end; the check that tries a wrong cookie beside the right token; the
//! one that takes every refusal of well-formed values for a fault (an unknown cursor, profile or
//! credential, a range that ends before it begins).
//!
//! Migrates the database of URL, makes a device with a day of samples, prints admin's password.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]

mod memory;

use std::time::Duration;

use api::{ApiConfig, ApiState, Live, LiveEvent, LogPlace, ensure_admin, serve};
use schemas::{Availability, DeviceId, DeviceStatus, SchemaStore, SeriesId};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: serve DATABASE_URL [PORT]")?;
    let port: u16 = arguments.next().map_or(Ok(5000), |port| port.parse())?;
    let pool = PgPool::connect(&url).await?;
    sqlx::migrate!("../migrations").run(&pool).await?;
    if let Some(password) = ensure_admin(&pool).await? {
        println!("admin's password: {}", password.expose_secret());
    }
    let device = DeviceId::from_source("example", "router");
    fill(&pool, device).await?;
    let live = Live::new();
    let ticking = live.clone();
    tokio::spawn(async move {
        let status = DeviceStatus {
            tenant: "default".to_owned(),
            device,
            state: Availability::Up,
            since: 0,
            at: 0,
            reason: String::new(),
        };
        for offset in 0.. {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let place = LogPlace { topic: 's', partition: 0, offset, at_ms: 0 };
            ticking.publish(LiveEvent::Status(&status, place));
        }
    });
    let config = ApiConfig {
        bearer_token: std::env::var("OPSC_TOKEN").ok().map(Into::into),
        ..ApiConfig::default()
    };
    let state =
        ApiState::new(config, pool.clone(), memory::ports(&pool), live, SchemaStore::new())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/docs", listener.local_addr()?);
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, state, stop).await?;
    Ok(())
}

async fn fill(pool: &PgPool, device: DeviceId) -> Result<(), sqlx::Error> {
    let series = SeriesId::of("default", device, "cpu_percent", "");
    sqlx::query(
        "INSERT INTO device (id, name, address, port, profile, interval_ms, snmp, icmp, enabled, \
            source, updated_at) \
         VALUES ($1, 'router', '192.0.2.1', 161, 'auto', 60000, true, true, true, 'demo', now()) \
         ON CONFLICT DO NOTHING",
    )
    .bind(device.0)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO series (id, device, metric, instance, unit) \
         VALUES ($1, $2, 'cpu_percent', '', '%') ON CONFLICT DO NOTHING",
    )
    .bind(series.0)
    .bind(device.0)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO sample SELECT $1, date_trunc('minute', now()) - n * interval '1 min', \
            50 + 20 * sin(n / 100.0), 0 FROM generate_series(0, 1439) n ON CONFLICT DO NOTHING",
    )
    .bind(series.0)
    .execute(pool)
    .await?;
    println!("device {device}, series {series}");
    Ok(())
}
