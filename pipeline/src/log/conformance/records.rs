//! Records come back as they were sent.

use super::*;
use crate::log::MAX_RECORD_BYTES;

pub(crate) fn come_back_as_sent(h: &dyn Harness) {
    let topic = topic(h, 2, DAY);
    let header = |n: &str, v: &str| (n.to_owned(), Bytes::copy_from_slice(v.as_bytes()));
    let new = |key, value, headers| NewRecord {
        topic: topic.clone(),
        partition: Some(1),
        key,
        value,
        headers,
    };
    let long = "x".repeat(100_000);
    let sent = vec![
        new(text("a"), text("1"), vec![]),
        new(None, text("without a key"), vec![]),
        new(text("a"), None, vec![]),
        new(text("a"), text(""), vec![]),
        new(text("a"), text(&long), vec![header("b", "2"), header("a", ""), header("b", "1")]),
        new(Some(Bytes::from_static(&[0, 255, 10])), text("bytes"), vec![]),
    ];
    produce(h, sent.clone());
    let read = all(h, &topic, 2);
    assert_eq!(read.len(), sent.len());
    for (read, sent) in read.iter().zip(&sent) {
        assert_eq!((&read.topic, read.partition), (&topic, 1));
        assert_eq!((&read.key, &read.value), (&sent.key, &sent.value));
        assert_eq!(read.headers, sent.headers);
        assert!(read.timestamp_ms > 0);
    }
    for pair in read.windows(2) {
        assert!(pair[0].offset < pair[1].offset);
        assert!(pair[0].timestamp_ms <= pair[1].timestamp_ms);
    }
}

/// Bytes that no compression makes smaller.
fn noise(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect::<Vec<u8>>().into()
}

pub(crate) fn largest_is_taken_and_one_more_refused(h: &dyn Harness) {
    let topic = topic(h, 1, DAY);
    let value = noise(MAX_RECORD_BYTES - 4 - 6);
    let fits = NewRecord {
        topic: topic.clone(),
        partition: None,
        key: text("four"),
        value: Some(value.clone()),
        headers: vec![("abc".to_owned(), Bytes::from_static(b"def"))],
    };
    let mut over = fits.clone();
    over.key = text("fives");
    let producer = h.log().producer(&fresh("p")).unwrap();
    let refused = producer.send(over.clone(), None).unwrap_err();
    let bytes = MAX_RECORD_BYTES + 1;
    assert_eq!(refused, LogError::TooLarge { topic: topic.to_string(), bytes });
    for _ in 0..3 {
        producer.send(fits.clone(), None).unwrap();
    }
    flush(h, &*producer);
    let mut task = join(h, &spec(&fresh("g"), &topic, "0"));
    task.send(fits.clone()).unwrap();
    assert_eq!(
        task.send(over).unwrap_err(),
        LogError::TooLarge { topic: topic.to_string(), bytes }
    );
    commit(&mut *task, &[]);
    let read = all(h, &topic, 1);
    assert_eq!(read.len(), 4);
    assert!(read.iter().all(|r| r.value.as_ref() == Some(&value)));
}

pub(crate) fn a_large_transaction_is_whole(h: &dyn Harness) {
    let topic = topic(h, 3, DAY);
    let mut task = join(h, &spec(&fresh("g"), &topic, "0"));
    let pad = "y".repeat(1_000);
    for n in 0..6_000 {
        task.send(record(&topic, n % 3, "k", &format!("{n} {pad}"))).unwrap();
    }
    let before = all(h, &topic, 0);
    assert_eq!(before, []);
    commit(&mut *task, &[]);
    let mut reader = h.log().reader(&topic, &[], Start::Earliest).unwrap();
    let mut read = [0_i32, 1, 2];
    let mut count = 0;
    until(h, "all records", || {
        let records = polled(&mut *reader);
        assert!(records.len() <= crate::log::MAX_POLL_RECORDS);
        count += records.len();
        for record in records {
            let value = record.value.unwrap();
            let number = std::str::from_utf8(&value).unwrap().split(' ').next().unwrap();
            let next = &mut read[usize::try_from(record.partition).unwrap()];
            assert_eq!(number.parse::<i32>().unwrap(), *next, "in order in its partition");
            *next += 3;
        }
        (count == 6_000).then_some(())
    });
}

pub(crate) fn keys_go_where_java_sends_them(h: &dyn Harness) {
    let topic = topic(h, 12, DAY);
    // toPositive(murmur2(key)) % 12, with the hashes of Kafka's UtilsTest.
    let keys = [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let mut task = join(h, &spec(&fresh("g"), &topic, "0"));
    let any = |key: &str| NewRecord { partition: None, ..record(&topic, 0, key, key) };
    for (key, _) in keys {
        task.send(any(key)).unwrap();
    }
    commit(&mut *task, &[]);
    produce(h, keys.iter().map(|(key, _)| any(key)).collect());
    let read = all(h, &topic, 12);
    assert_eq!(read.len(), 2 * keys.len());
    for (key, hash) in keys {
        let want = (hash & 0x7fff_ffff) % 12;
        let got: Vec<i32> =
            read.iter().filter(|r| r.key == text(key)).map(|r| r.partition).collect();
        assert_eq!(got, [want, want], "{key}");
    }
}

pub(crate) fn without_a_key_any_partition(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    let new = |n: i32| NewRecord {
        topic: topic.clone(),
        partition: None,
        key: None,
        value: text(n.to_string()),
        headers: vec![],
    };
    produce(h, (0..100).map(new).collect());
    let mut found: Vec<i32> =
        values(&all(h, &topic, 4)).iter().map(|v| v.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..100).collect::<Vec<i32>>());
}

pub(crate) fn survive_a_restart(h: &dyn Harness) {
    let topic = topic(h, 2, DAY);
    let group = fresh("g");
    produce(h, (0..50).map(|n| record(&topic, n % 2, "k", &n.to_string())).collect());
    let mut task = join(h, &spec(&group, &topic, "0"));
    Seen::default().wait(h, &mut *task, 2);
    task.send(record(&topic, 0, "k", "by the task")).unwrap();
    commit(&mut *task, &[at(1, 7)]);
    let before = all(h, &topic, 2);
    task.leave();
    h.restart();
    // Between partitions there is no order.
    let sorted = |records: &[Record]| {
        let mut records = records.to_vec();
        records.sort_by_key(|r| (r.partition, r.offset));
        records
    };
    assert_eq!(sorted(&all(h, &topic, 2)), sorted(&before));
    let mut task = join(h, &spec(&group, &topic, "0"));
    Seen::default().wait(h, &mut *task, 2);
    task.send(record(&topic, 0, "k", "by its next life")).unwrap();
    commit(&mut *task, &[at(1, 8)]);
    produce(h, vec![record(&topic, 0, "k", "later")]);
    let last = all(h, &topic, 2).into_iter().rfind(|r| r.partition == 0).unwrap();
    let earlier = before.iter().filter(|r| r.partition == 0).map(|r| r.offset).max().unwrap();
    assert_eq!(last.value, text("later"));
    assert!(last.offset > earlier);
}

pub(crate) fn topics_are_compared(h: &dyn Harness) {
    let name = topic(h, 3, DAY);
    let right = TopicSpec { name: name.clone(), partitions: 3, cleanup: DAY };
    h.log().ensure_topics(std::slice::from_ref(&right)).unwrap();
    let partitions = TopicSpec { partitions: 4, ..right.clone() };
    let cleanup = TopicSpec { cleanup: Cleanup::Compact, ..right };
    for (wrong, word) in [(partitions, "partitions"), (cleanup, "clean")] {
        match h.log().ensure_topics(&[wrong]).unwrap_err() {
            LogError::Mismatch { topic, difference } => {
                assert_eq!(*topic, *name);
                assert!(difference.contains(word), "{difference}");
            }
            other => panic!("{other}"),
        }
    }
}
