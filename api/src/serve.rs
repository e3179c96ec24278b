//! Serving the router on a socket: bounded in connections, and in how long a client may dawdle.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::ports::System;
use crate::router::{router, telemetry};
use crate::state::ApiState;

/// A client has so long to send the head of a request, the next one of a connection too.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// Requests that have begun are given so long at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Who reads metrics and health of one process at a time, at most.
const MAX_SCRAPERS: usize = 64;
/// After a failed accept (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `shutdown` is over; then ends live streams and gives requests that have begun 10 s.
///
/// # Errors
/// When the listening socket has no address; single connections fail by themselves.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let live = state.live.clone();
    let most = state.config.max_connections;
    accept(listener, router(state), most, shutdown, move || live.close()).await
}

/// Serves `/metrics`, `/healthz` and `/readyz` of any process, without sign-in, until `shutdown`
/// is over.
///
/// # Errors
/// As [`serve`].
pub async fn serve_telemetry(
    listener: TcpListener,
    system: Arc<dyn System>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    accept(listener, telemetry(system), MAX_SCRAPERS, shutdown, || {}).await
}

async fn accept(
    listener: TcpListener,
    router: Router,
    most: usize,
    shutdown: impl Future<Output = ()> + Send,
    ending: impl FnOnce() + Send,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let free = Arc::new(Semaphore::new(most.max(1)));
    let connections = GracefulShutdown::new();
    tracing::info!(%address, "listening");
    let mut shutdown = pin!(shutdown);
    loop {
        // Beyond the limit clients wait in the kernel's queue.
        let turn = Arc::clone(&free).acquire_owned();
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = async { (turn.await, listener.accept().await) } => accepted,
        };
        match accepted {
            (Ok(permit), Ok((stream, peer))) => {
                let connection = connection(&router, stream, peer, &connections);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            (Err(_), _) => break,
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    ending();
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!(
            "requests were cut off: they were not done {DRAIN_TIMEOUT:?} after the stop"
        );
    }
    Ok(())
}

fn connection(
    router: &Router,
    stream: TcpStream,
    peer: SocketAddr,
    connections: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    // An event must not wait for the next one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = router.clone().map_request(move |request: hyper::Request<_>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let watched = connections.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, %peer, "connection ended");
        }
    }
}
