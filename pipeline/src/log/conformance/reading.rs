//! Readers begin where they are asked to and know where they are.

use super::*;

pub(crate) fn starts_where_it_is_asked_to(h: &dyn Harness) {
    let topic = topic(h, 1, DAY);
    let open = |from| h.log().reader(&topic, &[0], from).unwrap();
    let mut empty = open(Start::Earliest);
    assert_eq!(rest(h, &mut *empty, 1), []);
    produce(h, (0..20).map(|n| record(&topic, 0, "k", &n.to_string())).collect());
    let everything = rest(h, &mut *empty, 1);
    assert_eq!(everything.len(), 20);
    let mut later = open(Start::At(everything[12].offset));
    assert_eq!(rest(h, &mut *later, 1), everything[12..]);
    let end = until(h, "the end", || later.end(0).ok());
    let mut at_end = open(Start::At(end));
    let mut latest = open(Start::Latest);
    assert_eq!((polled(&mut *at_end), polled(&mut *latest)), (vec![], vec![]));
    produce(h, vec![record(&topic, 0, "k", "new")]);
    assert_eq!(values(&rest(h, &mut *at_end, 1)), ["new"]);
    assert_eq!(values(&rest(h, &mut *latest, 1)), ["new"]);
}

pub(crate) fn position_reaches_the_end(h: &dyn Harness) {
    let topic = topic(h, 1, DAY);
    let mut task = join(h, &spec(&fresh("g"), &topic, "0"));
    let mut reader = h.log().reader(&topic, &[], Start::Earliest).unwrap();
    for round in 0..3 {
        task.send(record(&topic, 0, "k", "aborted")).unwrap();
        task.abort().unwrap();
        task.send(record(&topic, 0, "k", &round.to_string())).unwrap();
        commit(&mut *task, &[]);
    }
    task.send(record(&topic, 0, "k", "aborted")).unwrap();
    task.abort().unwrap();
    // Markers and aborted records at the very end count as read too.
    assert_eq!(values(&rest(h, &mut *reader, 1)), ["0", "1", "2"]);
    let position = reader.position(0);
    let mut again = h.log().reader(&topic, &[0], Start::At(position)).unwrap();
    assert_eq!(rest(h, &mut *again, 1), []);
}

pub(crate) fn members_know_how_far_they_are(h: &dyn Harness) {
    let topic = topic(h, 3, DAY);
    let mut task = join(h, &spec(&fresh("g"), &topic, "0"));
    let mut seen = Seen::default();
    seen.wait(h, &mut *task, 3);
    let at_the_end = |seen: &mut Seen, task: &mut dyn Task| {
        until(h, "the member at the end", || {
            seen.poll(task);
            let ends = h.log().ends(&topic).ok()?;
            let ends: BTreeMap<i32, i64> = (0..).zip(ends).collect();
            (task.positions() == ends).then_some(ends)
        })
    };
    assert!(at_the_end(&mut seen, &mut *task).values().all(|end| *end == 0));
    let mut writer = join(h, &spec(&fresh("g"), &topic, "0"));
    for round in 0..3 {
        writer.send(record(&topic, 1, "k", "aborted")).unwrap();
        writer.abort().unwrap();
        writer.send(record(&topic, round % 2, "k", &round.to_string())).unwrap();
        commit(&mut *writer, &[]);
    }
    writer.send(record(&topic, 1, "k", "aborted")).unwrap();
    writer.abort().unwrap();
    // Markers and aborted records at the very end count as read too.
    let ends = at_the_end(&mut seen, &mut *task);
    assert!(ends[&0] >= 2 && ends[&1] >= 1 && ends[&2] == 0, "{ends:?}");
    for (partition, end) in &ends {
        let mut reader = h.log().reader(&topic, &[*partition], Start::Latest).unwrap();
        assert_eq!(until(h, "the end", || reader.end(*partition).ok()), *end);
    }
    task.start(0, Start::At(0)).unwrap();
    assert_eq!(task.positions()[&0], 0);
    assert_eq!(seen.records.len(), 3);
}

pub(crate) fn waits_for_records(h: &dyn Harness) {
    let topic = topic(h, 1, DAY);
    let mut reader = h.log().reader(&topic, &[], Start::Earliest).unwrap();
    let log = h.log();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            let producer = log.producer(&fresh("p")).unwrap();
            producer.send(record(&topic, 0, "k", "late"), None).unwrap();
            producer.flush(DEADLINE).unwrap();
        });
        let read = until(h, "the record", || {
            let records = reader.poll(Duration::from_secs(2)).unwrap();
            (!records.is_empty()).then_some(records)
        });
        assert_eq!(values(&read), ["late"]);
    });
}

pub(crate) fn out_of_range_is_said(h: &dyn Harness) {
    let topic = topic(h, 1, DAY);
    produce(h, (0..5).map(|n| record(&topic, 0, "k", &n.to_string())).collect());
    let check = |error: LogError| match error {
        LogError::OutOfRange { topic: name, partition, wanted, earliest, end, remedy } => {
            assert_eq!((&*name, partition, wanted), (&*topic, 0, 1_000));
            assert!(earliest == 0 && (5..1_000).contains(&end));
            assert!(remedy.len() > 20, "{remedy}");
        }
        other => panic!("{other}"),
    };
    let said = until(h, "the refusal", || match h.log().reader(&topic, &[0], Start::At(1_000)) {
        Err(error) => Some(error),
        Ok(mut reader) => reader.poll(POLL).err(),
    });
    check(said);
    let mut member = h.log().member(&spec(&fresh("g"), &topic, "0")).unwrap();
    until(h, "the partition", || match member.poll(POLL).unwrap() {
        Event::Assigned(_) => Some(()),
        Event::Revoked(_) | Event::Records(_) | Event::Lost(_) | Event::Idle => None,
    });
    check(member.start(0, Start::At(1_000)).unwrap_err());
    member.start(0, Start::At(3)).unwrap();
    let read = until(h, "the records", || match member.poll(POLL).unwrap() {
        Event::Records(records) => Some(records),
        Event::Revoked(_) | Event::Assigned(_) | Event::Lost(_) | Event::Idle => None,
    });
    assert_eq!(values(&read), ["3", "4"]);
}

pub(crate) fn reads_only_the_partitions_asked(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    produce(h, (0..40).map(|n| record(&topic, n % 4, "k", &n.to_string())).collect());
    let mut reader = h.log().reader(&topic, &[1, 3], Start::Earliest).unwrap();
    let mut records = Vec::new();
    until(h, "both partitions", || {
        records.extend(polled(&mut *reader));
        (records.len() >= 20).then_some(())
    });
    records.extend(polled(&mut *reader));
    assert_eq!(records.len(), 20);
    assert!(records.iter().all(|r| r.partition % 2 == 1));
}
