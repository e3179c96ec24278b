//! Commands that reach a running system through its API.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::header::IF_MATCH;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::credential::ask;
use super::{CredentialCommand, DeviceArgs, DeviceCommand, Failure, device};
use crate::config::Config;

const CREDENTIALS: &str = "/credentials/v1/credentials";

/// A system that runs.
pub(super) struct Running {
    pub(super) log_kind: String,
    pub(super) log_id: String,
    /// Its parts that do not work, each in a sentence.
    pub(super) troubles: Vec<String>,
    warnings: Vec<String>,
}

impl Running {
    /// What it says of devices that its log lacks.
    pub(super) fn devices_unlisted(&self) -> Option<String> {
        self.warnings.iter().find(|it| it.contains("--from-database")).cloned()
    }
}

/// Talks to the API with the token of the state folder.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    token: SecretString,
}

impl Client {
    pub(super) fn new(
        config: &Config,
        url: Option<String>,
        token_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let usual = config.token_file();
        let path = token_file.unwrap_or(&usual);
        let token = std::fs::read_to_string(path).map_err(|error| {
            format!(
                "token {}: {error}: start the system first (opsconductor run), name its state \
                 folder (OPSC_STATE_DIR) or the file itself (--token-file)",
                path.display()
            )
        })?;
        let listen = config.api.listen.replace("0.0.0.0", "127.0.0.1");
        Ok(Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(std::time::Duration::from_secs(30))
                .build()?,
            url: url.unwrap_or_else(|| format!("http://{listen}")),
            token: token.trim().to_owned().into(),
        })
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        self.call_if(method, path, body, None).await
    }

    /// With a revision, refused when another one is there.
    pub(super) async fn call_if(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        revision: Option<i64>,
    ) -> Result<Value, Failure> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.token.expose_secret());
        if let Some(revision) = revision {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                format!(
                    "nothing answers at {}: start the system (make run), or name where it is: \
                     --url http://host:port, or OPSC_LISTEN as it was started with",
                    self.url
                )
            } else {
                error.without_url().to_string()
            }
        })?;
        let status = response.status();
        let text = response.text().await?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(value);
        }
        Err(problem(status, &value).into())
    }

    /// What the system says of itself that runs there and knows this token.
    pub(super) async fn status(&self) -> Result<Running, Failure> {
        let status = self.call(Method::GET, "/system/v1/status", None).await?;
        let text =
            |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let sentence = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let now = crate::clock::wall_ms();
        let trouble = |it: &Value| {
            let seconds = (now - it["since"].as_i64().unwrap_or(now)).max(0) / 1_000;
            format!("{} (for {seconds} s): {}", text(it, "part"), text(it, "detail"))
        };
        Ok(Running {
            log_kind: text(&status["log"], "kind"),
            log_id: text(&status["log"], "id"),
            troubles: status["troubles"].as_array().into_iter().flatten().map(trouble).collect(),
            warnings: status["warnings"].as_array().into_iter().flatten().map(sentence).collect(),
        })
    }

    pub(super) async fn device(&self, command: DeviceCommand) -> Result<String, Failure> {
        match command {
            DeviceCommand::Add(args) => self.add(args).await,
            DeviceCommand::List => {
                let mut lines =
                    vec![format!("{:<9} {:<28} {:<24} {}", "STATE", "NAME", "ADDRESS", "REASON")];
                for device in self.devices("").await? {
                    let text = |field: &str| device[field].as_str().unwrap_or_default().to_owned();
                    lines.push(format!(
                        "{:<9} {:<28} {:<24} {}",
                        text("state"),
                        text("name"),
                        device::place(&device),
                        text("reason")
                    ));
                }
                Ok(lines.join("\n"))
            }
            DeviceCommand::Remove { device } => {
                let found = self.find(&device).await?;
                let id = found["id"].as_str().unwrap_or_default();
                self.call(Method::DELETE, &format!("/inventory/v1/devices/{id}"), None).await?;
                Ok(format!("removed {} ({id})", found["name"].as_str().unwrap_or_default()))
            }
        }
    }

    async fn add(&self, args: DeviceArgs) -> Result<String, Failure> {
        let address = args.address.to_string();
        let known = self.devices(&address).await?.into_iter().find(|device| {
            device["address"] == json!(address) && device["port"] == json!(args.port)
        });
        let (method, path, verb) = match known.as_ref().and_then(|device| device["id"].as_str()) {
            Some(id) => (Method::PUT, format!("/inventory/v1/devices/{id}"), "changed"),
            None => (Method::POST, "/inventory/v1/devices".to_owned(), "added"),
        };
        // What others change meanwhile is not put back to what it was.
        let revision = known.as_ref().and_then(|device| device["revision"].as_i64());
        let body = Some(Value::Object(device::body(args, known.as_ref())));
        let device = self.call_if(method, &path, body, revision).await?;
        let id = device["id"].as_str().unwrap_or_default();
        Ok(format!("{verb} {address} ({id}); its page: {}/devices/{id}", self.url))
    }

    pub(super) async fn password(&self) -> Result<String, Failure> {
        let made = self.call(Method::POST, "/identity/v1/one-time-password", None).await?;
        let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
        Ok(format!(
            "The new one-time password of {} is\n\n    {}\n\nThe old one is void and everybody is \
             signed out. Sign in at {} and choose your own.",
            text("username"),
            text("password"),
            self.url
        ))
    }

    async fn find(&self, name: &str) -> Result<Value, Failure> {
        let mut found = self.devices("").await?;
        found.retain(|device| device::is_called(device, name));
        if found.len() > 1 {
            let places: Vec<String> = found.iter().map(device::place).collect();
            let places = places.join(", ");
            return Err(format!("several devices are called {name:?}; give one of {places}").into());
        }
        let none = || format!("no device has the id, name, address or address:port {name:?}");
        found.pop().ok_or_else(|| none().into())
    }

    /// Names of all credentials.
    pub(super) async fn credential_names(&self) -> Result<BTreeSet<String>, Failure> {
        let page = self.call(Method::GET, CREDENTIALS, None).await?;
        let items = page["items"].as_array().into_iter().flatten();
        Ok(items.filter_map(|item| item["name"].as_str().map(str::to_owned)).collect())
    }

    pub(super) async fn credential(&self, command: CredentialCommand) -> Result<String, Failure> {
        match command {
            CredentialCommand::Add { name, kind } => {
                let body = serde_json::to_value(kind.secret(&name, ask)?)?;
                let path = format!("{CREDENTIALS}/{}", encode(&name));
                let stored = self.call(Method::PUT, &path, Some(body)).await?;
                Ok(if stored["created_at"] == stored["updated_at"] {
                    format!("credential {name} is in the vault")
                } else {
                    format!("credential {name} is in the vault; its old secret is replaced")
                })
            }
            CredentialCommand::List => {
                let page = self.call(Method::GET, CREDENTIALS, None).await?;
                let mut lines = vec![format!("{:<24} {:<10} {}", "NAME", "KIND", "DEVICES")];
                for item in page["items"].as_array().into_iter().flatten() {
                    let text = |field: &str| item[field].as_str().unwrap_or_default();
                    let devices = &item["devices"];
                    lines.push(format!("{:<24} {:<10} {devices}", text("name"), text("kind")));
                }
                Ok(lines.join("\n"))
            }
            CredentialCommand::Remove { name } => {
                let path = format!("{CREDENTIALS}/{}", encode(&name));
                self.call(Method::DELETE, &path, None).await?;
                Ok(format!("credential {name} is removed"))
            }
        }
    }
}

fn problem(status: StatusCode, body: &Value) -> String {
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let errors = body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    // Each field says more than how many there are.
    let detail = if errors.is_empty() { text("detail") } else { "" };
    let mut message = match (text("title"), detail) {
        ("", "") => format!("the API answered {status}"),
        (title, "") => title.to_owned(),
        (title, detail) => format!("{title}: {detail}"),
    };
    for error in errors {
        let part = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        message.push_str(&format!("\n  {}: {}", part("field"), part("detail")));
    }
    message
}

/// Percent-encodes everything but unreserved characters (RFC 3986).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
