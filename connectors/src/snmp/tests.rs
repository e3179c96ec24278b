//! Sessions against an agent made of data: no sockets, no time, any misbehaviour.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::Outcome;

use super::agent::{Agent, arcs, message, number};
use super::ask::Ask;
use super::assemble::Gathered;
use super::ber;
use super::session::{Failure, MAX_TABLE_ROWS, Session};
use crate::profiles::Profiles;

/// Runs a poll to its end; `meddle` may change the agent before each answer.
fn poll(
    session: &mut Session,
    agent: &mut Agent,
    mut meddle: impl FnMut(&mut Agent, usize),
) -> Gathered {
    session.begin(1_000_000);
    for step in 0..200_000 {
        if session.is_done() {
            return session.finish(1_000_000);
        }
        let Some(ask) = session.next_ask() else { panic!("neither done nor anything to ask") };
        meddle(agent, step);
        let bytes = agent.answer(&ask, session, 7);
        let response = ber::response(&bytes).unwrap();
        session.answer(ask, &response, bytes.len(), 5).unwrap();
    }
    panic!("the poll does not end");
}

fn session() -> Session {
    Session::new(Arc::new(Profiles::load(None).unwrap()), "auto")
}

fn counters(gathered: &Gathered, metric: &str) -> BTreeMap<String, u64> {
    let columns = gathered.columns.iter().filter(|it| it.metric == metric);
    let mut all = BTreeMap::new();
    for column in columns {
        for (at, instance) in column.instances.iter().enumerate() {
            let value =
                column.counts.get(at).map_or_else(|| column.gauges[at] as u64, |it| *it as u64);
            let scaled = if column.counts.is_empty() { value * column.scale as u64 } else { value };
            all.insert(gathered.instances[*instance as usize].clone(), scaled);
        }
    }
    all
}

fn own(name: &str) -> u64 {
    name.bytes().map(u64::from).sum::<u64>() * 1_000_003
}

#[test]
fn a_small_device_is_read_in_few_requests() {
    let ports: Vec<(u32, String)> = (1..=24).map(|n| (n, format!("p{n}"))).collect();
    let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
    let (mut session, mut agent) = (session(), Agent::with_ports(&ports));
    let first = poll(&mut session, &mut agent, |_, _| {});
    assert_eq!((first.outcome, first.uptime_cs), (Outcome::Ok, Some(5_000)), "{:?}", first.error);
    assert_eq!(counters(&first, "if_in_bps")["p17"], own("p17"));
    // ifHighSpeed says 0 for a slow port: ifSpeed counts.
    assert_eq!(counters(&first, "if_speed_bps")["p3"], 64_000);
    agent.asked = 0;
    let second = poll(&mut session, &mut agent, |_, _| {});
    assert_eq!(counters(&second, "if_in_bps").len(), 24);
    assert!(second.facts.is_empty() && agent.asked <= 12, "{} requests", agent.asked);
}

#[test]
fn missing_64_bit_counters_fall_back() {
    let (mut session, mut agent) = (session(), Agent::with_ports(&[(1, "a"), (2, "b")]));
    agent.cells.remove(&arcs("1.3.6.1.2.1.31.1.1.1.6.1"));
    for _ in 0..2 {
        let gathered = poll(&mut session, &mut agent, |_, _| {});
        let kinds: Vec<_> = gathered
            .columns
            .iter()
            .filter(|it| it.metric == "if_in_bps")
            .map(|it| (it.kind, it.instances.len()))
            .collect();
        assert_eq!(kinds, [(schemas::Kind::Counter32, 1), (schemas::Kind::Counter64, 1)]);
        assert_eq!(counters(&gathered, "if_in_bps").len(), 2);
    }
    agent.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.31")));
    agent.put("1.3.6.1.2.1.1.3.0", (0x43, number(10)));
    agent.put("1.3.6.1.2.1.2.2.1.2.1", (4, b"eth0".to_vec()));
    let gathered = poll(&mut session, &mut agent, |_, _| {});
    assert!(counters(&gathered, "if_in_bps").contains_key("eth0"), "{gathered:#?}");
}

#[test]
fn rows_that_move_at_any_moment_never_mix() {
    let before = [(1, "alpha"), (2, "beta"), (3, "gamma"), (4, "delta")];
    let after = [(1, "delta"), (2, "gamma"), (3, "alpha"), (9, "beta")];
    for moment in 0..30 {
        let (mut session, mut agent) = (session(), Agent::with_ports(&before));
        poll(&mut session, &mut agent, |_, _| {});
        for round in 0..3 {
            let gathered = poll(&mut session, &mut agent, |agent, step| {
                if round == 0 && step == moment {
                    agent.ports(&after);
                }
            });
            let read = counters(&gathered, "if_in_bps");
            for (name, value) in &read {
                assert_eq!(*value, own(name), "moment {moment}, round {round}");
            }
            assert!(round == 0 || read.len() == 4);
        }
    }
}

#[test]
fn rows_that_never_rest_leave_the_table_out() {
    let (mut session, mut agent) = (session(), Agent::with_ports(&[(1, "a"), (2, "b")]));
    let gathered = poll(&mut session, &mut agent, |agent, step| {
        agent.ports(&[(step as u32 + 10, "a"), (step as u32 + 20, "b")]);
    });
    assert_eq!(gathered.outcome, Outcome::Partial);
    assert!(counters(&gathered, "if_in_bps").is_empty());
    assert!(gathered.error.unwrap().contains("table if: its rows were renumbered"));
}

#[test]
fn a_restart_in_the_middle_is_noticed() {
    for moment in 1..12 {
        let (mut session, mut agent) = (session(), Agent::with_ports(&[(1, "a"), (2, "b")]));
        // The texts, which come after all that a restart matters for, are read in the first.
        poll(&mut session, &mut agent, |_, _| {});
        agent.asked = 0;
        let gathered = poll(&mut session, &mut agent, |agent, step| {
            if step == moment {
                agent.put("1.3.6.1.2.1.1.3.0", (0x43, number(3)));
            }
        });
        assert!(gathered.uptime_cs == Some(3) || gathered.uptime_cs == Some(5_000));
        if gathered.uptime_cs == Some(5_000) {
            assert!(agent.asked <= moment, "read after the restart: {moment} {}", agent.asked);
        }
    }
}

#[test]
fn small_answers_and_too_big_are_learned() {
    let ports: Vec<(u32, String)> = (1..=60).map(|n| (n, format!("p{n}"))).collect();
    let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
    for (octets, variables) in [(400, usize::MAX), (1_400, 10), (1_400, 1)] {
        let (mut session, mut agent) = (session(), Agent::with_ports(&ports));
        (agent.most_octets, agent.too_big_over) = (octets, variables);
        let gathered = poll(&mut session, &mut agent, |_, _| {});
        assert_eq!(gathered.outcome, Outcome::Ok, "{:?}", gathered.error);
        assert_eq!(counters(&gathered, "if_in_bps").len(), 60);
        assert!(session.answer_bytes < 1_400);
    }
}

#[test]
fn a_walk_without_end_is_an_error() {
    let (mut session, mut agent) = (session(), Agent::with_ports(&[(1, "a")]));
    for n in 0..MAX_TABLE_ROWS as u32 + 10 {
        agent.put(&format!("1.3.6.1.2.1.31.1.1.1.1.{}", n + 2), (4, b"x".to_vec()));
    }
    let gathered = poll(&mut session, &mut agent, |_, _| {});
    assert_eq!(gathered.outcome, Outcome::Partial);
    assert!(gathered.error.unwrap().contains("rows (MAX_TABLE_ROWS): the rest is left out"));

    // An agent whose "next" goes back.
    let mut session = self::session();
    session.begin(0);
    let mut agent = Agent::with_ports(&[(1, "a")]);
    for _ in 0..1_000 {
        let Some(ask) = session.next_ask() else { break };
        let bytes = match &ask {
            Ask::Get(_) => agent.answer(&ask, &session, 1),
            Ask::Walk(walk) => {
                let profile = session.profile.clone().unwrap();
                let mut binds = Vec::new();
                for _ in 0..2 {
                    for cursor in &walk.cursors {
                        let column = super::oid::oid_text(cursor.column.oid(&profile));
                        let oid = arcs(&format!("{column}.5"));
                        binds.extend(Agent::bind(&oid, &(4, b"x".to_vec())));
                    }
                }
                message(1, 0, 0, &binds)
            }
        };
        let response = ber::response(&bytes).unwrap();
        let _ = session.answer(ask, &response, bytes.len(), 0);
    }
    assert!(session.is_done());
    let error = session.finish(0).error.unwrap();
    assert!(error.contains("the walk does not end"), "{error}");
}

#[test]
fn errors_of_single_variables_cost_only_those() {
    let (mut session, mut agent) = (session(), Agent::with_ports(&[(1, "a")]));
    session.begin(0);
    let mut refused = 0;
    while !session.is_done() {
        let ask = session.next_ask().unwrap();
        let bytes = match &ask {
            Ask::Get(scalars) if scalars.len() > 1 && refused < 2 => {
                refused += 1;
                message(1, 5, scalars.len() as u64, &[])
            }
            Ask::Get(_) | Ask::Walk(_) => agent.answer(&ask, &session, 1),
        };
        session.answer(ask, &ber::response(&bytes).unwrap(), bytes.len(), 0).unwrap();
    }
    let gathered = session.finish(0);
    assert_eq!(counters(&gathered, "if_in_bps").len(), 1);
}

#[test]
fn no_bytes_whatever_make_a_session_panic() {
    let ports: Vec<(u32, String)> = (1..=9).map(|n| (n * 100, format!("p{n}"))).collect();
    let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    let mut session = session();
    let mut refused = 0u32;
    for _ in 0..400 {
        let mut agent = Agent::with_ports(&ports);
        session.begin(0);
        for _ in 0..300 {
            let Some(ask) = session.next_ask() else { break };
            let mut bytes = agent.answer(&ask, &session, 1);
            match random() % 4 {
                0 => {
                    for _ in 0..1 + random() % 4 {
                        let at = random() % bytes.len();
                        bytes[at] ^= 1 << (random() % 8);
                    }
                }
                1 => bytes.truncate(random() % (bytes.len() + 1)),
                2 => {
                    let at = random() % bytes.len();
                    bytes[at] = random() as u8;
                }
                _ => {}
            }
            let result = match ber::response(&bytes) {
                Ok(response) => session.answer(ask, &response, bytes.len(), 1),
                Err(error) => Err((ask, error.to_string())),
            };
            if let Err((ask, why)) = result {
                refused += 1;
                session.malformed(&why);
                let text = "no answer".into();
                session.fail(ask, Failure { outcome: Outcome::Timeout, text });
            }
            if session.is_done() {
                break;
            }
            if random() % 50 == 0 {
                session.hurry("no time");
            }
        }
        let failure = Failure { outcome: Outcome::Timeout, text: "cut".into() };
        session.cut_short(failure);
        let gathered = session.finish(0);
        for column in &gathered.columns {
            let values = column.counts.len().max(column.gauges.len());
            assert!(values == column.instances.len() && values == column.at_ms.len());
            assert!(column.instances.iter().all(|it| (*it as usize) < gathered.instances.len()));
        }
    }
    assert!(refused > 100);
}

#[test]
fn an_unknown_type_is_an_error_not_a_short_answer() {
    let good = Agent::bind(&arcs("1.3.6.1.2.1.1.3.0"), &(0x43, number(1)));
    let strange = Agent::bind(&arcs("1.3.6.1.2.1.1.4.0"), &(0x4f, number(1)));
    let binds = [good.clone(), strange, good].concat();
    let bytes = message(1, 0, 0, &binds);
    let result: Result<Vec<_>, _> = ber::response(&bytes).unwrap().variables().collect();
    let error = result.unwrap_err();
    assert_eq!(error.what, "a value of an unknown type");
    assert_eq!(bytes[error.at], 0x4f);
}

#[test]
fn a_speed_in_another_unit_than_it_should_be_is_none() {
    // ifHighSpeed, ifSpeed, and the speed.
    let speeds: [(u64, u64, u64); 6] = [
        (1_000, 1_000_000_000, 1_000_000_000),
        (10_000_000, 10_000_000, 10_000_000),
        (2_000_000, 2_000_000_000, 2_000_000_000),
        (64_000, 64_000, 64_000),
        (1_600_000, 4_294_967_295, 1_600_000_000_000),
        (100_000_000, 100_000_000, 100_000_000),
    ];
    let names = ["a", "b", "c", "d", "e", "f"];
    let ports: Vec<(u32, &str)> = (1..).zip(names).collect();
    let (mut session, mut agent) = (session(), Agent::with_ports(&ports));
    for (n, (high, low, _)) in (1..).zip(speeds) {
        agent.put(&format!("1.3.6.1.2.1.31.1.1.1.15.{n}"), (0x42, number(high)));
        agent.put(&format!("1.3.6.1.2.1.2.2.1.5.{n}"), (0x42, number(low)));
    }
    for _ in 0..3 {
        let gathered = poll(&mut session, &mut agent, |_, _| {});
        let has = counters(&gathered, "if_speed_bps");
        for (name, (.., speed)) in names.iter().zip(speeds) {
            assert_eq!(has[*name], speed, "{name}");
        }
    }
}

#[test]
fn counters_of_two_widths_in_a_column_are_two_columns() {
    let ports = [(1, "a"), (2, "b"), (3, "c")];
    let (mut session, mut agent) = (session(), Agent::with_ports(&ports));
    agent.put("1.3.6.1.2.1.31.1.1.1.6.2", (0x41, number(77)));
    agent.put("1.3.6.1.2.1.31.1.1.1.6.3", (0x46, number(1 << 40)));
    let gathered = poll(&mut session, &mut agent, |_, _| {});
    let kind = |name: &str| {
        let of = gathered.columns.iter().filter(|it| it.metric == "if_in_bps");
        let has = |column: &schemas::Column| {
            column.instances.iter().any(|it| gathered.instances[*it as usize] == name)
        };
        of.filter(|column| has(column)).map(|column| column.kind).collect::<Vec<_>>()
    };
    assert_eq!(kind("a"), [schemas::Kind::Counter64]);
    assert_eq!(kind("b"), [schemas::Kind::Counter32]);
    assert_eq!(kind("c"), [schemas::Kind::Counter64]);
}

#[test]
fn rows_that_are_others_in_each_poll_do_not_pile_up() {
    let profiles = Arc::new(Profiles::load(None).unwrap());
    let mut session = Session::new(profiles, "ciena-saos6");
    let mut agent = Agent::with_ports(&[(10_001, "1"), (10_002, "2")]);
    let power = "1.3.6.1.4.1.6141.2.60.4.1.1.1.1.105";
    let mut last = None;
    for cycle in 0..200 {
        agent.cells.retain(|oid, _| !oid.starts_with(&arcs(power)));
        for row in 0..50 {
            agent.put(&format!("{power}.{}", 100 + cycle * 50 + row), (2, number(5)));
        }
        agent.put(&format!("{power}.1"), (2, number(7)));
        last = Some(poll(&mut session, &mut agent, |_, _| {}));
        let rows: usize = session.tables.iter().map(|table| table.rows.len()).sum();
        assert!(rows <= 60, "{rows} rows in cycle {cycle}");
        let names = session.instances.names.len();
        assert!(names <= 1_300, "{names} names in cycle {cycle}");
    }
    let last = last.unwrap();
    assert_eq!(counters(&last, "if_in_bps").len(), 2);
    assert_eq!(last.columns.iter().filter(|it| it.metric == "xcvr_rx_power_dbm").count(), 1);
}

#[test]
fn rows_that_join_one_name_stay_two() {
    let profiles = Arc::new(Profiles::load(None).unwrap());
    let mut session = Session::new(profiles, "ciena-saos6");
    // The port of number 7 is called 9: row 7 joins it by its number, row 9 by its name.
    let mut agent = Agent::with_ports(&[(10_007, "9"), (10_008, "8")]);
    for (row, power) in [(7, 70), (8, 80), (9, 90)] {
        agent.put(&format!("1.3.6.1.4.1.6141.2.60.4.1.1.1.1.105.{row}"), (2, number(power)));
    }
    let gathered = poll(&mut session, &mut agent, |_, _| {});
    let column = gathered.columns.iter().find(|it| it.metric == "xcvr_rx_power_dbm").unwrap();
    let mut instances = column.instances.clone();
    instances.sort_unstable();
    instances.dedup();
    assert_eq!(instances.len(), 3, "{:?}", gathered.instances);
}
