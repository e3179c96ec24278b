use api::{ApiConfig, ApiState, ConfigError, Live, ensure_admin, reset_admin};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header;
use schemas::SchemaStore;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::harness::{Answer, TOKEN, Test, request, with_api, with_config};
use crate::memory;

const SESSION: &str = "/identity/v1/session";

async fn login(test: &Test, username: &str, password: &str, from: &str) -> Answer {
    let body = json!({"username": username, "password": password}).to_string();
    let mut request = request("POST", SESSION)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    let peer: std::net::SocketAddr = format!("{from}:1").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    test.send(request).await
}

fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn with_cookie(test: &Test, method: &str, cookie: &str, extra: &[(&str, &str)]) -> Answer {
    let mut builder = request(method, SESSION).header(header::COOKIE, cookie);
    for (name, value) in extra {
        builder = builder.header(*name, *value);
    }
    test.send(builder.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_session_from_sign_in_to_sign_out() {
    with_api(async |test| {
        let opened = login(&test, "admin", &test.password, "192.0.2.1").await;
        assert_eq!(opened.status, 200, "{}", opened.text);
        let set = opened.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!set.contains("Secure"), "{set}");
        let cookie = cookie_of(&opened);

        let seen = with_cookie(&test, "GET", &cookie, &[]).await;
        assert_eq!(seen.json["username"], "admin");
        assert_eq!(seen.json["expires_at"], opened.json["expires_at"]);

        // The token itself is nowhere in the database.
        let token = cookie.split_once('=').unwrap().1.to_owned();
        let stored: Vec<u8> = sqlx::query_scalar("SELECT token_sha256 FROM api_session")
            .fetch_one(&test.pool)
            .await
            .unwrap();
        assert_eq!(stored.len(), 32);
        assert!(!token.as_bytes().windows(32).any(|part| part == stored));

        let out = with_cookie(&test, "DELETE", &cookie, &[("x-opsc-csrf", "1")]).await;
        assert_eq!(out.status, 204);
        assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
        with_cookie(&test, "GET", &cookie, &[]).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_session_slides_and_ends() {
    with_api(async |test| {
        let cookie = cookie_of(&login(&test, "admin", &test.password, "192.0.2.1").await);
        let at_once = with_cookie(&test, "GET", &cookie, &[]).await;
        assert!(!at_once.headers.contains_key(header::SET_COOKIE));
        test.sql("UPDATE api_session SET expires_at = now() + interval '1 hour'").await;
        let later = with_cookie(&test, "GET", &cookie, &[]).await;
        assert_eq!(cookie_of(&later), cookie);
        assert!(later.json["expires_at"].as_i64() >= at_once.json["expires_at"].as_i64());
        test.sql("UPDATE api_session SET created_at = now() - interval '7 days 1 second'").await;
        let old = with_cookie(&test, "GET", &cookie, &[]).await;
        assert!(!old.headers.contains_key(header::SET_COOKIE), "prolonged beyond its longest life");
        test.sql("UPDATE api_session SET expires_at = now() - interval '1 second'").await;
        with_cookie(&test, "GET", &cookie, &[]).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_from_another_site() {
    with_api(async |test| {
        let cookie = cookie_of(&login(&test, "admin", &test.password, "192.0.2.1").await);
        let delete =
            async |extra: &[(&str, &str)]| with_cookie(&test, "DELETE", &cookie, extra).await;
        delete(&[]).await.problem(403, "cross-site");
        delete(&[("host", "noc"), ("origin", "http://evil")]).await.problem(403, "cross-site");
        delete(&[("origin", "null")]).await.problem(403, "cross-site");
        let ours = delete(&[("host", "noc:5000"), ("origin", "http://noc:5000")]).await;
        assert_eq!(ours.status, 204);

        let elsewhere = request("POST", SESSION)
            .header("origin", "http://evil")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        // Wrong fields are reported first, and to anybody.
        test.send(elsewhere).await.problem(422, "invalid-fields");
    })
    .await;
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    with_api(async |test| {
        for _ in 0..10 {
            login(&test, "admin", "wrong", "192.0.2.1").await.problem(401, "wrong-password");
        }
        let limited = login(&test, "admin", &test.password, "192.0.2.2").await;
        limited.problem(429, "too-many-attempts");
        let wait: u64 = limited.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((890..=901).contains(&wait), "{wait}");
        // By address, whatever the name.
        for n in 0..20 {
            let name = format!("user{n}");
            login(&test, &name, "wrong", "192.0.2.1").await.problem(401, "wrong-password");
        }
        login(&test, "somebody", "x", "192.0.2.1").await.problem(429, "too-many-attempts");
        login(&test, "somebody", "x", "192.0.2.3").await.problem(401, "wrong-password");
    })
    .await;
}

#[tokio::test]
async fn a_token_opens_and_a_wrong_one_does_not() {
    with_api(async |test| {
        let ask = async |authorization: &str| {
            let builder = request("GET", SESSION).header("authorization", authorization);
            test.send(builder.body(Body::empty()).unwrap()).await
        };
        let good = ask(&format!("Bearer {TOKEN}")).await;
        assert_eq!(
            good.json,
            json!({"username": "token", "expires_at": null, "one_time_password": false})
        );
        // token:TOKEN, as a client of a schema registry sends it.
        use base64::Engine;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("token:{TOKEN}"));
        assert_eq!(ask(&format!("Basic {basic}")).await.status, 200);
        for wrong in ["Bearer x", "Bearer ", "Basic eDp5", "Basic %%", "Digest x", ""] {
            ask(wrong).await.problem(401, "unauthenticated");
        }
    })
    .await;
}

#[tokio::test]
async fn everything_is_closed_but_what_must_be_open() {
    with_api(async |test| {
        let document: serde_json::Value = serde_json::from_str(api::openapi_json()).unwrap();
        let mut open = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let path =
                    path.replace("{id}", "0").replace("{name}", "x").replace("{subject}", "x");
                let request = request(&method.to_uppercase(), &path).body(Body::empty()).unwrap();
                let answer = test.send(request).await;
                if answer.status == 401 {
                    answer.problem(401, "unauthenticated");
                } else {
                    open.push(format!("{method} {path}"));
                }
            }
        }
        assert_eq!(open, ["get /healthz", "post /identity/v1/session", "get /readyz"]);
    })
    .await;
}

#[tokio::test]
async fn metrics_are_open_on_loopback_when_configured() {
    let config = ApiConfig { open_metrics_on_loopback: true, ..ApiConfig::default() };
    with_config(config, memory::ports, async |test| {
        let ask = async |from: &str, forwarded: bool, path: &str| {
            let mut builder = request("GET", path);
            if forwarded {
                builder = builder.header("x-forwarded-for", "203.0.113.1");
            }
            let mut request = builder.body(Body::empty()).unwrap();
            let peer: std::net::SocketAddr = from.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            test.send(request).await
        };
        let answer = ask("127.0.0.1:1", false, "/metrics").await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("up 1"));
        assert_eq!(ask("[::ffff:127.0.0.1]:1", false, "/metrics").await.status, 200);
        assert_eq!(ask("192.0.2.1:1", false, "/metrics").await.status, 401);
        assert_eq!(ask("127.0.0.1:1", true, "/metrics").await.status, 401);
        assert_eq!(ask("127.0.0.1:1", false, "/subjects").await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn the_password_is_shown_once_and_can_be_made_anew() {
    with_api(async |test| {
        assert!(ensure_admin(&test.pool).await.unwrap().is_none());
        let cookie = cookie_of(&login(&test, "admin", &test.password, "192.0.2.1").await);
        let fresh = reset_admin(&test.pool).await.unwrap();
        with_cookie(&test, "GET", &cookie, &[]).await.problem(401, "unauthenticated");
        let old = login(&test, "admin", &test.password, "192.0.2.1").await;
        old.problem(401, "wrong-password");
        assert_eq!(login(&test, "admin", fresh.expose_secret(), "192.0.2.1").await.status, 200);
        let hash: String = sqlx::query_scalar("SELECT password_hash FROM api_user")
            .fetch_one(&test.pool)
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$"));
    })
    .await;
}

#[tokio::test]
async fn https_makes_the_cookie_secure_and_a_short_token_is_refused() {
    let config = ApiConfig { secure_cookies: true, ..ApiConfig::default() };
    with_config(config, memory::ports, async |test| {
        let opened = login(&test, "admin", &test.password, "192.0.2.1").await;
        assert!(opened.headers[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
        assert!(opened.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        let short = ApiConfig { bearer_token: Some("guess me".into()), ..ApiConfig::default() };
        let ports = memory::ports(&test.pool);
        let refused =
            ApiState::new(short, test.pool.clone(), ports, Live::new(), SchemaStore::new());
        assert!(matches!(refused, Err(ConfigError::ShortToken)));
    })
    .await;
}
