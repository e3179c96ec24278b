//! A sink that remembers, credentials that are known, and a real agent where there is one.
#![allow(dead_code, unreachable_pub)]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connectors::{
    Change, Credential, CredentialError, Credentials, Full, PollSink, Poller, PollerConfig, Secret,
};
use schemas::{Device, DeviceId, Poll};

#[derive(Default)]
pub struct Kept {
    pub polls: Mutex<Vec<Poll>>,
    pub full: AtomicBool,
}

impl PollSink for Kept {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Full(Box::new(poll)));
        }
        self.polls.lock().unwrap().push(poll);
        Ok(())
    }
}

pub struct Known;

impl Credentials for Known {
    fn get<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(async move {
            match name {
                "missing" => Err(CredentialError::Missing(name.into())),
                _ => Ok(Credential::SnmpV2c { community: Secret::new(name) }),
            }
        })
    }
}

/// A device whose credential is named like its community.
pub fn device(name: &str, address: &str, port: u16, profile: &str) -> Device {
    Device {
        tenant: "default".into(),
        id: DeviceId::from_source("test", name),
        name: name.into(),
        address: address.into(),
        port: port.into(),
        profile: profile.into(),
        credential: Some("public".into()),
        site: None,
        tags: vec![],
        interval_ms: 1_000,
        snmp: true,
        icmp: false,
        enabled: true,
        source: "test".into(),
        updated_at: 0,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

pub struct World {
    pub sink: Arc<Kept>,
    pub poller: Poller,
}

impl World {
    pub fn start(config: PollerConfig) -> Self {
        let sink = Arc::new(Kept::default());
        let poller = Poller::start(config, Arc::new(Known), sink.clone()).unwrap();
        Self { sink, poller }
    }

    pub fn add(&self, device: Device) {
        self.poller.apply(Change::Upsert(device)).unwrap();
    }

    pub fn polls(&self, device: &str) -> Vec<Poll> {
        let id = DeviceId::from_source("test", device);
        self.sink.polls.lock().unwrap().iter().filter(|it| it.device == id).cloned().collect()
    }

    /// Waits until a device has a poll that fits, and gives it.
    pub async fn until(&self, device: &str, what: &str, fits: impl Fn(&Poll) -> bool) -> Poll {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let polls = self.polls(device);
            if let Some(poll) = polls.iter().find(|it| fits(it)) {
                return poll.clone();
            }
            let last = polls.last();
            assert!(Instant::now() < end, "{device}: never {what}; last {last:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A metric's column of a poll.
pub fn column<'a>(poll: &'a Poll, metric: &str) -> Option<&'a schemas::Column> {
    poll.columns.iter().find(|column| column.metric == metric)
}

/// The instance names of a column, in order.
pub fn instances<'a>(poll: &'a Poll, metric: &str) -> Vec<&'a str> {
    let Some(column) = column(poll, metric) else { return vec![] };
    column.instances.iter().map(|at| poll.instances[*at as usize].as_str()).collect()
}
