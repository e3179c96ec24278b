//! What becomes of commands, how they are refused, and what is saved.

use super::*;

#[test]
fn a_revision_is_the_logs_time_and_what_is_expected_is_checked() {
    let mut world = World::new();
    let one = device("one");
    check(&world.put(&one, Some(5)), EntityOutcome::NotFound, None);
    let first = world.put(&one, Some(0));
    check(&first, EntityOutcome::Applied, Some(world.at));
    let made = world.at;
    check(&world.put(&one, Some(0)), EntityOutcome::Conflict, Some(made));
    check(&world.put(&one, Some(made - 1)), EntityOutcome::Conflict, Some(made));
    let renamed = Device { name: "uno".to_owned(), ..one.clone() };
    check(&world.put(&renamed, Some(made)), EntityOutcome::Applied, Some(world.at));
    check(&world.put(&renamed, None), EntityOutcome::Applied, Some(world.at));
    let id = one.id.to_string();
    let last = world.last(&id).clone();
    assert_eq!((last.revision, last.at, &last.by[..]), (world.at, world.at, "ada"));
    assert_eq!((&last.name[..], last.present), ("uno", true));
    // The body and the record to be polled have the revision, too.
    let body: Device = serde_json::from_str(last.body.as_deref().unwrap()).unwrap();
    assert_eq!(body, Device { updated_at: last.revision, ..renamed });
    assert!(matches!(
        world.written.back(),
        Some((Written::Device(_, Some(written)), _)) if *written == body
    ));

    check(
        &world.ask("device", &id, Some(made), None),
        EntityOutcome::Conflict,
        Some(last.revision),
    );
    let gone = world.ask("device", &id, Some(last.revision), None);
    check(&gone, EntityOutcome::Applied, Some(world.at));
    let last = world.last(&id);
    assert_eq!((last.present, &last.name[..], &last.body), (false, "uno", &None));
    check(&world.ask("device", &id, None, None), EntityOutcome::NotFound, None);
    check(&world.ask("device", &id, Some(made), None), EntityOutcome::NotFound, None);
    assert_eq!(world.state.count(), 0);
}

/// Commands may have one time, and a broker whose clock is behind may take over.
#[test]
fn a_revision_rises_whatever_the_logs_clock_does() {
    let mut world = World::new();
    let one = device("one");
    let mut last = 0;
    for step in [0, -1_000, -500_000, 0, -3] {
        world.at += step - 1_000;
        let answer = world.put(&one, None);
        assert!(answer.revision > last, "{answer:?}");
        last = answer.revision;
    }
    let removed = world.ask("device", &one.id.to_string(), None, None).revision;
    world.at = START - 90_000;
    assert!(removed > last && world.put(&one, Some(0)).revision > removed);
}

#[test]
fn the_same_request_again_gives_the_same_answer_and_changes_nothing() {
    let mut world = World::new();
    let one = device("one");
    let command = |expected| EntityCommand {
        tenant: "default".to_owned(),
        request: "r".to_owned(),
        kind: "device".to_owned(),
        id: one.id.to_string(),
        expected,
        body: Some(json(&one)),
        by: "ada".to_owned(),
        at: 0,
    };
    let first = world.command(command(Some(0)));
    check(&first, EntityOutcome::Applied, Some(world.at));
    world.put(&Device { name: "uno".to_owned(), ..one.clone() }, None);
    let (versions, revision) = (world.versions.len(), world.revision(&one));
    assert_eq!(world.command(command(Some(0))), first);
    assert_eq!((world.versions.len(), world.revision(&one)), (versions, revision));
    // Forgotten after so many others.
    for _ in 0..MAX_ANSWERS {
        world.ask("device", "none", None, None);
    }
    check(&world.command(command(Some(0))), EntityOutcome::Conflict, revision);
}

#[test]
fn of_two_with_the_same_revision_one_is_applied() {
    let mut world = World::new();
    let one = device("one");
    let seen = world.put(&one, None).revision;
    check(&world.put(&one, Some(seen)), EntityOutcome::Applied, Some(world.at));
    let now = world.at;
    check(&world.put(&one, Some(seen)), EntityOutcome::Conflict, Some(now));
    check(
        &world.ask("device", &one.id.to_string(), Some(seen), None),
        EntityOutcome::Conflict,
        Some(now),
    );
}

#[test]
fn every_problem_is_named_with_its_field() {
    let mut world = World::new();
    let one = device("one");
    world.put(&one, None);
    let bad = Device {
        name: String::new(),
        address: "300.1.1.1".to_owned(),
        port: 0,
        interval_ms: 5,
        tags: vec![String::new()],
        credential: Some("lab".to_owned()),
        tenant: "other".to_owned(),
        ..device("two")
    };
    let answer = world.put(&bad, None);
    for (field, word) in [
        ("name", "0 characters"),
        ("address", "no IP address"),
        ("port", "65535"),
        ("interval_ms", "1000"),
        ("tags", "0 characters"),
        ("credential", "no credential of that name; make it first"),
        ("tenant", "other"),
    ] {
        refused(&answer, field, &[word]);
    }
    let twin = Device { address: one.address.clone(), ..device("two") };
    refused(&world.put(&twin, None), "address", &["the device \"one\" has that address and port"]);
    check(&world.put(&Device { port: 162, ..twin }, None), EntityOutcome::Applied, Some(world.at));
    refused(&world.ask("device", "x", None, Some(json(&one))), "id", &["the command is about"]);
    refused(&world.ask("device", "x", None, Some("{".to_owned())), "", &["the body is no device"]);
    refused(&world.ask("rack", "x", None, None), "kind", &["device, device_group, credential"]);
    let newer = json(&one).replacen('{', "{\"colour\":\"red\",", 1);
    let answer = world.ask("device", &one.id.to_string(), None, Some(newer));
    refused(&answer, "colour", &["older release", "role process"]);
    let nul = Device { name: "a\0b".to_owned(), ..device("three") };
    refused(&world.put(&nul, None), "", &["NUL"]);
    assert_eq!(world.versions.len(), 2, "nothing else was changed");
}

#[test]
fn names_of_groups_are_unique_whatever_their_case() {
    let mut world = World::new();
    let core = group("Core", &[]);
    check(&world.put_group(&core, Some(0)), EntityOutcome::Applied, Some(world.at));
    refused(
        &world.put_group(&group("CORE", &[]), None),
        "name",
        &["the device group \"Core\" has"],
    );
    let renamed = DeviceGroup { name: "core".to_owned(), ..core.clone() };
    check(&world.put_group(&renamed, None), EntityOutcome::Applied, Some(world.at));
    world.ask("device_group", &core.id, None, None);
    check(&world.put_group(&group("CORE", &[]), None), EntityOutcome::Applied, Some(world.at));
    let odd = DeviceGroup { id: "No-UUID".to_owned(), ..core };
    refused(&world.put_group(&odd, None), "id", &["UUID"]);
}

#[test]
fn what_devices_use_is_not_removed() {
    let mut world = World::new();
    check(&world.put_credential("lab"), EntityOutcome::Applied, Some(world.at));
    let seven: Vec<Device> = (1..=7)
        .map(|n| Device { credential: Some("lab".to_owned()), ..device(&format!("dev-{n}")) })
        .collect();
    for device in &seven {
        check(&world.put(device, None), EntityOutcome::Applied, Some(world.at));
    }
    let answer = world.ask("credential", "lab", None, None);
    refused(
        &answer,
        "",
        &["7 devices use it: ", "dev-1", "and 2 more; give each another credential"],
    );
    for device in &seven[1..] {
        world.put(&Device { credential: None, ..device.clone() }, None);
    }
    refused(&world.ask("credential", "lab", None, None), "", &["1 device uses it: dev-1; give"]);
    world.ask("device", &seven[0].id.to_string(), None, None);
    check(&world.ask("credential", "lab", None, None), EntityOutcome::Applied, Some(world.at));
    let (gone, change) = (world.written.pop_back(), world.written.pop_back());
    assert!(matches!(gone, Some((Written::Credential(name, None), _)) if name == "lab"));
    let Some((Written::Credential(_, Some(change)), _)) = change else { panic!() };
    assert_eq!((change.present, change.version, change.revision), (false, 3, world.at));
}

#[test]
fn a_removed_device_is_not_in_the_next_version_of_its_groups() {
    let mut world = World::new();
    let (one, two, three) = (device("one"), device("two"), device("three"));
    refused(&world.put_group(&group("core", &[&one]), None), "devices", &["no device of that id"]);
    world.put(&one, None);
    world.put(&two, None);
    let core = group("core", &[&one, &two, &one]);
    let made = world.put_group(&core, None).revision;
    world.ask("device", &one.id.to_string(), None, None);
    // The same where a source removes one.
    world.relay(9);
    world.write(Written::Device(two.id, None));
    world.relay(9);
    assert_eq!(world.state.count(), 1);
    assert_eq!(world.last(&core.id).revision, made, "it is not written again");

    // Those that it had are left out, others are refused.
    world.put(&three, None);
    let never = device("never");
    let wrong = group("core", &[&one, &three, &never]);
    let answer = world.put_group(&wrong, Some(made));
    refused(&answer, "devices", &[&never.id.to_string(), "no device of that id"]);
    assert_eq!(answer.problems.len(), 1, "{answer:?}");
    let odd = json(&core).replacen('{', "{\"colour\":\"red\",", 1);
    refused(&world.ask("device_group", &core.id, None, Some(odd)), "colour", &["older release"]);
    let more = group("core", &[&one, &three, &two]);
    check(&world.put_group(&more, Some(made)), EntityOutcome::Applied, Some(world.at));
    let last = world.last(&core.id);
    let body: DeviceGroup = serde_json::from_str(last.body.as_deref().unwrap()).unwrap();
    assert_eq!((body.devices, body.updated_at), (vec![three.id], world.at));
    // Now it has them no more.
    refused(&world.put_group(&more, None), "devices", &[&one.id.to_string()]);
}

/// A source that takes back all its devices, which one group lists.
#[test]
fn removals_cost_the_same_however_many_a_group_lists() {
    let mut world = World::new();
    let devices: Vec<Device> = (0..10_000).map(|n| device(&format!("d{n}"))).collect();
    for (n, device) in devices.iter().enumerate() {
        let address = format!("10.2.{}.{}", n / 250, 1 + n % 250);
        world.write(Written::Device(device.id, Some(Device { address, ..device.clone() })));
    }
    world.relay(usize::MAX);
    let all = group("all", &devices.iter().collect::<Vec<_>>());
    check(&world.put_group(&all, Some(0)), EntityOutcome::Applied, Some(world.at));
    for device in &devices[..2_000] {
        let observed = EntityObserved {
            tenant: "default".to_owned(),
            kind: "device".to_owned(),
            id: device.id.to_string(),
            revision: 0,
            name: String::new(),
            body: None,
            source: String::new(),
            at: world.at,
        };
        let record = EntityRecord { input: EntityInput::Observed(observed), at: world.at };
        let mut sink = Sink::default();
        Entities.step(&mut world.state, &record, &mut sink);
        let [EntityOutput::Gone(gone), EntityOutput::Version(version)] = &sink.outputs[..] else {
            panic!("{:?}", sink.outputs);
        };
        assert_eq!((&gone.id, version.present), (&device.id.to_string(), false));
    }
    assert_eq!(world.state.count(), 8_001);
    check(&world.put_group(&all, None), EntityOutcome::Applied, Some(world.at));
    let body = world.last(&all.id).body.as_deref().unwrap();
    let body: DeviceGroup = serde_json::from_str(body).unwrap();
    let left: Vec<DeviceId> = devices[2_000..].iter().map(|device| device.id).collect();
    assert_eq!(body.devices, left);
}

/// As `config apply --from-database` of a release before writes them.
#[test]
fn what_is_observed_without_a_time_is_of_when_the_log_took_it() {
    let mut world = World::new();
    let core = group("core", &[]);
    world.step(EntityInput::Observed(EntityObserved {
        tenant: "default".to_owned(),
        kind: "device_group".to_owned(),
        id: core.id.clone(),
        revision: 7,
        name: core.name.clone(),
        body: Some(json(&core)),
        source: "ada".to_owned(),
        at: 0,
    }));
    let last = world.last(&core.id);
    assert_eq!((last.at, last.revision, &last.by[..]), (world.at, 7, "ada"));
}

#[test]
fn limits_are_named() {
    let mut world = World::new();
    let long = DeviceGroup { description: "d".repeat(MAX_BODY_BYTES), ..group("core", &[]) };
    refused(&world.put_group(&long, None), "", &[&MAX_BODY_BYTES.to_string()]);
    let many = DeviceGroup {
        devices: (0..10_001).map(|n| DeviceId::from_source("d", &n.to_string())).collect(),
        ..group("core", &[])
    };
    refused(&world.put_group(&many, None), "devices", &["10001 devices", "10000"]);
    let body = json(&DeviceGroup { devices: many.devices[1..].to_vec(), ..many });
    assert!(body.len() + 250 * 20 < MAX_BODY_BYTES, "a full group fits: {}", body.len());

    let mut state = EntityState::default();
    for n in 0..MAX_ENTITIES {
        state.put(&("credential".to_owned(), n.to_string()), state::Entry::default());
    }
    world.state = state;
    refused(&world.put(&device("one"), None), "", &["200000 entities", "remove"]);
    world.write(Written::Device(device("one").id, Some(Device { updated_at: 5, ..device("one") })));
    world.relay(1);
    assert_eq!(world.counts, [DropReason::EntityLimit]);
}

#[test]
fn what_the_topic_must_not_have_is_refused() {
    let input = |tenant: &str, id: &str| EntityRecord {
        input: EntityInput::Observed(EntityObserved {
            tenant: tenant.to_owned(),
            kind: "device".to_owned(),
            id: id.to_owned(),
            revision: 0,
            name: String::new(),
            body: None,
            source: String::new(),
            at: 0,
        }),
        at: 0,
    };
    let check = |tenant: &str, id: &str| {
        let raw = Raw { key: Some(tenant.as_bytes()), value: None, appended_ms: 0 };
        input(tenant, id).check(&raw).map_err(|refusal| refusal.error)
    };
    assert!(check("default", "x").is_ok());
    assert!(check("a/b", "x").unwrap_err().contains("slash"));
    assert!(check("default", "").unwrap_err().contains("id has 0 bytes"));
    assert!(check("default", &"x".repeat(257)).unwrap_err().contains("257"));
    let raw = Raw { key: Some(b"other"), value: None, appended_ms: 0 };
    assert!(input("default", "x").check(&raw).is_err(), "another key");
    let tick = EntityRecord { input: EntityInput::Tick(Tick { at: 1 }), at: 1 };
    assert!(tick.key().is_none() && tick.check(&raw).is_ok());
}

#[test]
fn a_save_has_what_changed() {
    let mut world = World::new();
    let devices: Vec<Device> = (0..300).map(|n| device(&format!("d{n}"))).collect();
    for device in &devices {
        world.put(device, None);
    }
    let mut sections = Sections::new();
    let mut save = |state: &mut EntityState| {
        let mut saved = Vec::new();
        Entities.save(state, &mut |section, bytes| {
            saved.push(section);
            sections.insert(section, bytes.to_vec());
        });
        (saved, sections.clone())
    };
    assert!(save(&mut world.state).0.len() > 100);
    assert_eq!(save(&mut world.state).0, [0]);
    world.put(&devices[7], None);
    assert_eq!(save(&mut world.state).0.len(), 3, "its bucket and the answers");
    world.ask("device", &devices[7].id.to_string(), None, None);
    let (saved, all) = save(&mut world.state);
    assert_eq!(saved.len(), 4, "what was removed, too");
    let loaded = Entities.load(1, &all).unwrap();
    assert_eq!(loaded.count(), 299);
    assert_eq!(format!("{loaded:?}"), format!("{:?}", world.state));
    assert!(matches!(Entities.load(2, &all), Err(LoadError::Version { found: 2, known: 1 })));
    assert!(matches!(Entities.load(1, &Sections::new()), Err(LoadError::Missing { section: 0 })));
    let odd = Sections::from([(0, Vec::new()), (5, b"[[".to_vec())]);
    assert!(matches!(Entities.load(1, &odd), Err(LoadError::Malformed { section: 5, .. })));
}
