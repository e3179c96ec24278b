//! A processor with the topics around it, for the tests of what is decided and how it could fail.

use std::collections::VecDeque;

use schemas::{
    Address, CredentialChange, Device, DeviceGroup, DeviceId, Entity, EntityAnswer, EntityCommand,
    EntityInput, EntityObserved, EntityOutcome, EntityProblem, Tick,
};

use super::*;
use crate::{DeviceChange, DropReason, Relay};

mod decisions;
mod properties;
mod upgrade;

const START: i64 = 1_800_000_000_000;

/// What a step gave.
#[derive(Default)]
struct Sink {
    outputs: Vec<EntityOutput>,
    counts: Vec<DropReason>,
}

impl Out<EntityOutput> for Sink {
    fn emit(&mut self, output: EntityOutput) {
        self.outputs.push(output);
    }

    fn dropped(&mut self, reason: DropReason) {
        self.counts.push(reason);
    }
}

impl Out<EntityObserved> for Vec<EntityObserved> {
    fn emit(&mut self, output: EntityObserved) {
        self.push(output);
    }

    fn dropped(&mut self, _: DropReason) {}
}

/// What a topic of a kind has got.
#[derive(Clone, Debug)]
enum Written {
    Device(DeviceId, Option<Device>),
    Credential(String, Option<CredentialChange>),
}

/// A processor, its outputs, and the topics of the kinds, of which nothing was relayed yet.
#[derive(Default)]
struct World {
    state: EntityState,
    at: i64,
    requests: u64,
    versions: Vec<Entity>,
    written: VecDeque<(Written, i64)>,
    counts: Vec<DropReason>,
}

impl World {
    fn new() -> Self {
        Self { at: START, ..Self::default() }
    }

    /// Steps an input a second later; the answer if it was a command.
    fn step(&mut self, input: EntityInput) -> Option<EntityAnswer> {
        self.at += 1_000;
        let mut sink = Sink::default();
        let record = EntityRecord { input, at: self.at };
        assert_eq!(Entities.step(&mut self.state, &record, &mut sink), Next::Keep);
        self.counts.extend(sink.counts);
        let mut answer = None;
        for output in sink.outputs {
            match output {
                EntityOutput::Answer(given) => assert!(answer.replace(given).is_none()),
                EntityOutput::Version(version) => self.versions.push(version),
                EntityOutput::Device(device) => {
                    self.written.push_back((Written::Device(device.id, Some(*device)), self.at));
                }
                EntityOutput::DeviceGone(id) => {
                    self.written.push_back((Written::Device(id, None), self.at));
                }
                EntityOutput::Credential(change) => {
                    let name = change.name.clone();
                    self.written.push_back((Written::Credential(name, Some(change)), self.at));
                }
                EntityOutput::CredentialGone(change) => {
                    self.written.push_back((Written::Credential(change.name, None), self.at));
                }
                EntityOutput::Entity(_) | EntityOutput::Gone(_) => {}
            }
        }
        answer
    }

    fn command(&mut self, command: EntityCommand) -> EntityAnswer {
        self.step(EntityInput::Command(command)).unwrap()
    }

    fn ask(
        &mut self,
        kind: &str,
        id: &str,
        expected: Option<i64>,
        body: Option<String>,
    ) -> EntityAnswer {
        self.requests += 1;
        self.command(EntityCommand {
            tenant: "default".to_owned(),
            request: self.requests.to_string(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            expected,
            body,
            by: "ada".to_owned(),
            at: 7,
        })
    }

    fn put(&mut self, device: &Device, expected: Option<i64>) -> EntityAnswer {
        self.ask("device", &device.id.to_string(), expected, Some(json(device)))
    }

    fn put_group(&mut self, group: &DeviceGroup, expected: Option<i64>) -> EntityAnswer {
        self.ask("device_group", &group.id, expected, Some(json(group)))
    }

    fn put_credential(&mut self, name: &str) -> EntityAnswer {
        let body = format!(r#"{{"name":"{name}","kind":"snmp_v2c","version":3}}"#);
        self.ask("credential", name, None, Some(body))
    }

    /// Somebody else writes to a kind's topic.
    fn write(&mut self, written: Written) {
        self.at += 1_000;
        self.written.push_back((written, self.at));
    }

    /// Hands over so many records of the topics.
    fn relay(&mut self, count: usize) {
        for _ in 0..count {
            let Some((written, at)) = self.written.pop_front() else { return };
            let mut seen = Vec::new();
            match written {
                Written::Device(id, device) => {
                    DeviceEntity.relay(&DeviceChange { id, device, at }, &mut seen);
                }
                Written::Credential(name, change) => {
                    let change = change.filter(|change| change.present);
                    let tenant = "default".to_owned();
                    let record = CredentialRecord { tenant, name, change, at };
                    CredentialEntity.relay(&record, &mut seen);
                }
            }
            for observed in seen {
                self.step(EntityInput::Observed(observed));
            }
        }
    }

    fn revision(&self, device: &Device) -> Option<i64> {
        self.state.revision("device", &device.id.to_string())
    }

    /// The last version of an entity, whatever became of it.
    fn last(&self, id: &str) -> &Entity {
        self.versions.iter().rfind(|version| version.id == id).unwrap()
    }
}

fn json(body: &impl serde::Serialize) -> String {
    serde_json::to_string(body).unwrap()
}

fn device(name: &str) -> Device {
    let id = DeviceId::from_source("test", name);
    let host = name.bytes().fold(0, |sum, byte| (sum * 31 + u32::from(byte)) % 60_000);
    let address: Address = format!("10.1.{}.{}", host / 250, 1 + host % 250).parse().unwrap();
    Device {
        tenant: "default".to_owned(),
        id,
        name: name.to_owned(),
        address: address.to_string(),
        port: 161,
        profile: "auto".to_owned(),
        credential: None,
        site: None,
        tags: Vec::new(),
        interval_ms: 60_000,
        snmp: false,
        icmp: true,
        enabled: true,
        source: "api".to_owned(),
        updated_at: 0,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

fn group(name: &str, devices: &[&Device]) -> DeviceGroup {
    DeviceGroup {
        tenant: "default".to_owned(),
        id: DeviceId::from_source("group", name).to_string(),
        name: name.to_owned(),
        devices: devices.iter().map(|device| device.id).collect(),
        ..DeviceGroup::default()
    }
}

#[track_caller]
fn check(answer: &EntityAnswer, outcome: EntityOutcome, revision: Option<i64>) {
    assert_eq!((answer.outcome, answer.revision), (outcome, revision.unwrap_or(0)), "{answer:?}");
}

/// One problem, with its field and words of it.
#[track_caller]
fn refused(answer: &EntityAnswer, field: &str, words: &[&str]) {
    assert_eq!(answer.outcome, EntityOutcome::Refused, "{answer:?}");
    let found = answer.problems.iter().any(|EntityProblem { field: of, detail }| {
        of == field && words.iter().all(|word| detail.contains(word))
    });
    assert!(found, "{field} {words:?} is not in {:?}", answer.problems);
}
