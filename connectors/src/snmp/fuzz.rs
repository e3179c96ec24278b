//! Whatever a device sends.

use std::sync::Arc;

use hostile::{Corpus, Damage, cases, damage, within};
use lab::codec::{Message, Version, tag};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use schemas::Outcome;

use super::agent::{Agent, Bind, Cell, Refused, arcs, message, number};
use super::ber;
use super::encode;
use super::oid::oid_text;
use super::session::{Failure, Session};
use crate::profiles::Profiles;

/// Decoding borrows; only what is shown of a name is made anew.
const MEMORY: usize = 64 << 10;
/// A session keeps its profile, a plan and the tables that it reads: a table of the most rows, with
/// names of the most octets, lies far below.
const SESSION_MEMORY: usize = 64 << 20;
/// Asks after which an honest device is done with, whatever was answered before.
const MAX_ASKS: usize = 20_000;

/// A value of every type.
fn odd_values() -> Vec<Cell> {
    vec![
        (0x02, vec![0xff, 0x85]),
        (0x04, b"xe-0/0/1".to_vec()),
        (0x05, vec![]),
        (0x06, vec![0x2b, 6, 1, 4, 1, 0xaf, 0x7d]),
        (0x40, vec![192, 0, 2, 1]),
        (0x41, number(u64::from(u32::MAX))),
        (0x42, number(7)),
        (0x43, number(123_456)),
        (0x44, vec![0x9f, 0x78, 4, 0x42, 0x28, 0, 0]),
        (0x46, number(u64::MAX)),
        (0x80, vec![]),
        (0x81, vec![]),
        (0x82, vec![]),
    ]
}

/// Answers with every type of value, errors, and a request of our own.
fn corpus() -> Corpus {
    let values = odd_values();
    let name = arcs("1.3.6.1.2.1.31.1.1.1.6.4294967295");
    let all: Vec<u8> = values.iter().flat_map(|value| Agent::bind(&name, value)).collect();
    let mut own = Vec::new();
    let (column, index): (&[u8], &[u8]) = (&[0x2b, 6, 1, 2], &[1, 0]);
    let names = [(column, index)];
    encode::request(&mut own, b"public", ber::GET_BULK, -5, (0, 25), names.into_iter());
    let one = Agent::bind(&name, &values[9]);
    Corpus::new([message(7, 0, 0, &all), message(i32::MIN, 5, 3, &one), message(1, 1, 0, &[]), own])
}

/// The octet an error names lies within, and what was read is what the lab's codec reads.
fn read(bytes: &[u8]) {
    let _ = ber::request_id_of_own(bytes);
    let second = Message::read(bytes).ok();
    let second = second.filter(|it| it.pdu == tag::RESPONSE && it.version == Version::V2c);
    let response = match ber::response(bytes) {
        Ok(response) => response,
        Err(error) => {
            assert!(error.at <= bytes.len() && !error.what.is_empty(), "{error}");
            assert!(second.is_none(), "refused ({error}), though it is a response");
            return;
        }
    };
    let mut oids = Vec::new();
    for bind in response.variables() {
        match bind {
            Ok(bind) => {
                let _ = (bind.value.count(), bind.value.gauge(), oid_text(bind.oid));
                oids.push(bind.oid);
            }
            Err(error) => {
                assert!(error.at <= bytes.len() && !error.what.is_empty(), "{error}");
                return;
            }
        }
    }
    if let Some(second) = second {
        assert_eq!(response.request_id, second.request_id);
        let others: Vec<&[u8]> = second.var_binds().map(|bind| bind.unwrap().oid).collect();
        assert_eq!(oids, others);
    }
}

proptest! {
    #![proptest_config(cases(8_000))]

    #[test]
    fn any_datagram_is_a_response_or_an_error_that_names_the_octet(bytes in corpus().bytes()) {
        within(MEMORY, || read(&bytes));
    }
}

/// Polls a device whose answers are damaged at first: none: as it was.
fn poll(session: &mut Session, agent: &mut Agent, damages: &[Option<Damage>]) {
    session.begin(0);
    let mut damages = damages.iter();
    for _ in 0..MAX_ASKS {
        if session.is_done() {
            break;
        }
        let Some(ask) = session.next_ask() else { panic!("neither done nor anything to ask") };
        let mut bytes = agent.answer(&ask, session, 1);
        if let Some(Some(damage)) = damages.next() {
            bytes = damage.of(&bytes);
        }
        let result = match ber::response(&bytes) {
            Ok(response) => session.answer(ask, &response, bytes.len(), 1),
            Err(error) => Err((ask, error.to_string())),
        };
        if let Err((ask, why)) = result {
            assert!(!why.is_empty());
            session.malformed(&why);
            let text = "no answer".into();
            session.fail(ask, Failure { outcome: Outcome::Timeout, text });
        }
    }
    assert!(session.is_done(), "the poll does not end");
    let gathered = session.finish(0);
    for column in &gathered.columns {
        let values = column.counts.len().max(column.gauges.len());
        assert!(values == column.instances.len() && values == column.at_ms.len());
        assert!(column.instances.iter().all(|it| (*it as usize) < gathered.instances.len()));
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Damage within answers that are otherwise whole, through several polls: the polls end, and
    /// what they give holds together.
    #[test]
    fn a_session_ends_its_poll_whatever_is_answered(
        polls in vec(vec(proptest::option::weighted(0.6, damage()), 0..40), 1..4),
    ) {
        let ports: Vec<(u32, String)> = (1..=9).map(|n| (n * 100, format!("p{n}"))).collect();
        let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
        within(SESSION_MEMORY, || {
            let profiles = Arc::new(Profiles::load(None).unwrap());
            let mut session = Session::new(profiles, "auto");
            let mut agent = Agent::with_ports(&ports);
            polls.iter().for_each(|damages| poll(&mut session, &mut agent, damages));
            poll(&mut session, &mut agent, &[]);
        });
    }
}

/// How a well-formed answer is odd.
#[derive(Clone, Debug)]
enum Twist {
    Silence,
    Status(u64, u64),
    Short(Index),
    Long(u8),
    Swap(Index, Index),
    Reverse,
    Rotate(Index),
    /// A value of another type.
    Retype(Index, Index),
    /// Another name: of another column, of a row before or behind, of no row.
    Rename(Index, Vec<u32>),
    /// The name of another variable of the answer.
    Double(Index, Index),
}

fn twist() -> impl Strategy<Value = Twist> {
    let index = any::<Index>;
    let status = prop_oneof![0..20u64, Just(255), any::<u64>().prop_map(|it| it >> 1)];
    let names = prop_oneof![
        Just("1.3.6.1.2.1.31.1.1.1.6"),
        Just("1.3.6.1.2.1.31.1.1.1.1.1"),
        Just("1.3.6.1.2.1.31.1.1.1.1.500"),
        Just("1.3.6.1.2.1.2.2.1.10.4294967295"),
        Just("1.3.6.1.2.1.2.2.1.2.3.3.3"),
        Just("0.0"),
        Just("2.100.1"),
    ];
    prop_oneof![
        Just(Twist::Silence),
        (status, prop_oneof![0..40u64, any::<u64>().prop_map(|it| it >> 1)])
            .prop_map(|(status, index)| Twist::Status(status, index)),
        index().prop_map(Twist::Short),
        (1..4u8).prop_map(Twist::Long),
        (index(), index()).prop_map(|(a, b)| Twist::Swap(a, b)),
        Just(Twist::Reverse),
        index().prop_map(Twist::Rotate),
        (index(), index()).prop_map(|(a, b)| Twist::Retype(a, b)),
        (index(), names).prop_map(|(at, name)| Twist::Rename(at, arcs(name))),
        (index(), index()).prop_map(|(a, b)| Twist::Double(a, b)),
    ]
}

impl Twist {
    /// The variables as this makes them; an error-status and error-index, or nothing.
    fn of(&self, mut binds: Vec<Bind>) -> Result<Vec<Bind>, Refused> {
        let count = binds.len();
        if count == 0 {
            return Ok(binds);
        }
        match self {
            Self::Silence => return Err(None),
            Self::Status(status, index) => return Err(Some((*status, *index))),
            Self::Short(at) => binds.truncate(at.index(count)),
            Self::Long(times) => binds = vec![binds; usize::from(*times) + 1].concat(),
            Self::Swap(a, b) => binds.swap(a.index(count), b.index(count)),
            Self::Reverse => binds.reverse(),
            Self::Rotate(at) => binds.rotate_left(at.index(count)),
            Self::Retype(at, which) => {
                let odd = odd_values();
                binds[at.index(count)].1 = odd[which.index(odd.len())].clone();
            }
            Self::Rename(at, name) => binds[at.index(count)].0.clone_from(name),
            Self::Double(from, to) => {
                let name = binds[from.index(count)].0.clone();
                binds[to.index(count)].0 = name;
            }
        }
        Ok(binds)
    }
}

/// Polls a device whose first answers are twisted; what is not answered times out.
fn twisted(session: &mut Session, agent: &mut Agent, now: u64, twists: &[Option<Twist>]) {
    session.begin(now);
    let mut twists = twists.iter();
    for _ in 0..MAX_ASKS {
        if session.is_done() {
            break;
        }
        let Some(ask) = session.next_ask() else { panic!("neither done nor anything to ask") };
        let mut answer = agent.binds(&ask, session);
        if let Some(Some(twist)) = twists.next() {
            answer = answer.and_then(|binds| twist.of(binds));
        }
        let bytes = match answer {
            Ok(binds) => {
                let octets: Vec<u8> =
                    binds.iter().flat_map(|(oid, cell)| Agent::bind(oid, cell)).collect();
                message(1, 0, 0, &octets)
            }
            Err(Some((status, index))) => message(1, status, index, &[]),
            Err(None) => {
                let text = "no answer".into();
                session.fail(ask, Failure { outcome: Outcome::Timeout, text });
                continue;
            }
        };
        let response = ber::response(&bytes).unwrap();
        if let Err((ask, why)) = session.answer(ask, &response, bytes.len(), 1) {
            assert!(!why.is_empty());
            session.malformed(&why);
            let text = "no answer".into();
            session.fail(ask, Failure { outcome: Outcome::Timeout, text });
        }
    }
    assert!(session.is_done(), "the poll does not end");
}

proptest! {
    #![proptest_config(cases(600))]

    /// Well-formed and odd answers of every kind: short, long, of other columns, in another order,
    /// of other types, with every status and index. The polls end, what they give holds together,
    /// and once the device answers as it should all of it is there.
    #[test]
    fn a_session_bears_every_well_formed_answer(
        polls in vec(vec(proptest::option::weighted(0.5, twist()), 0..40), 1..4),
        generic: bool,
    ) {
        let ports: Vec<(u32, String)> = (1..=9).map(|n| (n * 100, format!("p{n}"))).collect();
        let ports: Vec<(u32, &str)> = ports.iter().map(|(n, name)| (*n, name.as_str())).collect();
        within(SESSION_MEMORY, || {
            let profiles = Arc::new(Profiles::load(None).unwrap());
            let mut session = Session::new(profiles, if generic { "generic" } else { "auto" });
            let mut agent = Agent::with_ports(&ports);
            for (n, twists) in polls.iter().enumerate() {
                twisted(&mut session, &mut agent, n as u64 * 60_000, twists);
                let gathered = session.finish(n as u64 * 60_000);
                for column in &gathered.columns {
                    let values = column.counts.len().max(column.gauges.len());
                    assert!(values == column.instances.len() && values == column.at_ms.len());
                    let most = gathered.instances.len();
                    assert!(column.instances.iter().all(|it| (*it as usize) < most));
                    let mut once = column.instances.clone();
                    once.sort_unstable();
                    once.dedup();
                    assert_eq!(once.len(), values, "an instance twice in {}", column.metric);
                }
            }
            // Two hours later, when what was refused is asked again: as if nothing had been.
            for n in 0..2 {
                let now = 7_200_000 + n * 60_000;
                twisted(&mut session, &mut agent, now, &[]);
                let gathered = session.finish(now);
                if n == 1 {
                    assert_eq!(gathered.outcome, Outcome::Ok, "{:?}", gathered.error);
                    let column =
                        gathered.columns.iter().find(|it| it.metric == "if_in_bps").unwrap();
                    let mut names: Vec<&str> = (column.instances.iter())
                        .map(|at| gathered.instances[*at as usize].as_str())
                        .collect();
                    names.sort_unstable();
                    assert_eq!(names, ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"]);
                }
            }
        });
    }
}
