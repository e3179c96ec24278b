//! Does what a plan says: each change is meant for the revision that the plan saw, so that what
//! others changed meanwhile is not overwritten but named.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::remote::Client;
use super::super::{Failure, device};
use super::known::Existing;
use super::plan::{GroupBody, Member, Plan, Step};

/// Requests on their way at once: each waits for its decision.
const AT_ONCE: usize = 16;

const DEVICES: &str = "/inventory/v1/devices";
const GROUPS: &str = "/inventory/v1/device-groups";

/// What the steps so far have led to.
#[derive(Default)]
struct Done {
    /// Ids of devices that were added, by address and port.
    added: HashMap<String, String>,
}

/// What one step has led to.
enum Outcome {
    Added { place: String, id: String },
    Other,
}

impl Step {
    /// Steps of one rank do not wait for each other.
    fn rank(&self) -> u8 {
        match self {
            Self::RemoveGroup(_) => 0,
            Self::RemoveDevice(_) => 1,
            Self::ChangeDevice(..) => 2,
            Self::AddDevice(_) => 3,
            Self::ChangeGroup(..) => 4,
            Self::AddGroup(_) => 5,
        }
    }
}

/// Does all that can be done; what failed, with why.
pub(super) async fn apply(client: &Client, plan: Plan) -> Vec<String> {
    let mut ranks: BTreeMap<u8, Vec<(usize, String, Step)>> = BTreeMap::new();
    for (at, (line, step)) in plan.steps.into_iter().enumerate() {
        ranks.entry(step.rank()).or_default().push((at, line, step));
    }
    let mut done = Done::default();
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    for steps in ranks.into_values() {
        let so_far = &done;
        let attempts = steps
            .into_iter()
            .map(|(at, line, step)| async move { (at, line, client.step(step, so_far).await) });
        let ended: Vec<_> =
            futures::stream::iter(attempts).buffer_unordered(AT_ONCE).collect().await;
        for (at, line, outcome) in ended {
            match outcome {
                Ok(Outcome::Added { place, id }) => drop(done.added.insert(place, id)),
                Ok(Outcome::Other) => {}
                Err(error) => drop(failed.insert(at, format!("{line}: {error}"))),
            }
        }
    }
    failed.into_values().collect()
}

impl Client {
    async fn step(&self, step: Step, done: &Done) -> Result<Outcome, Failure> {
        match step {
            Step::RemoveGroup(group) => self.remove(GROUPS, group).await,
            Step::RemoveDevice(device) => self.remove(DEVICES, device).await,
            Step::ChangeDevice(device, settings) => {
                self.change(DEVICES, &device, settings).await?;
                Ok(Outcome::Other)
            }
            Step::AddDevice(settings) => {
                let made = self.call(Method::POST, DEVICES, Some(Value::Object(settings))).await?;
                let id = made["id"].as_str().unwrap_or_default().to_owned();
                Ok(Outcome::Added { place: device::place(&made), id })
            }
            Step::ChangeGroup(group, body) => {
                let settings = body.settings(done)?;
                self.change(GROUPS, &group.entity, settings).await?;
                Ok(Outcome::Other)
            }
            Step::AddGroup(body) => {
                let settings = Value::Object(body.settings(done)?);
                self.call(Method::POST, GROUPS, Some(settings)).await?;
                Ok(Outcome::Other)
            }
        }
    }

    async fn change(
        &self,
        path: &str,
        entity: &Existing,
        settings: Map<String, Value>,
    ) -> Result<(), Failure> {
        let path = format!("{path}/{}", entity.id);
        let body = Some(Value::Object(settings));
        self.call_if(Method::PUT, &path, body, Some(entity.revision)).await.map(drop)
    }

    async fn remove(&self, path: &str, entity: Existing) -> Result<Outcome, Failure> {
        let path = format!("{path}/{}", entity.id);
        self.call_if(Method::DELETE, &path, None, Some(entity.revision)).await?;
        Ok(Outcome::Other)
    }
}

impl GroupBody {
    /// What the API takes.
    fn settings(self, done: &Done) -> Result<Map<String, Value>, Failure> {
        let mut ids = BTreeSet::new();
        for member in self.members {
            ids.insert(match member {
                Member::Known(id) => id,
                Member::New(place) => {
                    let id = done.added.get(&place).cloned();
                    id.ok_or_else(|| format!("its device {place} could not be added"))?
                }
            });
        }
        let mut settings = self.settings;
        settings.insert("devices".to_owned(), json!(ids));
        Ok(settings)
    }
}
