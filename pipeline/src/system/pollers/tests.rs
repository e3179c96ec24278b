use super::*;

fn device(n: usize) -> DeviceId {
    DeviceId::from_source("test", &n.to_string())
}

fn timing(n: usize, last_at: i64) -> PollTiming {
    PollTiming {
        device: device(n),
        device_name: format!("edge-router-{n}.zurich.example.net"),
        connector: "snmp".to_owned(),
        last_duration_ms: Some(120),
        last_outcome: Some("ok".to_owned()),
        last_at: Some(last_at),
        slowest_table: Some("ifXTable".to_owned()),
        slowest_table_ms: Some(90),
        requests: 123_456,
        timeouts: 12,
    }
}

fn of(count: usize, at_ms: i64) -> impl Fn(usize, usize) -> Vec<PollTiming> {
    move |at, parts| {
        let all = (0..count).filter(|n| part_of(device(*n), parts) == at);
        all.map(|n| timing(n, at_ms)).collect()
    }
}

fn status(instance: &str, started_at: i64, part: i32, parts: i32) -> PollerStatus {
    PollerStatus { instance: instance.to_owned(), started_at, part, parts, timings: Vec::new() }
}

/// 20,000 entries: what 10,000 devices with two connectors give.
#[test]
fn many_devices_are_written_in_parts_within_a_minute() {
    const ENTRIES: usize = 20_000;
    let mut publisher = Publisher::default();
    let all = publisher.due(ENTRIES, of(ENTRIES, 1_700_000_000_000));
    assert_eq!(all.iter().map(|(_, _, it)| it.len()).sum::<usize>(), ENTRIES);
    let (mut bytes, mut largest, mut written) = (0, 0, 0);
    for _ in 0..ROUNDS {
        for (part, parts, timings) in publisher.due(ENTRIES, of(ENTRIES, 1_700_000_060_000)) {
            written += timings.len();
            let status = PollerStatus { timings, ..status("connect@host-1", 1, part, parts) };
            let length = schemas::encode(&status).unwrap().len();
            (bytes, largest) = (bytes + length, largest.max(length));
        }
    }
    assert_eq!(written, ENTRIES, "each once a minute");
    assert!(largest < 64 * 1024, "{largest} bytes");
    println!("{} bytes a second, the largest record has {largest}", bytes / (2 * ROUNDS));
    assert!(bytes / (2 * ROUNDS) < 64 * 1024);
    // What has not changed is not written again.
    let again = (0..ROUNDS).map(|_| publisher.due(ENTRIES, of(ENTRIES, 1_700_000_060_000)));
    assert_eq!(again.map(|it| it.len()).sum::<usize>(), 0);
}

#[test]
fn another_number_of_devices_brings_all_at_once() {
    let mut publisher = Publisher::default();
    assert_eq!(publisher.due(0, of(0, 1)).len(), 1, "there are none");
    assert_eq!(publisher.due(10, of(10, 1)).len(), 1);
    assert_eq!(publisher.due(10, of(10, 1)).len(), 0);
    assert_eq!(publisher.due(1_000, of(1_000, 1)).len(), 4);
    assert_eq!(publisher.due(10, of(10, 1)).len(), 1);
}

#[test]
fn each_device_is_of_the_process_that_polled_it_last() {
    let pollers = Pollers::default();
    let put = |instance: &str, at, timings| {
        pollers.put(PollerStatus { timings, ..status(instance, at, 0, 1) })
    };
    put("connect@a", 5, vec![timing(1, 10), timing(2, 10)]);
    put("connect@b", 5, vec![timing(1, 20)]);
    let all = |own: &str| {
        let all = pollers.all(own, Vec::new()).into_iter();
        let mut all: Vec<_> = all.map(|(of, it)| (of, it.last_at)).collect();
        all.sort();
        all
    };
    let of = |instance: &str, at| (instance.to_owned(), Some(at));
    assert_eq!(all("api@a"), [of("connect@a", 10), of("connect@b", 20)]);
    // A process knows its own better.
    assert_eq!(all("connect@b"), [of("connect@a", 10), of("connect@a", 10)]);
    // What an earlier run wrote is void.
    put("connect@b", 4, vec![timing(1, 30)]);
    assert_eq!(all("api@a"), [of("connect@a", 10), of("connect@b", 20)]);
    pollers.remove("connect@b/0");
    assert_eq!(all("api@a"), [of("connect@a", 10), of("connect@a", 10)]);
}

#[test]
fn parts_of_whom_nobody_knows_are_removed() {
    let pollers = Pollers::default();
    assert!(pollers.put(status("connect@a", 1, 3, 4)).is_empty());
    assert_eq!(pollers.put(status("connect@a", 1, 0, 2)), ["connect@a/3"]);
    assert!(pollers.put(status("connect@a", 1, 1, 2)).is_empty());
    assert!(pollers.unknown(&["connect@a"], 0).is_empty());
    assert!(pollers.unknown(&[], 1).is_empty());
    assert!(pollers.unknown(&[], UNKNOWN_MS).is_empty());
    assert_eq!(pollers.unknown(&[], UNKNOWN_MS + 1), ["connect@a/0", "connect@a/1"]);
}
