use std::time::Duration;

use api::{ApiConfig, LiveEvent, LogPlace};
use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use schemas::{Anomaly, Availability, DeviceId, DeviceStatus, MetricBatch, SeriesId, Transition};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{TOKEN, Test, request, with_api, with_config};
use crate::memory;

struct Viewer(BodyDataStream);

/// An event: id, kind, data.
type Event = (Option<String>, String, Value);

impl Viewer {
    async fn open(test: &Test, query: &str, last: Option<&str>) -> Self {
        let mut builder = request("GET", &format!("/monitoring/v1/events{query}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("accept-encoding", "gzip");
        if let Some(last) = last {
            builder = builder.header("last-event-id", last);
        }
        let request = builder.body(Body::empty()).unwrap();
        let response = test.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self(response.into_body().into_data_stream())
    }

    async fn chunk(&mut self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_secs(5), self.0.next());
        let bytes = next.await.expect("nothing came for 5 s")?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The next event; comments are passed over.
    async fn event(&mut self) -> Event {
        loop {
            let chunk = self.chunk().await.expect("the stream ended");
            assert!(chunk.ends_with("\n\n"), "{chunk}");
            let field = |name: &str| {
                chunk
                    .lines()
                    .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                    .map(str::to_owned)
            };
            if let Some(kind) = field("event") {
                let data = serde_json::from_str(&field("data").unwrap()).unwrap();
                return (field("id"), kind, data);
            }
        }
    }
}

fn device(n: u128) -> DeviceId {
    DeviceId(uuid::Uuid::from_u128(n))
}

fn status(n: u128, since: i64) -> DeviceStatus {
    DeviceStatus {
        tenant: "default".to_owned(),
        device: device(n),
        state: Availability::Down,
        since,
        at: since,
        reason: "no answer".to_owned(),
    }
}

/// Where an event lies does not matter to who stays with one process.
fn place() -> LogPlace {
    LogPlace { topic: 's', partition: 0, offset: 0, at_ms: 0 }
}

fn anomaly(transition: Transition) -> Anomaly {
    Anomaly {
        tenant: "default".to_owned(),
        id: "a".to_owned(),
        transition,
        device: device(1),
        device_name: "router".to_owned(),
        series: SeriesId(-1),
        metric: "m".to_owned(),
        instance: "line\nbreak".to_owned(),
        unit: "bps".to_owned(),
        onset_at: 5,
        at: 9,
        value: 1.0,
        expected: f64::NAN,
        lower: 0.0,
        upper: 2.0,
        score: 3.0,
        method: "ewma".to_owned(),
        version: 1,
        onset_value: None,
        onset_expected: None,
        onset_lower: None,
        onset_upper: None,
        peak_at: None,
        peak_value: None,
        peak_expected: None,
        peak_lower: None,
        peak_upper: None,
    }
}

#[tokio::test]
async fn events_arrive_in_the_shape_promised() {
    with_api(async |test| {
        let mut viewer = Viewer::open(&test, "", None).await;
        viewer.chunk().await.unwrap();
        test.live.publish(LiveEvent::Status(&status(1, 7), place()));
        test.live.publish(LiveEvent::Anomaly(&anomaly(Transition::Onset), place()));
        test.live.publish(LiveEvent::Anomaly(&anomaly(Transition::Clear), place()));
        let (id, kind, data) = viewer.event().await;
        assert_eq!((id.is_some(), kind.as_str()), (true, "status"));
        assert_eq!(
            data,
            json!({"device": device(1).to_string(), "state": "down", "since": 7,
            "reason": "no answer"})
        );
        let (_, kind, data) = viewer.event().await;
        assert_eq!((kind.as_str(), &data["transition"]), ("anomaly", &json!("onset")));
        assert_eq!(
            (&data["instance"], &data["series"]),
            (&json!("line\nbreak"), &json!("f".repeat(16)))
        );
        assert_eq!((&data["cleared_at"], &data["expected"]), (&Value::Null, &json!(0.0)));
        let (_, _, data) = viewer.event().await;
        assert_eq!((&data["transition"], &data["cleared_at"]), (&json!("clear"), &json!(9)));
    })
    .await;
}

#[tokio::test]
async fn samples_go_to_those_who_watch_the_device() {
    with_api(async |test| {
        let id = test.add("router", "192.0.2.1").await;
        let watched: DeviceId = id.parse().unwrap();
        let batch = |device: DeviceId| MetricBatch {
            tenant: "default".to_owned(),
            device,
            at: 3,
            series: vec![SeriesId(1)],
            at_ms: vec![0],
            values: vec![2.5],
            flags: vec![],
            gaps: vec![],
            interval_ms: 0,
            connector: String::new(),
            answered: true,
        };
        let mut other = Viewer::open(&test, "", None).await;
        let mut viewer = Viewer::open(&test, &format!("?device={id}"), None).await;
        assert!(test.live.watches(watched) && !test.live.watches(device(9)));
        assert_eq!(test.live.viewers(), 2);
        test.live.publish(LiveEvent::Samples(&batch(device(9))));
        test.live.publish(LiveEvent::Samples(&batch(watched)));
        let (event_id, kind, data) = viewer.event().await;
        assert_eq!((event_id, kind.as_str()), (None, "samples"));
        assert_eq!(data, json!({"device": id, "at": 3, "series": {"0000000000000001": 2.5}}));
        test.live.publish(LiveEvent::Status(&status(1, 1), place()));
        assert_eq!(other.event().await.1, "status");
        drop(viewer);
        assert!(!test.live.watches(watched));
        assert_eq!(test.live.viewers(), 1);
        let path = "/monitoring/v1/events?device=6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        test.call("GET", path, None).await.problem(404, "not-found");
        test.call("GET", "/monitoring/v1/events?device=x", None)
            .await
            .problem(422, "invalid-fields");
    })
    .await;
}

#[tokio::test]
async fn who_comes_back_misses_nothing() {
    with_api(async |test| {
        let mut viewer = Viewer::open(&test, "", None).await;
        for n in 0..3 {
            test.live.publish(LiveEvent::Status(&status(1, n), place()));
        }
        let (first, ..) = viewer.event().await;
        drop(viewer);
        test.live.publish(LiveEvent::Status(&status(1, 3), place()));
        let mut back = Viewer::open(&test, "", first.as_deref()).await;
        test.live.publish(LiveEvent::Status(&status(1, 4), place()));
        for n in 1..=4 {
            assert_eq!(back.event().await.2["since"], n);
        }
        // Up to date: nothing is sent twice.
        let (last, ..) = {
            test.live.publish(LiveEvent::Status(&status(1, 5), place()));
            back.event().await
        };
        let mut again = Viewer::open(&test, "", last.as_deref()).await;
        test.live.publish(LiveEvent::Status(&status(1, 6), place()));
        assert_eq!(again.event().await.2["since"], 6);
    })
    .await;
}

#[tokio::test]
async fn who_was_away_too_long_loads_afresh() {
    with_api(async |test| {
        let mut viewer = Viewer::open(&test, "", None).await;
        test.live.publish(LiveEvent::Status(&status(1, 0), place()));
        let (first, ..) = viewer.event().await;
        let first = first.unwrap();
        for n in 0..5_000 {
            test.live.publish(LiveEvent::Status(&status(1, n), place()));
        }
        // Of another process long ago, from the future, nonsense, and fallen out of the ring.
        let run = first.split_once('-').unwrap().0;
        let future = format!("{run}-99999-0-s0-0");
        for last in ["00000000-1-0-s0-0", &future, "x", &first] {
            let mut viewer = Viewer::open(&test, "", Some(last)).await;
            let (id, kind, data) = viewer.event().await;
            assert_eq!(
                (kind.as_str(), &data["reason"]),
                ("reset", &json!("too long away")),
                "{last}"
            );
            assert!(id.unwrap().starts_with(&format!("{run}-5001-")));
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_viewer_has_to_load_afresh() {
    with_api(async |test| {
        let mut viewer = Viewer::open(&test, "", None).await;
        viewer.chunk().await.unwrap();
        for n in 0..3_000 {
            test.live.publish(LiveEvent::Status(&status(1, n), place()));
        }
        let (id, kind, data) = viewer.event().await;
        assert_eq!((kind.as_str(), &data["reason"]), ("reset", &json!("too slow")));
        assert!(id.unwrap().contains("-3000-"));
        test.live.publish(LiveEvent::Status(&status(1, 3_000), place()));
        assert_eq!(viewer.event().await.2["since"], 3_000);
    })
    .await;
}

#[tokio::test]
async fn the_audience_is_bounded_and_ends_with_the_process() {
    let config = ApiConfig { max_viewers: 2, ..ApiConfig::default() };
    with_config(config, memory::ports, async |test| {
        let mut first = Viewer::open(&test, "", None).await;
        let second = Viewer::open(&test, "", None).await;
        let refused = test.call("GET", "/monitoring/v1/events", None).await;
        refused.problem(503, "unavailable");
        drop(second);
        let mut third = Viewer::open(&test, "", None).await;
        test.live.close();
        first.chunk().await.unwrap();
        assert_eq!(first.chunk().await, None);
        third.chunk().await.unwrap();
        assert_eq!(third.chunk().await, None);
    })
    .await;
}

#[tokio::test]
async fn silence_has_a_heartbeat_and_an_end() {
    with_api(async |test| {
        let mut viewer = Viewer::open(&test, "", None).await;
        viewer.chunk().await.unwrap();
        tokio::time::pause();
        let started = tokio::time::Instant::now();
        let mut beats = 0;
        let mut last = started;
        while let Some(Ok(bytes)) = viewer.0.next().await {
            assert_eq!(bytes, ": still here\n\n");
            // A page takes two missed ones for a dead line.
            assert!(last.elapsed().as_secs() <= 5, "{:?} without a sign", last.elapsed());
            last = tokio::time::Instant::now();
            beats += 1;
        }
        assert_eq!(beats, 179);
        // It began a moment before the first chunk came.
        let lasted = started.elapsed().as_secs();
        assert!((15 * 60 - 1..=15 * 60).contains(&lasted), "{lasted} s");
        tokio::time::resume();
    })
    .await;
}

/// Another process has seen the same records, in another order.
#[tokio::test]
async fn who_comes_from_another_process_goes_on_without_a_reset() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let at_ms = i64::try_from(now.as_millis()).unwrap() + 60_000;
    let place = |partition, offset| LogPlace { topic: 's', partition, offset, at_ms };
    with_api(async |one| {
        let mut viewer = Viewer::open(&one, "", None).await;
        one.live.publish(LiveEvent::Status(&status(1, 1), place(0, 7)));
        let (last, ..) = viewer.event().await;
        with_api(async |other| {
            other.live.publish(LiveEvent::Status(&status(2, 2), place(1, 3)));
            other.live.publish(LiveEvent::Status(&status(1, 1), place(0, 7)));
            other.live.publish(LiveEvent::Status(&status(1, 3), place(0, 8)));
            let mut back = Viewer::open(&other, "", last.as_deref()).await;
            other.live.publish(LiveEvent::Status(&status(1, 4), place(0, 9)));
            for since in [2, 3, 4] {
                let (_, kind, data) = back.event().await;
                assert_eq!((kind.as_str(), &data["since"]), ("status", &json!(since)));
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn lines_of_the_log_go_to_those_who_want_them() {
    with_api(async |test| {
        let mut other = Viewer::open(&test, "", None).await;
        assert!(!test.live.watches_log());
        let mut viewer = Viewer::open(&test, "?log=true", None).await;
        assert!(test.live.watches_log());
        let line = schemas::ProcessLog {
            instance: "connect@a".to_owned(),
            at: 5,
            level: "warn".to_owned(),
            component: "connect poller".to_owned(),
            target: "pipeline::run".to_owned(),
            message: "built again".to_owned(),
            fields: vec![schemas::LogField { name: "error".into(), value: "away".into() }],
            suppressed: 2,
        };
        test.live.publish(LiveEvent::Log(&line));
        let (id, kind, data) = viewer.event().await;
        assert_eq!((id, kind.as_str()), (None, "log"));
        let expected = json!({"at": 5, "instance": "connect@a", "level": "warn",
            "component": "connect poller", "target": "pipeline::run", "message": "built again",
            "fields": {"error": "away"}, "suppressed": 2});
        assert_eq!(data, expected);
        test.live.publish(LiveEvent::Status(&status(1, 1), place()));
        assert_eq!(other.event().await.1, "status");
        drop(viewer);
        assert!(!test.live.watches_log());
    })
    .await;
}
