use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use api::{ApiConfig, PollerTiming, PortError, PortFuture, System, SystemStatus};
use axum::body::Body;
use axum::http::header;
use schemas::{SchemaStore, shipped};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::harness::{TOKEN, request, with_api, with_config};
use crate::memory;

#[tokio::test]
async fn credentials_go_in_and_do_not_come_out() {
    with_api(async |test| {
        let path = "/credentials/v1/credentials/lab-v2c";
        let canary = "canary-7f3a";
        let body = json!({"kind": "snmp_v2c", "community": canary});
        let put = test.call("PUT", path, Some(body.clone())).await;
        assert_eq!(put.status, 200, "{}", put.text);
        let device = json!({"address": "192.0.2.1", "credential": "lab-v2c"});
        let device = test.call("POST", "/inventory/v1/devices", Some(device)).await;
        assert_eq!(device.status, 201, "{}", device.text);
        let list = test.get("/credentials/v1/credentials").await;
        assert_eq!(
            list,
            json!({"items": [{"name": "lab-v2c", "kind": "snmp_v2c", "created_at": 1,
            "updated_at": 2, "devices": 1, "used_by": ["192.0.2.1"]}]})
        );
        assert!(!put.text.contains(canary));
        let used = test.call("DELETE", path, None).await;
        assert!(used.problem(409, "conflict")["detail"].as_str().unwrap().contains("192.0.2.1"));
        let device = device.json["id"].as_str().unwrap();
        test.call("DELETE", &format!("/inventory/v1/devices/{device}"), None).await;
        assert_eq!(test.call("DELETE", path, None).await.status, 204);
        test.call("DELETE", path, None).await.problem(404, "not-found");
        let kinds = test.get("/credentials/v1/kinds").await;
        assert_eq!(kinds["items"][0]["fields"][0]["name"], "community", "{kinds}");
        let other = json!({"kind": "ssh", "user": "u", "method": "password", "password": canary});
        let refused = test.call("PUT", path, Some(other)).await;
        let problem = refused.problem(422, "invalid-fields");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("not yet usable") && !refused.text.contains(canary), "{detail}");
        for name in ["-x", "a%20b", "a%2Fb", &"x".repeat(101)] {
            let path = format!("/credentials/v1/credentials/{name}");
            test.call("PUT", &path, Some(body.clone())).await.problem(422, "invalid-fields");
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_replaced_on_purpose_only() {
    with_api(async |test| {
        let path = "/credentials/v1/credentials";
        let new = |name: &str| json!({"name": name, "kind": "snmp_v2c", "community": "canary-5d"});
        let made = test.call("POST", path, Some(new("lab"))).await;
        assert_eq!(
            (made.status.as_u16(), &made.json["name"]),
            (201, &json!("lab")),
            "{}",
            made.text
        );
        let again = test.call("POST", path, Some(new("lab"))).await;
        let problem = again.problem(409, "conflict");
        assert_eq!(problem["errors"][0]["field"], "name", "{}", again.text);
        assert!(!made.text.contains("canary") && !again.text.contains("canary"));
        assert_eq!(test.get(path).await["items"].as_array().unwrap().len(), 1);
        let body = json!({"kind": "snmp_v2c", "community": "other"});
        let replaced = test.call("PUT", &format!("{path}/lab"), Some(body)).await;
        assert_eq!(replaced.status, 200, "{}", replaced.text);
        for name in ["-x", "a b", "", &"x".repeat(101)] {
            test.call("POST", path, Some(new(name))).await.problem(422, "invalid-fields");
        }
        let body = json!({"kind": "snmp_v2c", "community": "c"});
        test.call("POST", path, Some(body)).await.problem(422, "invalid-fields");
    })
    .await;
}

#[tokio::test]
async fn a_device_is_tried_before_it_is_saved() {
    with_api(async |test| {
        let path = "/inventory/v1/device-tests";
        let found = test.call("POST", path, Some(json!({"address": "192.0.2.1"}))).await;
        assert_eq!((&found.json["sys_name"], found.status.as_u16()), (&json!("lab"), 200));
        let silent = test.call("POST", path, Some(json!({"address": "192.0.2.99"}))).await;
        assert_eq!(silent.status, 200);
        assert_eq!(
            (&silent.json["steps"][1]["ok"], &silent.json["sys_name"]),
            (&json!(false), &Value::Null)
        );
        test.call("POST", path, Some(json!({}))).await.problem(422, "invalid-fields");
        assert_eq!(test.get("/inventory/v1/profiles").await, json!({"items": ["auto", "generic"]}));
    })
    .await;
}

#[tokio::test]
async fn the_slowest_device_is_named_first() {
    with_api(async |test| {
        let all = test.get("/automation/v1/pollers").await;
        let durations: Vec<_> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["last_duration_ms"].clone())
            .collect();
        assert_eq!(durations, [json!(90), json!(5), Value::Null]);
        let one = test.get("/automation/v1/pollers?limit=1").await;
        assert_eq!((one["items"].as_array().unwrap().len(), &one["total"]), (1, &json!(3)));
        let slowest = &all["items"][0];
        let device = slowest["device"].as_str().unwrap();
        let of_one = test.get(&format!("/automation/v1/pollers?device={device}")).await;
        assert_eq!(of_one, json!({"items": [slowest], "total": 1}));
    })
    .await;
}

#[tokio::test]
async fn schemas_are_read_as_from_a_registry() {
    with_api(async |test| {
        let subjects = test.get("/subjects").await;
        assert!(subjects.as_array().unwrap().contains(&json!("net.opsconductor.Anomaly")));
        let latest = test.get("/subjects/net.opsconductor.Anomaly/versions/latest").await;
        assert_eq!((&latest["version"], &latest["schemaType"]), (&json!(1), &json!("AVRO")));
        let by_id = test.get(&format!("/schemas/ids/{}?fetchMaxId=false", latest["id"])).await;
        assert_eq!(by_id["schema"], latest["schema"]);
        let schema: Value = serde_json::from_str(by_id["schema"].as_str().unwrap()).unwrap();
        assert_eq!(schema["name"], "Anomaly");
        let subject = "/subjects/net.opsconductor.Anomaly/versions";
        assert_eq!(test.get(subject).await, json!([1]));
        assert_eq!(test.get(&format!("{subject}/1")).await, latest);
        let refused = [
            ("/schemas/ids/4711".to_owned(), 40403),
            ("/subjects/none/versions".to_owned(), 40401),
            (format!("{subject}/2"), 40402),
            (format!("{subject}/0"), 42202),
        ];
        for (path, code) in refused {
            let answer = test.call("GET", &path, None).await;
            assert_eq!(u64::from(answer.status.as_u16()), code / 100, "{}", answer.text);
            assert_eq!(answer.json["error_code"], code, "{}", answer.text);
            assert_eq!(answer.json["message"], answer.json["detail"]);
            assert_eq!(answer.json["instance"], path.as_str());
        }
    })
    .await;
}

/// A process whose log has a newer writer's schema, which is learned by looking.
struct Newer {
    system: Arc<dyn System>,
    store: Arc<OnceLock<SchemaStore>>,
}

const NEWER: &str = r#"{"type": "record", "name": "Anomaly", "namespace": "net.opsconductor",
    "fields": []}"#;

impl System for Newer {
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>> {
        self.system.status()
    }

    fn ready(&self, alone: bool) -> PortFuture<'_, Result<(), String>> {
        self.system.ready(alone)
    }

    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>> {
        let store = self.store.get().unwrap();
        for schema in shipped() {
            store.publish(schema.id);
        }
        store.learn(77, NEWER).unwrap();
        store.publish(77);
        Box::pin(async { Ok(()) })
    }

    fn pollers(&self) -> PortFuture<'_, Result<Vec<PollerTiming>, PortError>> {
        self.system.pollers()
    }

    fn metrics(&self) -> String {
        self.system.metrics()
    }
}

#[tokio::test]
async fn a_schema_that_a_newer_process_published_is_found() {
    let store = Arc::new(OnceLock::new());
    let ports = |pool: &sqlx::PgPool| {
        let ports = memory::ports(pool);
        let system = Newer { system: ports.system, store: Arc::clone(&store) };
        api::Ports { system: Arc::new(system), ..ports }
    };
    with_config(api::ApiConfig::default(), ports, async |test| {
        assert!(store.set(test.schemas.clone()).is_ok());
        assert_eq!(test.get("/schemas/ids/77").await["schema"], NEWER);
        let subject = "/subjects/net.opsconductor.Anomaly/versions";
        assert_eq!(test.get(subject).await, json!([1, 2]));
        let latest = test.get(&format!("{subject}/latest")).await;
        assert_eq!((&latest["id"], &latest["version"]), (&json!(77), &json!(2)));
        assert_ne!(test.get(&format!("{subject}/1")).await["id"], json!(77));
    })
    .await;
}

#[tokio::test]
async fn system_health_metrics_and_document() {
    with_api(async |test| {
        assert_eq!(test.get("/system/v1/status").await["log"]["kind"], "memory");
        assert_eq!(test.get("/healthz").await, json!({"status": "ok"}));
        assert_eq!(test.get("/readyz").await, json!({"status": "ok"}));
        let metrics = test.call("GET", "/metrics", None).await;
        assert!(metrics.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
        assert_eq!(test.get("/openapi.json").await["openapi"], "3.1.0");
    })
    .await;
}

#[tokio::test]
async fn pages_are_open_hardened_and_cached_as_they_should_be() {
    with_api(async |test| {
        let open =
            async |path: &str| test.send(request("GET", path).body(Body::empty()).unwrap()).await;
        for path in ["/", "/devices/x", "/docs", "/docs/docs.js", "/docs/docs.css"] {
            let page = open(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'")
            );
            assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_ne!(page.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        }
        assert!(open("/").await.text.contains("<html"));
        assert!(
            !open("/docs").await.text.contains("http://")
                && !open("/docs").await.text.contains("//cdn")
        );
        open("/api/nosuch").await.problem(404, "not-found");
        open("/docs/x").await.problem(404, "not-found");
        open("/assets/none.js").await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn large_answers_are_compressed() {
    with_api(async |test| {
        for encoding in ["gzip", "br"] {
            let request = request("GET", "/openapi.json")
                .header("authorization", format!("Bearer {TOKEN}"))
                .header(header::ACCEPT_ENCODING, encoding)
                .body(Body::empty())
                .unwrap();
            let answer = test.send(request).await;
            assert_eq!(answer.headers[header::CONTENT_ENCODING], encoding);
        }
        let plain = test.call("GET", "/openapi.json", None).await;
        assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    })
    .await;
}

async fn ask(address: std::net::SocketAddr, path: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = [0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut bytes));
    let read = read.await.expect("no answer for 5 s").unwrap();
    (stream, String::from_utf8_lossy(&bytes[..read]).into_owned())
}

#[tokio::test]
async fn the_server_stops_though_somebody_watches() {
    with_api(async |test| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(api::serve(listener, test.state.clone(), async {
            let _ = stopped.await;
        }));
        let (_, answer) = ask(address, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (mut viewer, answer) = ask(address, "/monitoring/v1/events").await;
        assert!(answer.contains("text/event-stream"), "{answer}");
        let started = Instant::now();
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        let mut rest = Vec::new();
        viewer.read_to_end(&mut rest).await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    })
    .await;
}

/// A system in which nobody computes.
struct Uncomputed(Arc<dyn System>);

impl System for Uncomputed {
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>> {
        self.0.status()
    }

    fn ready(&self, alone: bool) -> PortFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let missing = "no process of role process reads poll[0]".to_owned();
            if alone { Ok(()) } else { Err(missing) }
        })
    }

    fn uncomputed_since(&self) -> Option<i64> {
        Some(5_000)
    }

    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>> {
        self.0.refresh_schemas()
    }

    fn pollers(&self) -> PortFuture<'_, Result<Vec<PollerTiming>, PortError>> {
        self.0.pollers()
    }

    fn metrics(&self) -> String {
        self.0.metrics()
    }
}

#[tokio::test]
async fn what_nobody_computes_is_not_shown_as_if_it_were_now() {
    let ports = |pool: &sqlx::PgPool| {
        let ports = memory::ports(pool);
        let system = Arc::new(Uncomputed(Arc::clone(&ports.system))) as Arc<dyn System>;
        api::Ports { system, ..ports }
    };
    with_config(ApiConfig::default(), ports, async |test| {
        let device = json!({"address": "192.0.2.7", "snmp": false, "icmp": true});
        let made = test.call("POST", "/inventory/v1/devices", Some(device)).await;
        let id: sqlx::types::Uuid = made.json["id"].as_str().unwrap().parse().unwrap();
        sqlx::query(
            "INSERT INTO device_status (device, state, since, at, reason)
             VALUES ($1, 'up', now(), now(), 'answers')
             ON CONFLICT (device) DO UPDATE SET state = 'up', reason = 'answers'",
        )
        .bind(id)
        .execute(&test.pool)
        .await
        .unwrap();
        let path = format!("/inventory/v1/devices/{id}");
        let detail = test.get(&path).await;
        assert_eq!((&detail["state"], &detail["since"]), (&json!("unknown"), &json!(5_000)));
        assert!(detail["reason"].as_str().unwrap().starts_with("up when it was last known"));
        for (state, total) in [("up", 0), ("unknown", 1), ("down", 0)] {
            let page = test.get(&format!("/inventory/v1/devices?state={state}")).await;
            assert_eq!(page["total"], total, "{state}");
        }
        let counts = &test.get("/inventory/v1/summary").await["devices"];
        assert_eq!(*counts, json!({"up": 0, "degraded": 0, "down": 0, "unknown": 1}));
        assert_eq!(test.get("/readyz?alone=true").await, json!({"status": "ok"}));
        let refused = test.call("GET", "/readyz", None).await;
        assert_eq!(refused.status, 503);
        assert!(refused.text.contains("no process of role process"), "{}", refused.text);
        let wrong = test.call("GET", "/readyz?alone=perhaps", None).await;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
    })
    .await;
}
