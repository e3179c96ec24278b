//! The API as a client sees it.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
    token: PathBuf,
}

impl Api {
    /// `token`: the file that it makes at its first start.
    pub(crate) fn new(listen: &str, token: PathBuf) -> Self {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { client, url: format!("http://{listen}"), token }
    }

    pub(crate) async fn ready(&self) -> Option<()> {
        let answer = self.client.get(format!("{}/readyz", self.url)).send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    }

    /// A call that the API acknowledged, or why it did not.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let token = std::fs::read_to_string(&self.token).map_err(|error| error.to_string())?;
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request = request.bearer_auth(token.trim());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}
