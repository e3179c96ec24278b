//! What is decided can be stored.

use processors::{DropReason, EntityOutput, EntityRecord, EntityState, Out, Processor as _};
use schemas::{Device, DeviceGroup, DeviceId, EntityCommand, EntityInput, EntityOutcome};
use sinks::Table as _;

use crate::clock::wall_ms;

#[derive(Default)]
struct Given(Vec<EntityOutput>);

impl Out<EntityOutput> for Given {
    fn emit(&mut self, output: EntityOutput) {
        self.0.push(output);
    }

    fn dropped(&mut self, reason: DropReason) {
        panic!("{reason:?}");
    }
}

/// Has it decided; every output is one that its table takes.
fn check(state: &mut EntityState, kind: &str, id: &str, body: String, by: &str) {
    let (tenant, at) = (schemas::DEFAULT_TENANT.to_owned(), wall_ms());
    let input = EntityInput::Command(EntityCommand {
        tenant,
        request: format!("{kind} {id}"),
        kind: kind.to_owned(),
        id: id.to_owned(),
        expected: None,
        body: Some(body),
        by: by.to_owned(),
        at,
    });
    let mut given = Given::default();
    processors::Entities.step(state, &EntityRecord { input, at }, &mut given);
    let mut rows = 0;
    for output in given.0 {
        rows += 1;
        let refused = match output {
            EntityOutput::Answer(answer) => {
                assert_eq!(answer.outcome, EntityOutcome::Applied, "{:?}", answer.problems);
                continue;
            }
            EntityOutput::Entity(entity) => sinks::LatestEntities::check(&entity, at),
            EntityOutput::Version(entity) => sinks::EntityVersions::check(&entity, at),
            EntityOutput::Device(device) => sinks::Devices::check(&device, at),
            EntityOutput::Gone(_)
            | EntityOutput::DeviceGone(_)
            | EntityOutput::Credential(_)
            | EntityOutput::CredentialGone(_) => panic!("{output:?}"),
        };
        assert_eq!(refused, Ok(()), "{kind}");
    }
    assert!(rows > 2, "{kind}");
}

#[test]
fn what_may_be_is_stored_whatever_its_characters() {
    let mut state = EntityState::default();
    let most = |characters: usize| "\u{1f40c}".repeat(characters);
    let tags = || vec![most(200); 50];
    let id = DeviceId::from_source("test", "most");
    let device = Device {
        name: most(200),
        address: format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61)),
        profile: most(200),
        site: Some(most(200)),
        tags: tags(),
        source: most(200),
        ..serde_json::from_value(serde_json::json!({
            "id": id, "name": "", "address": "",
        }))
        .unwrap()
    };
    let body = serde_json::to_string(&device).unwrap();
    check(&mut state, "device", &id.to_string(), body, &most(256));
    let group = DeviceGroup {
        tenant: schemas::DEFAULT_TENANT.to_owned(),
        id: id.to_string(),
        name: most(200),
        description: most(2_000),
        site: Some(most(200)),
        tags: tags(),
        ..DeviceGroup::default()
    };
    let body = serde_json::to_string(&group).unwrap();
    check(&mut state, "device_group", &id.to_string(), body, &most(256));
}
