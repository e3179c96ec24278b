//! Agents that answer, and oddly: each oddity costs itself and nothing beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use schemas::{Kind, Outcome};

use super::agent::{Agent, Cell, Named, Refusal, arcs, number};
use super::assemble::Gathered;
use super::ber;
use super::session::{Bulk, Failure, Session};
use crate::profiles::Profiles;

/// Requests after which a poll is taken for one that does not end.
const MAX_ASKS: usize = 4_000;

fn session() -> Session {
    Session::new(Arc::new(Profiles::load(None).unwrap()), "generic")
}

/// Runs a poll that begins at `now`; what is not answered times out.
fn poll(session: &mut Session, agent: &mut Agent, now: u64) -> Gathered {
    session.begin(now);
    for _ in 0..MAX_ASKS {
        if session.is_done() {
            return session.finish(now);
        }
        let ask = session.next_ask().expect("neither done nor anything to ask");
        match agent.reply(&ask, session, 7) {
            Some(bytes) => {
                let response = ber::response(&bytes).unwrap();
                if let Err((ask, why)) = session.answer(ask, &response, bytes.len(), 5) {
                    session.malformed(&why);
                    session.fail(ask, silence());
                }
            }
            None => session.fail(ask, silence()),
        }
    }
    panic!("the poll does not end");
}

fn silence() -> Failure {
    Failure { outcome: Outcome::Timeout, text: "no answer to 3 requests".into() }
}

/// A device with ports p1 … and all columns of the profile that matter here.
fn ports(count: u32) -> Agent {
    let ports: Vec<(u32, String)> = (1..=count).map(|n| (n, format!("p{n}"))).collect();
    let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
    let mut agent = Agent::with_ports(&ports);
    for n in 1..=count {
        agent.put(&format!("1.3.6.1.2.1.2.2.1.2.{n}"), (4, format!("port {n}").into_bytes()));
        agent.put(&format!("1.3.6.1.2.1.2.2.1.3.{n}"), (2, number(6)));
        for column in [7, 14, 16, 19, 20] {
            agent.put(&format!("1.3.6.1.2.1.2.2.1.{column}.{n}"), (2, number(1)));
        }
        for column in [7, 10, 11] {
            agent.put(&format!("1.3.6.1.2.1.31.1.1.1.{column}.{n}"), (0x46, number(9)));
        }
    }
    agent
}

const METRICS: [&str; 11] = [
    "if_in_bps",
    "if_out_bps",
    "if_in_pps",
    "if_out_pps",
    "if_in_errors_pps",
    "if_out_errors_pps",
    "if_in_discards_pps",
    "if_out_discards_pps",
    "if_admin_status",
    "if_oper_status",
    "if_speed_bps",
];

/// The instances that have a value of a metric.
fn of(gathered: &Gathered, metric: &str) -> Vec<String> {
    let columns = gathered.columns.iter().filter(|it| it.metric == metric);
    let names = columns.flat_map(|it| &it.instances).map(|at| &gathered.instances[*at as usize]);
    names.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn fact<'a>(gathered: &'a Gathered, instance: &str, name: &str) -> Option<&'a str> {
    let found = gathered.facts.iter().find(|it| it.instance == instance && it.name == name);
    found.map(|it| it.value.as_str())
}

/// All metrics of all ports are there, but for `without`.
fn whole(gathered: &Gathered, names: &[&str], without: &[&str]) {
    for metric in METRICS {
        let wanted: &[&str] = if without.contains(&metric) { &[] } else { names };
        assert_eq!(of(gathered, metric), wanted, "{metric}: {:?}", gathered.error);
    }
}

fn refusal(under: &str, status: Option<u64>, index: Named, bulk: bool) -> Refusal {
    Refusal { under: arcs(under), status, index, bulk }
}

#[test]
fn short_answers_cost_nothing_but_requests() {
    for most in 1..40 {
        let (mut session, mut agent) = (session(), ports(4));
        agent.most_variables = most;
        for _ in 0..2 {
            let gathered = poll(&mut session, &mut agent, 0);
            assert_eq!(gathered.outcome, Outcome::Ok, "{most}: {:?}", gathered.error);
            whole(&gathered, &["p1", "p2", "p3", "p4"], &[]);
        }
    }
}

#[test]
fn a_refused_column_costs_itself() {
    let columns = [
        ("1.3.6.1.2.1.2.2.1.13", "if_in_discards_pps"),
        ("1.3.6.1.2.1.2.2.1.8", "if_oper_status"),
        ("1.3.6.1.2.1.31.1.1.1.11", "if_out_pps"),
    ];
    for (column, metric) in columns {
        for status in [2, 5, 13, 16, 99] {
            for index in [Named::Nothing, Named::Culprit, Named::Other(1), Named::Other(77)] {
                let (mut session, mut agent) = (session(), ports(4));
                agent.refusals.push(refusal(column, Some(status), index, false));
                let first = poll(&mut session, &mut agent, 0);
                let names = ["p1", "p2", "p3", "p4"];
                whole(&first, &names, &[metric]);
                let error = first.error.clone().unwrap_or_default();
                assert!(error.contains(metric), "{status} {index:?}: {error}");
                assert!(fact(&first, "", "refused").is_some_and(|it| it.contains(metric)));
                assert_eq!(fact(&first, "", "sys_name"), Some("sim"));
                // It is not asked again, and still said.
                agent.asked = 0;
                let second = poll(&mut session, &mut agent, 60_000);
                whole(&second, &names, &[metric]);
                assert_eq!(second.outcome, Outcome::Ok);
                assert!(second.error.unwrap().contains(metric));
                assert!(agent.asked <= 12, "{} requests", agent.asked);
                // An hour later it is.
                agent.refusals.clear();
                let later = poll(&mut session, &mut agent, 4_000_000);
                whole(&later, &names, &[]);
                assert_eq!((later.outcome, later.error.as_deref()), (Outcome::Ok, None));
                assert_eq!(fact(&later, "", "refused"), Some("none"));
            }
        }
    }
}

#[test]
fn refused_names_and_texts_cost_names_and_texts() {
    for index in [Named::Nothing, Named::Culprit] {
        let (mut session, mut agent) = (session(), ports(3));
        agent.refusals.push(refusal("1.3.6.1.2.1.31.1.1.1.18", Some(5), index, false));
        let gathered = poll(&mut session, &mut agent, 0);
        whole(&gathered, &["p1", "p2", "p3"], &[]);
        assert_eq!(gathered.outcome, Outcome::Ok);
        assert_eq!(fact(&gathered, "", "sys_name"), Some("sim"));
        assert_eq!(fact(&gathered, "p2", "if_type"), Some("6"));
        assert!(fact(&gathered, "", "refused").unwrap().contains("if_alias"));

        agent.refusals = vec![refusal("1.3.6.1.2.1.31.1.1.1.1", Some(5), index, false)];
        let mut session = self::session();
        for now in [0, 60_000] {
            let gathered = poll(&mut session, &mut agent, now);
            whole(&gathered, &["port 1", "port 2", "port 3"], &[]);
            assert!(gathered.error.unwrap().contains("if instance names, column 1"));
        }
        agent.refusals.push(refusal("1.3.6.1.2.1.2.2.1.2", Some(5), index, false));
        let mut session = self::session();
        for now in [0, 60_000] {
            whole(&poll(&mut session, &mut agent, now), &["#1", "#2", "#3"], &[]);
        }
    }
}

#[test]
fn one_bad_cell_costs_one_cell() {
    for cell in ["1.3.6.1.2.1.2.2.1.13.1", "1.3.6.1.2.1.2.2.1.13.3", "1.3.6.1.2.1.2.2.1.13.5"] {
        let (mut session, mut agent) = (session(), ports(5));
        agent.refusals.push(refusal(cell, Some(5), Named::Nothing, false));
        for now in [0, 60_000] {
            let gathered = poll(&mut session, &mut agent, now);
            let bad = format!("p{}", cell.rsplit('.').next().unwrap());
            for metric in METRICS {
                let mut names = vec!["p1", "p2", "p3", "p4", "p5"];
                names.retain(|it| metric != "if_in_discards_pps" || *it != bad);
                assert_eq!(of(&gathered, metric), names, "{metric} {:?}", gathered.error);
            }
        }
    }
}

#[test]
fn a_name_that_is_none_leaves_its_row_to_the_next_column() {
    let odd: [Cell; 6] = [
        (0x81, vec![]),
        (0x80, vec![]),
        (5, vec![]),
        (4, vec![]),
        (6, vec![0x2b, 6]),
        (0x44, vec![1, 2]),
    ];
    for cell in odd {
        let (mut session, mut agent) = (session(), ports(4));
        agent.put("1.3.6.1.2.1.31.1.1.1.1.2", cell.clone());
        let gathered = poll(&mut session, &mut agent, 0);
        assert_eq!(gathered.outcome, Outcome::Ok, "{cell:?} {:?}", gathered.error);
        whole(&gathered, &["p1", "p3", "p4", "port 2"], &[]);
        agent.put("1.3.6.1.2.1.2.2.1.2.2", cell);
        whole(&poll(&mut self::session(), &mut agent, 0), &["#2", "p1", "p3", "p4"], &[]);
    }
}

#[test]
fn rows_without_any_name_are_named_by_their_index() {
    let (mut session, mut agent) = (session(), ports(3));
    agent.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.31.1.1.1.1")));
    agent.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.2.2.1.2")));
    for now in [0, 60_000, 400_000] {
        whole(&poll(&mut session, &mut agent, now), &["#1", "#2", "#3"], &[]);
    }
    // Some rows only.
    agent.put("1.3.6.1.2.1.2.2.1.2.2", (4, b"two".to_vec()));
    whole(&poll(&mut self::session(), &mut agent, 0), &["#1", "#3", "two"], &[]);
}

#[test]
fn an_agent_without_getbulk_is_read_by_getnext() {
    for status in [None, Some(5), Some(13)] {
        let (mut session, mut agent) = (session(), ports(3));
        agent.refusals.push(refusal("1.3", status, Named::Nothing, true));
        let mut last = None;
        for now in [0, 60_000, 120_000] {
            last = Some(poll(&mut session, &mut agent, now));
        }
        let last = last.unwrap();
        assert_eq!(last.outcome, Outcome::Ok, "{status:?} {:?}", last.error);
        whole(&last, &["p1", "p2", "p3"], &[]);
        assert!(matches!(session.bulk, Bulk::Fails(_)), "{status:?}");
        assert!(last.error.unwrap().contains("GETNEXT"));
        agent.asked = 0;
        poll(&mut session, &mut agent, 180_000);
        assert!(agent.asked < 20, "{} requests", agent.asked);
        // It is tried again, and works.
        agent.refusals.clear();
        whole(&poll(&mut session, &mut agent, 2_000_000), &["p1", "p2", "p3"], &[]);
        assert_eq!(session.bulk, Bulk::Works);
    }
}

#[test]
fn a_column_that_is_never_answered_costs_itself() {
    for (column, metric) in [
        ("1.3.6.1.2.1.2.2.1.13", "if_in_discards_pps"),
        ("1.3.6.1.2.1.31.1.1.1.18", ""),
        ("1.3.6.1.2.1.31.1.1.1.1", ""),
        ("1.3.6.1.2.1.1.6.0", ""),
    ] {
        let (mut session, mut agent) = (session(), ports(3));
        agent.put("1.3.6.1.2.1.1.6.0", (4, b"here".to_vec()));
        agent.refusals.push(refusal(column, None, Named::Nothing, false));
        let mut last = None;
        for now in [0, 60_000, 400_000, 800_000] {
            let gathered = poll(&mut session, &mut agent, now);
            assert!(matches!(gathered.outcome, Outcome::Ok | Outcome::Partial));
            last = Some(gathered);
        }
        let last = last.unwrap();
        let names = if column.ends_with(".1.1") {
            ["port 1", "port 2", "port 3"]
        } else {
            ["p1", "p2", "p3"]
        };
        whole(&last, &names, &[metric]);
        assert_eq!(last.outcome, Outcome::Ok, "{column}: {:?}", last.error);
    }
}

#[test]
fn a_device_that_answers_anything_is_not_called_silent() {
    // A restricted view: nothing of what is asked for.
    let (mut session, mut agent) = (session(), ports(0));
    agent.cells.retain(|oid, _| oid == &arcs("1.3.6.1.2.1.1.2.0"));
    agent.put("1.3.6.1.2.1.1.1.0", (4, b"a box".to_vec()));
    for now in [0, 60_000] {
        let gathered = poll(&mut session, &mut agent, now);
        assert_eq!(gathered.outcome, Outcome::Ok, "{:?}", gathered.error);
        assert!(gathered.error.as_ref().unwrap().contains("the device answers"));
        if now == 0 {
            assert_eq!(fact(&gathered, "", "sys_descr"), Some("a box"));
            assert_eq!(fact(&gathered, "", "not_found"), Some("sysUpTime, table if"));
        }
    }
    // Every request is refused.
    for status in [2, 5, 6, 16] {
        let (mut session, mut agent) = (self::session(), ports(2));
        agent.refusals.push(refusal("1.3", Some(status), Named::Nothing, false));
        let gathered = poll(&mut session, &mut agent, 0);
        assert!(matches!(gathered.outcome, Outcome::Ok | Outcome::Partial), "{gathered:?}");
    }
    // The head is answered, nothing else is.
    let (mut session, mut agent) = (self::session(), ports(2));
    agent.refusals.push(refusal("1.3.6.1.2.1.2", None, Named::Nothing, false));
    agent.refusals.push(refusal("1.3.6.1.2.1.31", None, Named::Nothing, false));
    agent.put("1.3.6.1.2.1.2.1.0", (2, number(2)));
    let outcomes: Vec<Outcome> =
        (0..4).map(|n| poll(&mut session, &mut agent, n * 60_000).outcome).collect();
    assert!(
        !outcomes.contains(&Outcome::Failed) && outcomes[1] != Outcome::Timeout,
        "{outcomes:?}"
    );
}

#[test]
fn sys_up_time_taken_for_a_column_does_not_renumber() {
    let (mut session, mut agent) = (session(), ports(2));
    agent.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.31")));
    agent.put("1.3.6.1.2.1.1.3.0", (0x43, number(3_079_279_497)));
    agent.no_repeaters = true;
    for now in [0, 60_000] {
        let gathered = poll(&mut session, &mut agent, now);
        assert_eq!(gathered.outcome, Outcome::Ok, "{:?}", gathered.error);
        assert_eq!(of(&gathered, "if_in_bps"), ["port 1", "port 2"]);
    }
}

#[test]
fn twenty_thousand_ports_are_twenty_thousand_ports() {
    let mut agent = ports(0);
    for n in 1..=20_000u64 {
        agent.put(&format!("1.3.6.1.2.1.31.1.1.1.1.{n}"), (4, format!("p{n}").into_bytes()));
        agent.put(&format!("1.3.6.1.2.1.31.1.1.1.18.{n}"), (4, vec![b'x'; 65]));
        agent.put(&format!("1.3.6.1.2.1.31.1.1.1.6.{n}"), (0x46, number(n)));
    }
    agent.most_octets = 60_000;
    let mut session = session();
    session.begin(0);
    while !session.is_done() {
        let ask = session.next_ask().unwrap();
        let bytes = agent.answer(&ask, &session, 1);
        session.answer(ask, &ber::response(&bytes).unwrap(), bytes.len(), 0).unwrap();
    }
    let gathered = session.finish(0);
    assert_eq!((gathered.outcome, gathered.error.as_deref()), (Outcome::Ok, None));
    let column = gathered.columns.iter().find(|it| it.metric == "if_in_bps").unwrap();
    assert_eq!((column.kind, column.instances.len()), (Kind::Counter64, 20_000));
    let aliases = gathered.facts.iter().filter(|it| it.name == "if_alias").count();
    assert_eq!(aliases, 20_000);
}

proptest! {
    #![proptest_config(hostile::cases(300))]

    /// Whatever one column, or one cell of it, is refused with: all others are there.
    #[test]
    fn a_refusal_of_any_kind_costs_what_is_refused(
        which in 0..METRICS.len(),
        row in proptest::option::of(1..=6u32),
        status in prop_oneof![Just(1u64), Just(2), Just(5), 1..=20u64],
        index in prop_oneof![
            Just(Named::Nothing),
            Just(Named::Culprit),
            (0..40u64).prop_map(Named::Other),
        ],
        bulk: bool,
        most in 1..60usize,
    ) {
        const COLUMNS: [&str; 11] = [
            "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10", "1.3.6.1.2.1.31.1.1.1.7",
            "1.3.6.1.2.1.31.1.1.1.11", "1.3.6.1.2.1.2.2.1.14", "1.3.6.1.2.1.2.2.1.20",
            "1.3.6.1.2.1.2.2.1.13", "1.3.6.1.2.1.2.2.1.19", "1.3.6.1.2.1.2.2.1.7",
            "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.31.1.1.1.15",
        ];
        let mut under = arcs(COLUMNS[which]);
        under.extend(row);
        let (mut session, mut agent) = (session(), ports(6));
        agent.most_variables = most;
        agent.refusals.push(Refusal { under, status: Some(status), index, bulk });
        let names = ["p1", "p2", "p3", "p4", "p5", "p6"];
        for now in [0, 60_000, 120_000] {
            let gathered = poll(&mut session, &mut agent, now);
            for (at, metric) in METRICS.iter().enumerate().filter(|(at, _)| *at != which) {
                prop_assert_eq!(of(&gathered, metric), names, "{} {} {:?}", at, metric, gathered.error);
            }
            prop_assert!(matches!(gathered.outcome, Outcome::Ok | Outcome::Partial));
        }
    }
}
