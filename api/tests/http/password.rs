//! Changing one's password, and a new one for who lost it.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::harness::{Answer, Test, request, with_api};

const SESSION: &str = "/identity/v1/session";
const PASSWORD: &str = "/identity/v1/password";
const ONE_TIME: &str = "/identity/v1/one-time-password";
const NEW: &str = "correct horse battery";

async fn send(test: &Test, method: &str, path: &str, cookie: &str, body: Value) -> Answer {
    let request = request(method, path)
        .header(header::COOKIE, cookie)
        .header("x-opsc-csrf", "1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    test.send(request.unwrap()).await
}

async fn sign_in(test: &Test, password: &str) -> Answer {
    send(test, "POST", SESSION, "", json!({"username": "admin", "password": password})).await
}

fn cookie_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn change(test: &Test, cookie: &str, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    send(test, "PUT", PASSWORD, cookie, body).await
}

#[tokio::test]
async fn a_new_password_counts_at_once_and_ends_the_other_sessions() {
    with_api(async |test| {
        let opened = sign_in(&test, &test.password).await;
        assert_eq!(opened.json["one_time_password"], true);
        let (mine, other) = (cookie_of(&opened), cookie_of(&sign_in(&test, &test.password).await));

        let changed = change(&test, &mine, &test.password, NEW).await;
        assert_eq!(changed.status, 204, "{}", changed.text);

        let session = send(&test, "GET", SESSION, &mine, json!({})).await;
        assert_eq!(session.json["one_time_password"], false, "{}", session.text);
        send(&test, "GET", SESSION, &other, json!({})).await.problem(401, "unauthenticated");
        sign_in(&test, &test.password).await.problem(401, "wrong-password");
        assert_eq!(sign_in(&test, NEW).await.json["one_time_password"], false);
        let hash: String = sqlx::query_scalar("SELECT password_hash FROM api_user")
            .fetch_one(&test.pool)
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_field() {
    with_api(async |test| {
        let mine = cookie_of(&sign_in(&test, &test.password).await);
        let check = async |current: &str, new: &str, field: &str, detail: &str| {
            let answer = change(&test, &mine, current, new).await;
            let errors = answer.problem(422, "invalid-fields")["errors"].clone();
            assert_eq!(errors, json!([{"field": field, "detail": detail}]));
        };
        let old = test.password.clone();
        check("wrong", NEW, "current_password", "is not your current password").await;
        check("", NEW, "current_password", "must not be empty").await;
        check(&old, "eleven char", "new_password", "must have at least 12 characters").await;
        check(&old, &old, "new_password", "must differ from the current one").await;
        check(&old, &"x".repeat(257), "new_password", "must not be longer than 256 characters")
            .await;
        // Nothing of this changed anything.
        assert_eq!(sign_in(&test, &old).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn guessing_the_current_password_is_slowed_down_like_a_sign_in() {
    with_api(async |test| {
        let mine = cookie_of(&sign_in(&test, &test.password).await);
        for _ in 0..10 {
            change(&test, &mine, "wrong", NEW).await.problem(422, "invalid-fields");
        }
        let limited = change(&test, &mine, &test.password, NEW).await;
        limited.problem(429, "too-many-attempts");
        assert!(limited.headers.contains_key(header::RETRY_AFTER));
        sign_in(&test, &test.password).await.problem(429, "too-many-attempts");
    })
    .await;
}

#[tokio::test]
async fn only_a_session_changes_a_password_and_only_the_token_makes_a_new_one() {
    with_api(async |test| {
        let mine = cookie_of(&sign_in(&test, &test.password).await);
        let body = json!({"current_password": test.password, "new_password": NEW});
        test.call("PUT", PASSWORD, Some(body)).await.problem(403, "forbidden");
        send(&test, "POST", ONE_TIME, &mine, json!({})).await.problem(403, "forbidden");
        // Without proof that the page is ours, a cookie is not enough.
        let bare = request("PUT", PASSWORD).header(header::COOKIE, &mine).body(Body::empty());
        test.send(bare.unwrap()).await.problem(403, "cross-site");
    })
    .await;
}

#[tokio::test]
async fn who_lost_the_password_gets_a_new_one_by_the_token() {
    with_api(async |test| {
        let mine = cookie_of(&sign_in(&test, &test.password).await);
        change(&test, &mine, &test.password, NEW).await;
        for _ in 0..10 {
            sign_in(&test, "forgotten").await.problem(401, "wrong-password");
        }
        // Under other names, until the address has to wait too.
        for n in 0..20 {
            let other = json!({"username": format!("user{n}"), "password": "forgotten"});
            send(&test, "POST", SESSION, "", other).await.problem(401, "wrong-password");
        }
        let other = json!({"username": "operator", "password": "forgotten"});
        send(&test, "POST", SESSION, "", other).await.problem(429, "too-many-attempts");
        let made = test.call("POST", ONE_TIME, None).await;
        assert_eq!((made.status.as_u16(), &made.json["username"]), (200, &json!("admin")));
        assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");

        send(&test, "GET", SESSION, &mine, json!({})).await.problem(401, "unauthenticated");
        sign_in(&test, NEW).await.problem(401, "wrong-password");
        let opened = sign_in(&test, made.json["password"].as_str().unwrap()).await;
        assert_eq!(opened.json["one_time_password"], true, "{}", opened.text);
    })
    .await;
}
