//! A person at the web interface, and one who gets everything wrong; keeps all that is answered.

use std::sync::Mutex;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::{MISTAKE, PASSWORD};

pub(crate) struct Visitor {
    client: Client,
    token: String,
    url: String,
    /// The cookie's value.
    pub(crate) session: String,
    answers: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Visitor {
    pub(crate) fn new(token: &str, listen: &str) -> Self {
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            token: token.to_owned(),
            url: format!("http://{listen}"),
            session: String::new(),
            answers: Mutex::default(),
        }
    }

    fn keep(&self, place: String, bytes: &[u8]) {
        self.answers.lock().unwrap().push((place, bytes.to_vec()));
    }

    /// Sends and keeps what comes back, the cookie by itself.
    async fn send(&self, method: &str, path: &str, request: RequestBuilder) -> (u16, Vec<u8>) {
        let response = request.send().await.unwrap();
        let path = path.split('?').next().unwrap();
        let place = match path {
            "/metrics" => "metrics".to_owned(),
            _ => format!("answer of {method} {path}"),
        };
        let status = response.status().as_u16();
        for (name, value) in response.headers() {
            let own = if name == "set-cookie" { "cookie" } else { "headers" };
            self.keep(format!("{place}: {own}"), value.as_bytes());
        }
        let bytes = response.bytes().await.unwrap().to_vec();
        self.keep(place, &bytes);
        (status, bytes)
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// As the one who is signed in.
    fn mine(&self, method: &str, path: &str) -> RequestBuilder {
        let cookie = format!("opsc_session={}", self.session);
        self.request(method, path).header("cookie", cookie).header("x-opsc-csrf", "1")
    }

    pub(crate) async fn sign_in(&mut self, password: &str) {
        let body = json!({"username": "admin", "password": password.trim()});
        let path = "/identity/v1/session";
        let (status, _) = self.send("POST", path, self.request("POST", path).json(&body)).await;
        assert_eq!(status, 200);
        let answers = self.answers.lock().unwrap();
        let (_, cookie) = answers.iter().rfind(|(place, _)| place.ends_with(": cookie")).unwrap();
        let cookie = String::from_utf8(cookie.clone()).unwrap();
        let value = cookie.strip_prefix("opsc_session=").unwrap().split(';').next().unwrap();
        self.session = value.to_owned();
    }

    /// To the secret one, and signs in with it.
    pub(crate) async fn change_password(&mut self, old: &str) {
        let body = json!({"current_password": old.trim(), "new_password": PASSWORD});
        let path = "/identity/v1/password";
        let (status, _) = self.send("PUT", path, self.mine("PUT", path).json(&body)).await;
        assert_eq!(status, 204);
        self.sign_in(PASSWORD).await;
    }

    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) {
        let (status, said) = self.send(method, path, self.mine(method, path).json(&body)).await;
        assert!(status < 300, "{method} {path}: {}", String::from_utf8_lossy(&said));
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, said) = self.send("GET", path, self.mine("GET", path)).await;
        assert_eq!(status, 200, "GET {path}: {}", String::from_utf8_lossy(&said));
        serde_json::from_slice(&said).unwrap_or(Value::Null)
    }

    /// Every operation that only reads, as the program's own document names them.
    pub(crate) async fn read_everything(&self) {
        let document = self.get("/openapi.json").await;
        let devices = self.get("/inventory/v1/devices").await;
        let mut read = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            // Live events have no end; what they carry comes from the topics that are looked at.
            if item.get("get").is_none() || path == "/monitoring/v1/events" {
                continue;
            }
            for device in devices["items"].as_array().unwrap() {
                let device = device["id"].as_str().unwrap();
                let path =
                    path.replace("{id}", device).replace("{subject}", "net.opsconductor.Poll");
                self.send("GET", &path, self.mine("GET", &path)).await;
                read += 1;
                let list = self.get(&format!("/monitoring/v1/devices/{device}/series")).await;
                for series in list["items"].as_array().unwrap().iter().take(2) {
                    let id = series["id"].as_str().unwrap();
                    self.get(&format!("/monitoring/v1/series/{id}/samples")).await;
                }
            }
        }
        assert!(read > 40, "only {read} reads");
        // With the token, as programs do.
        for path in ["/inventory/v1/devices", "/subjects"] {
            let request = self.request("GET", path).bearer_auth(&self.token);
            assert_eq!(self.send("GET", path, request).await.0, 200);
        }
    }

    /// Secrets in the right places of wrong requests, and in wrong places.
    pub(crate) async fn make_mistakes(&self) {
        let (session, credential, password) =
            ("/identity/v1/session", "/credentials/v1/credentials/by-api", "/identity/v1/password");
        let json = "application/json";
        let quoted = format!("\"{MISTAKE}\"");
        let long = MISTAKE.repeat(30);
        let cases: Vec<(&str, &str, &str, String)> = vec![
            ("POST", session, json, format!("{{\"username\": {quoted}, \"password\": \"x\"}}")),
            ("POST", session, json, format!("{{\"username\": \"admin\", \"password\": {quoted}}}")),
            (
                "POST",
                session,
                json,
                format!("{{\"username\": \"admin\", \"password\": [{quoted}]}}"),
            ),
            (
                "POST",
                session,
                json,
                format!("{{\"username\": \"admin\", \"password\": \"{MISTAKE}"),
            ),
            ("POST", session, json, format!("{{\"password\": {quoted} {quoted}}}")),
            ("POST", session, json, format!("[{quoted}]")),
            ("POST", session, json, quoted.clone()),
            (
                "POST",
                session,
                json,
                format!("{{\"username\": \"admin\", \"password\": \"{long}\"}}"),
            ),
            ("POST", session, "text/plain", format!("password={MISTAKE}")),
            ("POST", "/identity/v1/session?password=PLACE", json, "{}".to_owned()),
            (
                "PUT",
                password,
                json,
                format!("{{\"current_password\": {quoted}, \"new_password\": \"short\"}}"),
            ),
            (
                "PUT",
                password,
                json,
                format!("{{\"current_password\": {quoted}, \"new_password\": \"{PASSWORD}1\"}}"),
            ),
            (
                "PUT",
                password,
                json,
                format!(
                    "{{\"current_password\": \"{PASSWORD}\", \"new_password\": \"{PASSWORD}\"}}"
                ),
            ),
            ("PUT", password, json, format!("{{\"new_password\": {{\"is\": {quoted}}}}}")),
            (
                "PUT",
                credential,
                json,
                format!("{{\"kind\": \"snmp_v3\", \"community\": {quoted}}}"),
            ),
            ("PUT", credential, json, format!("{{\"kind\": {quoted}, \"community\": {quoted}}}")),
            (
                "PUT",
                credential,
                json,
                format!("{{\"kind\": \"snmp_v2c\", \"community\": [{quoted}]}}"),
            ),
            (
                "PUT",
                credential,
                json,
                format!("{{\"kind\": \"snmp_v2c\", \"community\": \"{long}\"}}"),
            ),
            (
                "PUT",
                credential,
                json,
                format!("{{\"kind\": \"snmp_v2c\", \"community\": \"{MISTAKE}\\n\"}}"),
            ),
            (
                "PUT",
                credential,
                json,
                format!("{{\"kind\": \"snmp_v2c\", \"comunity\": {quoted}}}"),
            ),
            ("PUT", "/credentials/v1/credentials/by-api?community=PLACE", json, "{}".to_owned()),
            (
                "POST",
                "/inventory/v1/devices",
                json,
                format!("{{\"address\": \"127.0.0.1\", \"credential\": {quoted}}}"),
            ),
            // As a name alone it could be a host's.
            (
                "POST",
                "/inventory/v1/device-tests",
                json,
                format!("{{\"address\": \"{MISTAKE}/24\"}}"),
            ),
            ("GET", "/inventory/v1/devices?password=PLACE", json, String::new()),
        ];
        for (method, path, kind, body) in cases {
            let path = path.replace("PLACE", MISTAKE);
            let request = self.mine(method, &path).header("content-type", kind).body(body);
            let (status, said) = self.send(method, &path, request).await;
            let said = String::from_utf8_lossy(&said);
            assert!((400..500).contains(&status), "{method} {path}: {status} {said}");
        }
        let path = "/inventory/v1/devices";
        for request in [
            self.request("GET", path).bearer_auth(MISTAKE),
            self.request("GET", path).basic_auth("token", Some(MISTAKE)),
            self.request("GET", path).basic_auth(MISTAKE, None::<&str>),
            self.request("GET", path).header("cookie", format!("opsc_session={MISTAKE}")),
            self.request("GET", path).header("authorization", MISTAKE),
        ] {
            assert_eq!(self.send("GET", path, request).await.0, 401);
        }
    }

    pub(crate) fn hand_over(self, evidence: &mut Evidence) {
        for (place, bytes) in self.answers.into_inner().unwrap() {
            evidence.add(place, bytes);
        }
    }
}
