//! Whatever happens: cut anywhere it is the uncut run, of two one wins, and what is decided is what
//! the topics have.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Put {
        device: usize,
        expected: Option<bool>,
        name: usize,
    },
    Remove {
        device: usize,
        expected: Option<bool>,
    },
    Group {
        group: usize,
        devices: Vec<usize>,
    },
    RemoveGroup(usize),
    Credential {
        name: usize,
        there: bool,
    },
    /// Another writer's record, with a clock that is off by so much.
    Foreign {
        device: usize,
        there: bool,
        clock: i64,
    },
    Relay(usize),
    Again,
    Cut,
}

fn act() -> impl Strategy<Value = Act> {
    let expected = || proptest::option::weighted(0.6, any::<bool>());
    prop_oneof![
        8 => (0_usize..4, expected(), 0_usize..3)
            .prop_map(|(device, expected, name)| Act::Put { device, expected, name }),
        3 => (0_usize..4, expected())
            .prop_map(|(device, expected)| Act::Remove { device, expected }),
        2 => (0_usize..2, proptest::collection::vec(0_usize..4, 0..4))
            .prop_map(|(group, devices)| Act::Group { group, devices }),
        1 => (0_usize..2).prop_map(Act::RemoveGroup),
        2 => (0_usize..2, any::<bool>())
            .prop_map(|(name, there)| Act::Credential { name, there }),
        4 => (0_usize..4, any::<bool>(), -90_000_i64..90_000)
            .prop_map(|(device, there, clock)| Act::Foreign { device, there, clock }),
        8 => (1_usize..4).prop_map(Act::Relay),
        1 => Just(Act::Again),
        2 => Just(Act::Cut),
    ]
}

struct Run {
    world: World,
    sections: Sections,
    /// Every record that a topic of a kind got, last of each.
    topic: std::collections::BTreeMap<DeviceId, Option<Device>>,
    seen: usize,
    cuts: bool,
    answers: Vec<EntityAnswer>,
    last: Option<EntityCommand>,
}

const NAMES: [&str; 4] = ["one", "two", "three", "four"];

impl Run {
    fn new(cuts: bool) -> Self {
        Self {
            world: World::new(),
            sections: Sections::new(),
            topic: std::collections::BTreeMap::new(),
            seen: 0,
            cuts,
            answers: Vec::new(),
            last: None,
        }
    }

    fn ask(&mut self, kind: &str, id: &str, expected: Option<bool>, body: Option<String>) {
        let known = self.world.state.revision(kind, id).unwrap_or(0);
        self.world.requests += 1;
        let command = EntityCommand {
            tenant: "default".to_owned(),
            request: self.world.requests.to_string(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            expected: expected.map(|right| if right { known } else { known + 1 }),
            body,
            by: "ada".to_owned(),
            at: 0,
        };
        self.answers.push(self.world.command(command.clone()));
        self.last = Some(command);
    }

    /// A version of a group that was just taken lists devices that there are.
    fn lists_what_there_is(&self, id: &str) {
        if self.answers.last().is_none_or(|answer| answer.outcome != EntityOutcome::Applied) {
            return;
        }
        let body = self.world.last(id).body.as_deref().unwrap();
        let body: DeviceGroup = serde_json::from_str(body).unwrap();
        for device in body.devices {
            let known = self.world.state.revision("device", &device.to_string());
            assert!(known.is_some(), "{device} of {id} is gone");
        }
    }

    fn act(&mut self, act: &Act) {
        let waiting = self.world.written.len();
        match act {
            Act::Put { device: n, expected, name } => {
                let credential = (*name == 1).then(|| "c0".to_owned());
                let device =
                    Device { credential, site: Some(name.to_string()), ..device(NAMES[*n]) };
                self.ask("device", &device.id.to_string(), *expected, Some(json(&device)));
            }
            Act::Remove { device: n, expected } => {
                self.ask("device", &device(NAMES[*n]).id.to_string(), *expected, None);
            }
            Act::Group { group: n, devices } => {
                let all: Vec<Device> = devices.iter().map(|n| device(NAMES[*n])).collect();
                let group = group(NAMES[*n], &all.iter().collect::<Vec<_>>());
                self.ask("device_group", &group.id, None, Some(json(&group)));
                self.lists_what_there_is(&group.id);
            }
            Act::RemoveGroup(n) => {
                self.ask("device_group", &group(NAMES[*n], &[]).id, None, None);
            }
            Act::Credential { name, there } => {
                let name = format!("c{name}");
                let body = format!(r#"{{"name":"{name}","kind":"snmp_v2c","version":3}}"#);
                self.ask("credential", &name, None, there.then_some(body));
            }
            Act::Foreign { device: n, there, clock } => {
                // Odd: no revision of ours, which are even.
                let updated_at = (self.world.at + clock) | 1;
                let device = Device { updated_at, ..device(NAMES[*n]) };
                self.world.write(Written::Device(device.id, there.then_some(device)));
            }
            Act::Relay(count) => {
                let count = (*count).min(waiting);
                self.world.relay(count);
                // Nothing is written for what is observed.
                assert_eq!(self.world.written.len(), waiting - count);
                self.seen -= count;
            }
            Act::Again => {
                if let Some(command) = self.last.clone() {
                    let again = self.world.command(command);
                    assert_eq!(Some(&again), self.answers.last());
                }
            }
            Act::Cut if self.cuts => {
                let sections = &mut self.sections;
                Entities.save(&mut self.world.state, &mut |section, bytes| {
                    sections.insert(section, bytes.to_vec());
                });
                self.world.state = Entities.load(1, sections).unwrap();
            }
            Act::Cut => {}
        }
        for (written, _) in self.world.written.iter().skip(self.seen) {
            if let Written::Device(id, device) = written {
                self.topic.insert(*id, device.clone());
            }
        }
        self.seen = self.world.written.len();
    }
}

proptest! {
    #![proptest_config(hostile::cases(400))]

    /// The same answers and the same versions, and the same state.
    #[test]
    fn cut_anywhere_it_is_the_uncut_run(acts in proptest::collection::vec(act(), 1..80)) {
        let (mut whole, mut cut) = (Run::new(false), Run::new(true));
        for act in &acts {
            whole.act(act);
            cut.act(act);
        }
        prop_assert_eq!(whole.answers, cut.answers);
        prop_assert_eq!(whole.world.versions, cut.world.versions);
        // What is still to be saved is not of the state.
        let saved = |state: &mut EntityState| {
            Entities.save(state, &mut |_, _| {});
            format!("{state:?}")
        };
        prop_assert_eq!(saved(&mut whole.world.state), saved(&mut cut.world.state));
    }

    /// Once all was relayed, each device is as the topic has it, and so is its last version; and
    /// revisions that were decided here rise.
    #[test]
    fn what_is_decided_is_what_the_topic_has(acts in proptest::collection::vec(act(), 1..120)) {
        let mut run = Run::new(true);
        for act in &acts {
            run.act(act);
        }
        run.world.relay(usize::MAX);
        for (id, device) in &run.topic {
            let id = id.to_string();
            let known = run.world.state.revision("device", &id);
            prop_assert_eq!(known, device.as_ref().map(|device| device.updated_at), "{}", id);
            let last = run.world.versions.iter().rfind(|version| version.id == id);
            prop_assert_eq!(last.map(|last| last.present).unwrap_or_default(), device.is_some());
        }
        // What came back of ours is no version of its own.
        for ours in run.world.versions.iter().filter(|version| version.by == "ada") {
            let same = |it: &&Entity| (&it.kind, &it.id, it.revision) == (&ours.kind, &ours.id, ours.revision);
            prop_assert_eq!(run.world.versions.iter().filter(same).count(), 1, "{:?}", ours);
        }
    }

    /// Any number of writers that have seen the same revision: one of them is applied.
    #[test]
    fn of_those_who_saw_the_same_one_is_applied(
        writers in 2_usize..6,
        removes in any::<u8>(),
        between in proptest::collection::vec(0_usize..4, 0..6),
    ) {
        let mut world = World::new();
        let one = device("one");
        let seen = world.put(&one, None).revision;
        let (mut applied, id) = (0, one.id.to_string());
        for writer in 0..writers {
            let body = (removes >> writer & 1 == 0).then(|| json(&one));
            let answer = world.ask("device", &id, Some(seen), body);
            applied += usize::from(answer.outcome == EntityOutcome::Applied);
            world.relay(between.get(writer).copied().unwrap_or_default());
        }
        prop_assert_eq!(applied, 1);
    }

    /// Any bytes as a body: an answer.
    #[test]
    fn any_body_is_answered(
        body in hostile::Corpus::new([
            json(&device("one")).into_bytes(),
            json(&group("core", &[&device("one")])).into_bytes(),
            br#"{"name":"lab","kind":"snmp_v2c","version":3}"#.to_vec(),
        ]).bytes(),
        kind in prop_oneof![Just("device"), Just("device_group"), Just("credential")],
    ) {
        let mut world = World::new();
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = world.ask(kind, &device("one").id.to_string(), None, Some(body));
        prop_assert!(matches!(answer.outcome, EntityOutcome::Applied | EntityOutcome::Refused));
        prop_assert_eq!(answer.outcome == EntityOutcome::Refused, !answer.problems.is_empty());
    }
}
