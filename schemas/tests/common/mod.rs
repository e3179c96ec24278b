//! One record of every type, every field set.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

use std::sync::OnceLock;

use schemas::*;

pub fn device() -> DeviceId {
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse().unwrap()
}

pub fn poll() -> Poll {
    Poll {
        tenant: "default".into(),
        device: device(),
        connector: "snmp".into(),
        cycle: 7,
        part: 0,
        parts: 1,
        interval_ms: 60_000,
        started_at: 1_700_000_000_000,
        mono_ms: 123_456,
        poller: "p".into(),
        duration_ms: 12,
        outcome: Outcome::Partial,
        error: Some("ifXTable: timeout".into()),
        uptime_cs: Some(4_294_967_295),
        instances: vec![String::new(), "ge-0/0/1".into()],
        columns: vec![
            Column {
                metric: "if_in_bps".into(),
                unit: "bit/s".into(),
                kind: Kind::Counter64,
                scale: 8.0,
                ceiling: Some("if_speed_bps".into()),
                detect: true,
                quantum: 0.0,
                instances: vec![1],
                at_ms: vec![3],
                counts: vec![u64::MAX as i64],
                gauges: vec![],
            },
            Column {
                metric: "icmp_rtt_ms".into(),
                unit: "ms".into(),
                kind: Kind::Gauge,
                scale: 1.0,
                ceiling: None,
                detect: false,
                quantum: 0.1,
                instances: vec![0],
                at_ms: vec![0],
                counts: vec![],
                gauges: vec![0.25],
            },
        ],
        facts: vec![Fact { instance: String::new(), name: "sys_name".into(), value: "r1".into() }],
        identities: vec![0, i64::MIN],
        target: -7,
    }
}

/// Sees records of all types.
pub trait Visit {
    fn see<T: AvroRecord + PartialEq + std::fmt::Debug>(&mut self, record: &T);
}

pub fn visit_all(visit: &mut impl Visit) {
    visit.see(&poll());
    visit.see(&Device {
        tenant: "default".into(),
        id: device(),
        name: "r1".into(),
        address: "192.0.2.10".into(),
        port: 161,
        profile: "auto".into(),
        credential: Some("lab-v2c".into()),
        site: None,
        tags: vec!["core".into()],
        interval_ms: 60_000,
        snmp: true,
        icmp: false,
        enabled: true,
        source: "file".into(),
        updated_at: 1,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    });
    visit.see(&Control {
        tenant: "default".into(),
        device: device(),
        name: "r1".into(),
        present: true,
        enabled: true,
        snmp: true,
        icmp: true,
        interval_ms: 1,
        at: 2,
    });
    visit.see(&Tick { at: -1 });
    visit.see(&CredentialChange {
        tenant: "default".into(),
        name: "lab-v2c".into(),
        version: 7,
        present: false,
        revision: 8,
    });
    visit.see(&Source {
        tenant: "default".into(),
        id: "file".into(),
        kind: "inventory-file".into(),
        instance: Some("h".into()),
        settings: [("path".to_owned(), "/etc/devices".to_owned())].into(),
        enabled: true,
        updated_at: 3,
    });
    visit.see(&Probe {
        tenant: "default".into(),
        id: "7".into(),
        address: "192.0.2.10".into(),
        port: 161,
        profile: "auto".into(),
        credential: None,
        any_source: true,
        requested_at: 9,
    });
    visit.see(&ProbeReport {
        tenant: "default".into(),
        id: "7".into(),
        at: 10,
        failure: None,
        steps: vec![ProbeStep {
            name: "icmp".into(),
            ok: true,
            detail: "2 of 2".into(),
            duration_ms: 4,
        }],
        sys_name: Some("r1".into()),
        sys_descr: None,
        profile: None,
        interfaces: Some(3),
    });
    visit.see(&ProcessStatus {
        instance: "process@h".into(),
        version: "0.1.0".into(),
        started_at: 1,
        at: 2,
        components: vec![ComponentStatus {
            name: "process route".into(),
            state: "waiting".into(),
            detail: "why".into(),
            since: 3,
            group: "route".into(),
            topic: "device".into(),
            partitions: vec![3],
            lag: Some(4),
            lag_ms: None,
        }],
        reads: vec![ReadStatus {
            group: "route".into(),
            topic: "device".into(),
            partition: 3,
            next: Some(7),
            newest_at: None,
        }],
        state: "ended".into(),
        roles: vec!["process".into()],
        host: "h".into(),
        warnings: vec!["ICMP: not permitted".into()],
        figures: vec![Figure { name: "log_lines_dropped".into(), value: 2 }],
    });
    visit.see(&PollerStatus {
        instance: "connect@h".into(),
        started_at: 1,
        part: 0,
        parts: 1,
        timings: vec![PollTiming {
            device: device(),
            device_name: "r1".into(),
            connector: "snmp".into(),
            last_duration_ms: Some(12),
            last_outcome: Some("ok".into()),
            last_at: None,
            slowest_table: Some("ifXTable".into()),
            slowest_table_ms: Some(9),
            requests: 7,
            timeouts: 1,
        }],
    });
    visit.see(&ProcessLog {
        instance: "sink@h".into(),
        at: 1,
        level: "warn".into(),
        component: "sink metric".into(),
        target: "pipeline::run::sink".into(),
        message: "holding".into(),
        fields: vec![LogField { name: "error".into(), value: "away".into() }],
        suppressed: 3,
    });
    visit.see(&MetricBatch {
        tenant: "default".into(),
        device: device(),
        at: 5,
        series: vec![SeriesId(-1), SeriesId(2)],
        at_ms: vec![0, 1],
        values: vec![1.5, -0.0],
        flags: vec![SampleFlags::WRAP, 0],
        gaps: vec![Gap { series: SeriesId(3), at_ms: 1, reason: GapReason::NotPresent }],
        interval_ms: 60_000,
        connector: "snmp".into(),
        answered: false,
    });
    visit.see(&Rollup {
        tenant: "default".into(),
        device: device(),
        width_ms: 300_000,
        bucket: 300_000,
        repair: true,
        series: vec![SeriesId(1)],
        counts: vec![2],
        sums: vec![3.0],
        mins: vec![1.0],
        maxs: vec![2.0],
        lasts: vec![2.0],
    });
    visit.see(&Baseline {
        tenant: "default".into(),
        device: device(),
        bucket: 0,
        width_ms: 300_000,
        method: "robust-1".into(),
        series: vec![SeriesId(1)],
        expected: vec![1.0],
        lower: vec![0.0],
        upper: vec![2.0],
    });
    visit.see(&Anomaly {
        tenant: "default".into(),
        id: "00-1".into(),
        transition: Transition::Clear,
        device: device(),
        device_name: "r1".into(),
        series: SeriesId(1),
        metric: "if_in_bps".into(),
        instance: "ge-0/0/1".into(),
        unit: "bit/s".into(),
        onset_at: 1,
        at: 2,
        value: 3.0,
        expected: 1.0,
        lower: 0.5,
        upper: 1.5,
        score: 9.0,
        method: "robust".into(),
        version: 1,
        onset_value: Some(4.0),
        onset_expected: Some(1.0),
        onset_lower: Some(0.5),
        onset_upper: Some(1.5),
        peak_at: Some(2),
        peak_value: Some(5.0),
        peak_expected: None,
        peak_lower: None,
        peak_upper: Some(1.5),
    });
    visit.see(&DeviceStatus {
        tenant: "default".into(),
        device: device(),
        state: Availability::Degraded,
        since: 1,
        at: 2,
        reason: "loss 40 %".into(),
    });
    visit.see(&DeviceFacts {
        tenant: "default".into(),
        device: device(),
        at: 1,
        facts: poll().facts,
        part: 1,
        parts: 2,
    });
    visit.see(&Series {
        tenant: "default".into(),
        id: SeriesId(1),
        device: device(),
        metric: "m".into(),
        instance: "i".into(),
        unit: "1".into(),
        state: false,
    });
    visit.see(&DeadLetter {
        topic: "poll".into(),
        partition: 1,
        offset: 2,
        component: "device-chain".into(),
        reason: "truncated".into(),
        error: "cut off".into(),
        at: 3,
        key: None,
        value: Some(vec![0, 1, 255]),
    });
    visit_entities(visit);
}

/// Configuration.
fn visit_entities(visit: &mut impl Visit) {
    let id = device().to_string();
    visit.see(&EntityCommand {
        tenant: "default".into(),
        request: "7".into(),
        kind: "device".into(),
        id: id.clone(),
        expected: Some(0),
        body: Some("{}".into()),
        by: "ada".into(),
        at: 1,
    });
    visit.see(&EntityObserved {
        tenant: "default".into(),
        kind: "device".into(),
        id: id.clone(),
        revision: 2,
        name: "r1".into(),
        body: None,
        source: "file".into(),
        at: 3,
    });
    visit.see(&EntityAnswer {
        tenant: "default".into(),
        request: "7".into(),
        outcome: EntityOutcome::NotFound,
        revision: 4,
        problems: vec![EntityProblem { field: "name".into(), detail: "taken".into() }],
        at: 5,
    });
    visit.see(&Entity {
        tenant: "default".into(),
        kind: "device_group".into(),
        id,
        revision: 6,
        name: "core".into(),
        present: false,
        body: Some("{}".into()),
        by: "ada".into(),
        at: 7,
    });
}

/// All of them as they lie on the log.
pub fn encoded() -> Vec<Vec<u8>> {
    struct Encode(Vec<Vec<u8>>);
    impl Visit for Encode {
        fn see<T: AvroRecord + PartialEq + std::fmt::Debug>(&mut self, record: &T) {
            self.0.push(encode(record).unwrap());
        }
    }
    let mut encode = Encode(Vec::new());
    visit_all(&mut encode);
    encode.0
}

pub fn store() -> &'static SchemaStore {
    static STORE: OnceLock<SchemaStore> = OnceLock::new();
    STORE.get_or_init(SchemaStore::new)
}

/// The type of an encoded record.
pub fn name(bytes: &[u8]) -> String {
    let id = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
    store().name(id).unwrap()
}
