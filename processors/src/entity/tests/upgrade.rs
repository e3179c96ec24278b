//! Others that write to the topics of the kinds: sources, and processes of the release before.

use super::*;

/// As a process of the release before writes, by its own clock.
fn by_hand(device: &Device, updated_at: i64) -> Written {
    Written::Device(device.id, Some(Device { updated_at, ..device.clone() }))
}

#[test]
fn what_comes_back_of_ours_changes_nothing() {
    let mut world = World::new();
    let one = device("one");
    world.put(&one, None);
    world.put(&one, None);
    world.ask("device", &one.id.to_string(), None, None);
    let last = world.put(&one, Some(0)).revision;
    world.put_credential("lab");
    let versions = world.versions.len();
    while !world.written.is_empty() {
        world.relay(1);
        assert_eq!((world.revision(&one), world.versions.len()), (Some(last), versions));
    }
    assert!(world.state.echoes(&("device".to_owned(), one.id.to_string())).is_empty());
    // Once more, as a relay that begins anew would not do: it is known.
    world.write(by_hand(&one, last));
    world.relay(1);
    assert_eq!((world.revision(&one), world.versions.len()), (Some(last), versions));
}

#[test]
fn a_credential_removed_and_made_again_is_there() {
    let mut world = World::new();
    for _ in 0..3 {
        world.put_credential("lab");
        world.ask("credential", "lab", None, None);
    }
    let last = world.put_credential("lab").revision;
    let versions = world.versions.len();
    world.relay(20);
    assert_eq!(world.state.revision("credential", "lab"), Some(last));
    assert_eq!(world.versions.len(), versions);
    assert!(world.state.echoes(&("credential".to_owned(), "lab".to_owned())).is_empty());
}

/// An upgrade learns what there is, whoever wrote it and however wrong it is.
#[test]
fn what_was_there_before_is_learned() {
    let mut world = World::new();
    let one = Device { source: "file".to_owned(), ..device("one") };
    let twin =
        Device { address: one.address.clone(), credential: Some("lab".into()), ..device("two") };
    world.write(by_hand(&one, START - 5));
    world.write(by_hand(&twin, START - 4));
    let change = CredentialChange {
        tenant: "default".to_owned(),
        name: "lab".to_owned(),
        version: 9,
        present: true,
        revision: 0,
    };
    world.write(Written::Credential("lab".to_owned(), Some(change)));
    world.relay(9);
    assert_eq!((world.revision(&one), world.revision(&twin)), (Some(START - 5), Some(START - 4)));
    assert_eq!(world.last(&one.id.to_string()).by, "file");
    assert!(world.state.revision("credential", "lab").is_some_and(|revision| revision > START));
    assert!(world.written.is_empty(), "nothing is written again");
    // It can be changed without its twin being in the way, and the reference holds.
    let renamed = Device { name: "due".to_owned(), ..twin };
    check(&world.put(&renamed, Some(START - 4)), EntityOutcome::Applied, Some(world.at));
    refused(&world.ask("credential", "lab", None, None), "", &["due"]);
}

#[test]
fn an_old_api_whose_clock_is_behind_is_believed() {
    let mut world = World::new();
    let one = device("one");
    world.put(&one, None);
    world.relay(1);
    // Written after ours was: it is what the topic has, although its revision is lower.
    world.write(by_hand(&one, START - 60_000));
    world.relay(1);
    assert_eq!(world.revision(&one), Some(START - 60_000));
    let last = world.put(&one, Some(START - 60_000));
    check(&last, EntityOutcome::Applied, Some(world.at));
    world.relay(1);
    // A removal, too, and what it writes afterwards.
    world.write(Written::Device(one.id, None));
    world.relay(1);
    assert_eq!(world.revision(&one), None);
    assert_eq!(world.last(&one.id.to_string()).by, "api", "who maintained it");
    world.write(by_hand(&one, START));
    world.relay(1);
    assert_eq!(world.revision(&one), Some(START));
}

#[test]
fn a_source_that_was_before_a_person_in_the_topic_is_overwritten() {
    let mut world = World::new();
    let one = Device { source: "file".to_owned(), ..device("one") };
    world.write(by_hand(&one, 5));
    world.relay(1);
    // The source writes, a person asks before it was relayed: theirs is later in the topic.
    world.write(by_hand(&one, 6));
    let person = world.put(&Device { name: "uno".to_owned(), ..one.clone() }, None).revision;
    world.relay(1);
    assert_eq!(world.revision(&one), Some(person), "not the source's");
    world.relay(1);
    assert_eq!(world.revision(&one), Some(person));
    // The source writes after the person.
    world.write(by_hand(&one, 7));
    world.relay(1);
    assert_eq!(world.revision(&one), Some(7));
    assert_eq!(world.last(&one.id.to_string()).by, "file");
}

#[test]
fn a_late_observation_does_not_bring_back_what_was_removed() {
    let mut world = World::new();
    let one = device("one");
    world.put(&one, None);
    world.write(by_hand(&one, START));
    world.ask("device", &one.id.to_string(), None, None);
    for _ in 0..3 {
        world.relay(1);
        assert_eq!(world.revision(&one), None);
    }
    assert_eq!(world.versions.len(), 2);
}

#[test]
fn a_removal_by_another_is_not_taken_for_ours() {
    let mut world = World::new();
    let one = device("one");
    world.write(Written::Device(one.id, None));
    world.put(&one, None);
    world.ask("device", &one.id.to_string(), None, None);
    world.relay(3);
    assert_eq!((world.revision(&one), world.versions.len()), (None, 2));
}

/// A relay that was away for so long that compaction has taken our record.
#[test]
fn what_never_comes_back_is_not_waited_for() {
    let mut world = World::new();
    let one = device("one");
    world.put(&one, None);
    world.written.clear();
    world.at += ECHO_LOST_MS;
    world.write(by_hand(&one, 9));
    world.relay(1);
    assert_eq!(world.revision(&one), Some(9));
}

#[test]
fn what_is_absurd_is_counted() {
    let mut world = World::new();
    let observed = |kind: &str, body: &str| EntityObserved {
        tenant: "default".to_owned(),
        kind: kind.to_owned(),
        id: "x".to_owned(),
        revision: 1,
        name: String::new(),
        body: Some(body.to_owned()),
        source: "file".to_owned(),
        at: START,
    };
    world.step(EntityInput::Observed(observed("rack", "{}")));
    world.step(EntityInput::Observed(observed("device", "[")));
    assert_eq!(world.counts, [DropReason::AbsurdRecord, DropReason::AbsurdRecord]);
    let one = device("one");
    world.write(by_hand(&one, i64::MAX));
    world.relay(1);
    let revision = world.revision(&one).unwrap();
    assert!(revision < world.at, "{revision} is the log's time");
    check(&world.put(&one, Some(revision)), EntityOutcome::Applied, Some(world.at));
}
