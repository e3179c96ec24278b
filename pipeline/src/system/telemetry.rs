//! Log lines and metrics of the process.

use std::io::IsTerminal;
use std::time::Duration;

use instruments::Kind;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use super::process_log;
use crate::config::{Format, TelemetryConfig};
use crate::families;

/// Time between two readings of histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Sends log lines to standard error; warnings and errors also wait for the topic `process-log`.
pub fn init(config: &TelemetryConfig) {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| config.filter.clone());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match config.format {
        Format::Text => lines.with_target(false).boxed(),
        Format::Json => lines.json().boxed(),
    };
    // A second call (tests) changes nothing.
    let _ = registry().with(filter).with(lines).with(process_log::layer()).try_init();
}

/// Collects the process's metrics; the handle renders them in Prometheus's text form.
///
/// # Errors
/// When another collector is installed already.
pub fn metrics() -> Result<PrometheusHandle, String> {
    let mut builder = PrometheusBuilder::new();
    for family in families::all() {
        if let Kind::Histogram(bounds) = family.kind {
            let name = Matcher::Full(family.name.to_owned());
            builder = builder
                .set_buckets_for_metric(name, bounds)
                .map_err(|error| format!("{}: {error}", family.name))?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    instruments::describe(families::RECORDED);
    instruments::describe(api::FAMILIES);
    Ok(handle)
}

/// Histograms keep each value until they are read: somebody must, also where nobody scrapes.
pub(super) async fn upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}
