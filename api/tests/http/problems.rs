//! Every error has the one shape.

use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::{TOKEN, request, with_api};

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_error_has_the_one_shape() {
    with_api(async |test| {
        let nobody = "/inventory/v1/devices/6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        for (method, path, status, kind) in [
            ("GET", "/inventory/v1/nothing", 404, "not-found"),
            ("POST", "/monitoring/v2/x", 404, "not-found"),
            ("GET", "/subjects/x", 404, "not-found"),
            ("GET", "/associations/resources/-/anomaly", 404, "not-found"),
            ("GET", "/app.js", 404, "not-found"),
            ("GET", nobody, 404, "not-found"),
            ("GET", "/inventory/v1/devices/no-id", 404, "not-found"),
            ("GET", "/inventory/v1/devices/%ff", 400, "malformed"),
            ("GET", "/monitoring/v1/series/1/samples", 404, "not-found"),
            ("GET", "/schemas/ids/7", 404, "not-found"),
            ("GET", "/schemas/ids/x", 404, "not-found"),
            ("DELETE", "/credentials/v1/credentials/none", 404, "not-found"),
            ("PATCH", "/inventory/v1/devices", 405, "method-not-allowed"),
            ("POST", "/", 405, "method-not-allowed"),
            ("TRACE", "/healthz", 405, "method-not-allowed"),
            ("GET", "/inventory/v1/devices?sort=colour", 422, "invalid-fields"),
            ("GET", "/inventory/v1/devices?q=a%00b", 422, "invalid-fields"),
            ("POST", "/inventory/v1/devices", 415, "not-json"),
        ] {
            let answer = test.call(method, path, None).await;
            let problem = answer.problem(status, kind);
            assert_eq!(problem["instance"], path.split('?').next().unwrap());
            if status == 405 && path != "/" {
                assert!(answer.headers.contains_key(header::ALLOW), "{method} {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read() {
    with_api(async |test| {
        let post = async |body: Body, kind: &str| {
            let request = request("POST", "/inventory/v1/devices")
                .header("authorization", format!("Bearer {TOKEN}"))
                .header(header::CONTENT_TYPE, kind)
                .body(body)
                .unwrap();
            test.send(request).await
        };
        let json = "application/json; charset=utf-8";
        post(Body::from("{\"address\":"), json).await.problem(400, "malformed");
        post(Body::from("[]"), json).await.problem(400, "malformed");
        post(Body::from(vec![0xff, 0xfe]), json).await.problem(400, "malformed");
        post(Body::from("{}"), "text/plain").await.problem(415, "not-json");
        post(Body::from(" ".repeat(64 * 1024 + 1)), json).await.problem(413, "too-large");
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        post(Body::from(deep), json).await.problem(400, "malformed");
    })
    .await;
}

/// A cursor is opaque to clients, not to those who mean harm.
#[tokio::test]
async fn a_cursor_that_was_made_up_is_refused() {
    with_api(async |test| {
        let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        for (path, key) in [
            ("/inventory/v1/devices", json!(["state", [0, "a\u{0}b", id]])),
            ("/inventory/v1/devices", json!(["state", [0, "a", "no id"]])),
            ("/monitoring/v1/anomalies", json!(["onset", [0, "a\u{0}b"]])),
            ("/monitoring/v1/anomalies", json!(["onset", [-8_000_000_000_000_000_i64, "a"]])),
            ("/monitoring/v1/anomalies", json!(["onset", [i64::MAX, "a"]])),
        ] {
            let cursor = URL_SAFE_NO_PAD.encode(key.to_string());
            let answer = test.call("GET", &format!("{path}?cursor={cursor}"), None).await;
            let problem = answer.problem(422, "invalid-fields");
            assert_eq!(fields(problem), ["cursor"], "{path} {key}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    with_api(async |test| {
        let body = json!({"address": "no name", "port": 70_000, "colour": "red", "enabled": 1});
        let answer = test.call("POST", "/inventory/v1/devices", Some(body)).await;
        let problem = answer.problem(422, "invalid-fields");
        assert_eq!(fields(problem), ["address", "port", "enabled", "colour"]);

        let body = json!({"address": "192.0.2.1", "profile": "x", "credential": "none"});
        let answer = test.call("POST", "/inventory/v1/devices", Some(body)).await;
        assert_eq!(fields(answer.problem(422, "invalid-fields")), ["profile", "credential"]);

        // What could only ever be degraded is refused, new or changed.
        let id = test.add("router", "192.0.2.7").await;
        let own = format!("/inventory/v1/devices/{id}");
        for (method, path) in [("POST", "/inventory/v1/devices"), ("PUT", own.as_str())] {
            let body = json!({"address": "192.0.2.8", "snmp": true, "credential": null});
            let answer = test.call(method, path, Some(body)).await;
            assert_eq!(fields(answer.problem(422, "invalid-fields")), ["credential"]);
            let body = json!({"address": "192.0.2.8", "snmp": true, "credential": ""});
            let answer = test.call(method, path, Some(body)).await;
            assert_eq!(fields(answer.problem(422, "invalid-fields")), ["credential"]);
        }
        // Without a word about it, SNMP is asked where there is a credential.
        assert_eq!(test.get(&own).await["snmp"], false);

        let answer = test.call("GET", "/monitoring/v1/anomalies?open=1&limit=0&x=1", None).await;
        assert_eq!(fields(answer.problem(422, "invalid-fields")), ["open", "limit", "x"]);

        let path = "/credentials/v1/credentials/lab";
        // Which fields there are depends on the kind.
        let body = json!({"kind": "snmp_v2c", "community": "", "colour": 1});
        let answer = test.call("PUT", path, Some(body)).await;
        assert_eq!(fields(answer.problem(422, "invalid-fields")), ["community", "colour"]);
        let answer = test.call("PUT", path, Some(json!({"kind": "telnet", "community": ""}))).await;
        assert_eq!(fields(answer.problem(422, "invalid-fields")), ["kind"]);
        assert!(!answer.text.contains("telnet"), "what was sent is not echoed: {}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_away_is_reported_as_such() {
    with_api(async |test| {
        test.pool.close().await;
        for path in ["/inventory/v1/devices", "/inventory/v1/summary"] {
            let answer = test.call("GET", path, None).await;
            answer.problem(503, "unavailable");
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
        }
        assert_eq!(test.call("GET", "/healthz", None).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_fault_of_ours_reveals_nothing_of_the_inside() {
    with_api(async |test| {
        test.sql("DROP TABLE device_latest CASCADE").await;
        let answer = test.call("GET", "/inventory/v1/devices", None).await;
        answer.problem(500, "internal");
        assert!(!answer.text.contains("device_latest"), "{}", answer.text);
    })
    .await;
}

/// Time is moved by hand only around the wait, for the pool's own timers must run.
#[tokio::test]
async fn what_takes_too_long_is_ended() {
    with_api(async |test| {
        let mut lock = test.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE device").execute(&mut *lock).await.unwrap();
        let request = test.call("GET", "/inventory/v1/summary", None);
        let hurry = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(31)).await;
            tokio::time::resume();
        };
        let (answer, ()) = tokio::join!(request, hurry);
        answer.problem(504, "timeout");
        lock.rollback().await.unwrap();
    })
    .await;
}
