//! A database of its own for each test, and requests in a line.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::str::FromStr;

use api::{ApiConfig, ApiState, Live, Ports, ensure_admin, router};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use futures::FutureExt;
use http_body_util::BodyExt;
use schemas::{DeviceId, SchemaStore, SeriesId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tower::ServiceExt;
use uuid::Uuid;

use crate::memory;

pub(crate) const TOKEN: &str = "test-token-test-token-test";

pub(crate) struct Test {
    pub(crate) pool: PgPool,
    pub(crate) router: Router,
    pub(crate) state: ApiState,
    pub(crate) live: Live,
    pub(crate) schemas: SchemaStore,
    pub(crate) password: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

pub(crate) async fn with_api(test: impl AsyncFn(Test)) {
    with_config(ApiConfig::default(), memory::ports, test).await;
}

pub(crate) async fn with_config(
    config: ApiConfig,
    ports: impl Fn(&PgPool) -> Ports,
    test: impl AsyncFn(Test),
) {
    let Ok(url) = std::env::var("OPSC_TEST_DATABASE_URL") else {
        assert!(
            std::env::var_os("OPSC_TEST_REQUIRED").is_none(),
            "OPSC_TEST_DATABASE_URL is not set"
        );
        eprintln!("SKIPPED: OPSC_TEST_DATABASE_URL is not set, no database was tested");
        return;
    };
    let server = PgConnectOptions::from_str(&url).unwrap();
    let name = format!("opsc_api_test_{}", Uuid::new_v4().simple());
    let mut admin = PgConnection::connect_with(&server).await.unwrap();
    let run = async |conn: &mut PgConnection, sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
    };
    run(&mut admin, format!("CREATE DATABASE {name}")).await;
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(server.database(&name));
    let body = async {
        // Hypertables where the server has them, as in operation.
        let _ = sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS timescaledb").execute(&pool).await;
        sqlx::migrate!("../migrations").run(&pool).await.unwrap();
        let password = ensure_admin(&pool).await.unwrap().unwrap();
        let live = Live::new();
        let config = ApiConfig { bearer_token: Some(TOKEN.into()), ..config.clone() };
        let schemas = SchemaStore::new();
        let state =
            ApiState::new(config, pool.clone(), ports(&pool), live.clone(), schemas.clone())
                .unwrap();
        let password = password.expose_secret().to_owned();
        let router = router(state.clone());
        test(Test { pool: pool.clone(), router, state, live, schemas, password }).await;
    };
    let outcome = AssertUnwindSafe(body).catch_unwind().await;
    pool.close().await;
    run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(Method::from_str(method).unwrap()).uri(path)
}

impl Test {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            let peer: SocketAddr = "192.0.2.200:4000".parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, json, text }
    }

    /// With the bearer token.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = request(method, path).header("authorization", format!("Bearer {TOKEN}"));
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json
    }

    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn add(&self, name: &str, address: &str) -> String {
        let body = json!({"name": name, "address": address});
        let answer = self.call("POST", "/inventory/v1/devices", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// Its id as in the database and as in the API.
    pub(crate) async fn series(&self, device: &str, metric: &str, instance: &str) -> (i64, String) {
        let parsed: DeviceId = device.parse().unwrap();
        let id = SeriesId::of("default", parsed, metric, instance);
        self.sql(&format!(
            "INSERT INTO series (id, device, metric, instance, unit) \
             VALUES ({}, '{device}', '{metric}', '{instance}', 'bps')",
            id.0
        ))
        .await;
        (id.0, id.to_string())
    }
}

impl Answer {
    /// It is a problem of that status, complete in all its fields.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> &Value {
        assert_eq!(self.status, status, "{}", self.text);
        let content = self.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert_eq!(content, "application/problem+json");
        assert_eq!(self.json["type"], format!("urn:opsconductor:problem:{kind}"));
        assert_eq!(self.json["status"], status);
        assert!(self.json["instance"].as_str().unwrap().starts_with('/'), "{}", self.text);
        for field in ["title", "detail"] {
            assert!(!self.json[field].as_str().unwrap().is_empty(), "{field}: {}", self.text);
        }
        assert!(self.json["errors"].is_array());
        // A registry's clients look for two more.
        let more = usize::from(self.json.get("error_code").is_some()) * 2;
        assert_eq!(self.json.as_object().unwrap().len(), 6 + more, "{}", self.text);
        &self.json
    }
}
