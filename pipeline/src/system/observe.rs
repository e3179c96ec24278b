//! Metrics and health of a process of any role, at an address of their own.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Shared, StartError, status};

/// Who asks at the end is given so long.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The server.
pub(super) struct Telemetry {
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Telemetry {
    pub(super) fn stop(self, runtime: &Handle) {
        let _ = self.stop.send(());
        let ended = async { tokio::time::timeout(LAST_ANSWERS, self.server).await };
        if runtime.block_on(ended).is_err() {
            tracing::warn!("who read metrics at the end is cut off");
        }
    }
}

/// Serves at `telemetry.listen`, if that is set.
pub(super) fn start(shared: &Arc<Shared>) -> Result<Option<Telemetry>, StartError> {
    let listen = &shared.config.telemetry.listen;
    if listen.is_empty() {
        return Ok(None);
    }
    let listener = shared.runtime.block_on(TcpListener::bind(listen)).map_err(|error| {
        StartError::machine(
            format!("telemetry address {listen}"),
            format!(
                "{error}: end what listens there, or set telemetry.listen \
                 (OPSC__TELEMETRY__LISTEN) to another port"
            ),
        )
    })?;
    let system = Arc::new(status::System::new(Arc::clone(shared)));
    let (stop, stopped) = oneshot::channel();
    let server = shared.runtime.spawn(async move {
        let served = api::serve_telemetry(listener, system, async {
            let _ = stopped.await;
        });
        if let Err(error) = served.await {
            tracing::error!(%error, "metrics are not served any more");
        }
    });
    tracing::info!("metrics at http://{listen}/metrics");
    Ok(Some(Telemetry { stop, server }))
}
