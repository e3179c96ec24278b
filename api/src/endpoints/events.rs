//! GET /monitoring/v1/events: what happens, while it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use schemas::DeviceId;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::devices;
use crate::families;
use crate::http::{ApiError, Fields, FromFields, Query};
use crate::live::{Seat, Wanted, encode};
use crate::state::ApiState;

/// Who misses two of them knows that the line is dead, within 12 s.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A stream ends then and the browser comes back by itself: the session is checked again.
const MAX_STREAM: Duration = Duration::from_secs(15 * 60);

pub(crate) struct EventsQuery(Wanted);

impl FromFields for EventsQuery {
    fn read(fields: &mut Fields) -> Self {
        let log = fields.flag("log").unwrap_or(false);
        Self(Wanted { device: fields.id::<DeviceId>("device"), log })
    }
}

/// Live events
///
/// Server-sent events. `anomaly`: an AnomalyItem and its `transition` (onset, change, clear);
/// `status`: {device, state, since, reason}; with `device`, also `samples`: {device, at, series:
/// {series id: value}}; with `log=true`, also `log`: a LogLine; `reset`: events were missed, load
/// afresh. A comment every 5 s. The stream ends after 15 minutes; browsers come back by themselves
/// and miss nothing, also of another API process on the same event log, which may send events of the
/// last ten seconds again. Samples and lines of the log are not sent again.
#[utoipa::path(get, path = "/monitoring/v1/events", tag = "monitoring",
    operation_id = "streamEvents",
    params(
        ("device" = Option<String>, Query,
            pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            description = "Also the samples of this device"),
        ("log" = Option<bool>, Query, description = "Also warnings and errors of all processes"),
        ("Last-Event-ID" = Option<String>, Header, max_length = 64,
            description = "Id of the last event seen: what came since is sent first")),
    responses(
        (status = 200, description = "Events without end", body = String,
            content_type = "text/event-stream"),
        (status = 503, description = "Too many viewers; try again later")))]
pub(crate) async fn events(
    State(state): State<ApiState>,
    Query(EventsQuery(wanted)): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(device) = wanted.device {
        devices::exists(&state.pool, device).await?;
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seat = state.live.watch(wanted, last, state.config.max_viewers).ok_or_else(|| {
        families::VIEWERS_REFUSED.add([], 1);
        ApiError::Unavailable(format!(
            "{} viewers are watching already, which is the most",
            state.config.max_viewers
        ))
    })?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would collect events otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, HttpBody::from_stream(stream(seat))).into_response())
}

struct Viewer {
    seat: Seat,
    heartbeat: Interval,
    ends: Instant,
    greeted: bool,
}

fn stream(seat: Seat) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ends = Instant::now() + MAX_STREAM;
    let viewer = Viewer { seat, heartbeat, ends, greeted: false };
    futures::stream::unfold(viewer, |mut viewer| async move {
        let bytes = viewer.next().await?;
        Some((Ok(bytes), viewer))
    })
}

fn reset(id: &str, why: &str) -> Bytes {
    encode("reset", Some(id), &json!({ "reason": why }))
}

impl Viewer {
    /// The next bytes to send; none: the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            // Something at once, so that the browser knows that the stream is open.
            return Some(self.greeting());
        }
        if let Some(frame) = self.seat.missed.pop_front() {
            return Some(frame);
        }
        let Seat { all, samples, log, closed, .. } = &mut self.seat;
        let received = tokio::select! {
            biased;
            () = until_closed(closed) => return None,
            () = tokio::time::sleep_until(self.ends) => return None,
            event = all.recv() => event,
            bytes = receive(samples) => bytes,
            bytes = receive(log) => bytes,
            _ = self.heartbeat.tick() => Ok(Bytes::from_static(b": still here\n\n")),
        };
        match received {
            Ok(bytes) => Some(bytes),
            Err(RecvError::Lagged(missed)) => Some(self.catch_up(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    fn greeting(&self) -> Bytes {
        if self.seat.lost {
            return reset(&self.seat.at, "too long away");
        }
        if !self.seat.missed.is_empty() {
            return Bytes::from_static(b": hello\n\n");
        }
        // An id without an event sets where to resume from, though nothing has happened yet.
        Bytes::from(format!("id: {}\n: hello\n\n", self.seat.at))
    }

    /// Forgets what is waiting: a viewer that loads afresh needs none of it.
    fn catch_up(&mut self, missed: u64) -> Bytes {
        families::EVENTS_SKIPPED.add([], missed);
        families::VIEWERS_RESET.add([], 1);
        self.seat.all = self.seat.all.resubscribe();
        self.seat.samples = self.seat.samples.as_ref().map(|samples| samples.resubscribe());
        self.seat.log = self.seat.log.as_ref().map(|log| log.resubscribe());
        reset(&self.seat.live().newest_id(), "too slow")
    }
}

async fn until_closed(closed: &mut watch::Receiver<bool>) {
    // An error means that the hub is gone, which ends the stream as well.
    let _ = closed.wait_for(|closed| *closed).await;
}

async fn receive(
    channel: &mut Option<tokio::sync::broadcast::Receiver<Bytes>>,
) -> Result<Bytes, RecvError> {
    match channel {
        Some(channel) => channel.recv().await,
        None => std::future::pending().await,
    }
}
