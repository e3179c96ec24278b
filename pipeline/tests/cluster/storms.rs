//! Random sequences of what can happen to brokers, with two processes of each role: after each, all
//! flows and every process is ready within [`GOOD_WITHIN`], and nothing is lost or doubled. One that
//! takes longer does not end the run; all of them are named at its end.
//!
//! One broker or three; stopped in good order, killed, frozen, or cut off, the coordinators of the
//! group and of the transactions among them; on a machine that has nothing else to do, or too much.
//! A sequence follows from its number, which a failure names: `OPSC_PROVE_SEQUENCES=17..18`.

use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pipeline::topology::POLL;

use super::brokers::{no_errors, nothing_lost_or_doubled};
use super::common::{Program as Killed, now_ms};
use super::gate::Way;
use super::site::Site;

const PORT: u16 = 19_550;
/// After this all must be as before.
const GOOD_WITHIN: Duration = Duration::from_secs(30);
/// After this a sequence is given up, and the run with it.
const EVER: Duration = Duration::from_secs(300);
/// Processes that do nothing but take the processor's time.
const LOADS: [usize; 3] = [1, 5, 20];
const ROLES: [&str; 4] = ["api", "process", "sink", "connect"];

/// Small and the same on every machine (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Keeps processors busy until it is dropped.
struct Load(Vec<Child>);

impl Load {
    fn of(processes: usize) -> Self {
        let busy = |_| {
            let mut command = Command::new("timeout");
            command.args(["600", "sh", "-c", "while :; do :; done"]).stdin(Stdio::null());
            command.spawn().unwrap()
        };
        Self((0..processes).map(busy).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It ends what it runs, too.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

/// What happens to a broker.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Stop,
    Kill,
    Freeze,
    Cut,
    Silence,
}

const FAULTS: [Fault; 5] = [Fault::Stop, Fault::Kill, Fault::Freeze, Fault::Cut, Fault::Silence];

async fn happens(site: &Site, fault: Fault, node: i32, lasts: Duration) {
    let gate = &site.gates[usize::try_from(node - 1).unwrap()];
    match fault {
        Fault::Stop | Fault::Kill => {
            let how = if matches!(fault, Fault::Stop) { "stop" } else { "kill" };
            site.broker.end_node(node, how);
            tokio::time::sleep(lasts).await;
            site.broker.start_again();
        }
        Fault::Freeze => {
            site.broker.signal_node(node, "-STOP");
            tokio::time::sleep(lasts).await;
            site.broker.signal_node(node, "-CONT");
        }
        Fault::Cut | Fault::Silence => {
            gate.set(if matches!(fault, Fault::Cut) { Way::Cut } else { Way::Silent });
            tokio::time::sleep(lasts).await;
            gate.set(Way::Open);
        }
    }
}

/// The node that a fault is to hit: any, a leader, or a coordinator.
fn target(site: &Site, random: &mut Random, nodes: i32) -> i32 {
    match random.below(4) {
        0 => site.coordinator("__consumer_offsets", &site.full("device")),
        1 => site.coordinator("__transaction_state", &site.full("device:b-0")),
        2 => site.leader(POLL.name, 0),
        _ => 1 + i32::try_from(random.below(nodes.unsigned_abs().into())).unwrap(),
    }
}

/// One sequence; how long it took until all was good.
async fn sequence(site: &Site, number: usize, nodes: i32) -> (String, Duration) {
    let mut random = Random(number as u64 * 7_919);
    let load = LOADS[number / 2 % LOADS.len()];
    let busy = Load::of(load);
    let mut words = vec![format!("sequence {number}, {nodes} brokers, load {load}:")];
    for _ in 0..=random.below(3) {
        let fault = FAULTS[usize::try_from(random.below(5)).unwrap()];
        let lasts = Duration::from_secs(1 + random.below(14));
        let node = target(site, &mut random, nodes);
        words.push(format!("{fault:?} node {node} for {lasts:?},"));
        happens(site, fault, node, lasts).await;
        tokio::time::sleep(Duration::from_millis(random.below(3_000))).await;
    }
    let (words, began) = (words.join(" "), Instant::now());
    println!("{words}");
    site.flows_within(now_ms(), EVER, &words).await;
    site.ready_within(EVER.saturating_sub(began.elapsed()), &words).await;
    drop(busy);
    (words, began.elapsed())
}

/// Runs the sequences on so many brokers; those that took too long.
async fn on(nodes: i32, port: u16, numbers: Range<usize>) -> Vec<String> {
    let numbers: Vec<usize> = numbers.filter(|it| (it % 2 == 0) == (nodes == 3)).collect();
    let name = format!("storms{nodes}");
    let Some(site) = Site::gated(&name, port, nodes).await else { return Vec::new() };
    let began = now_ms();
    let mut roles = site.roles(&["process", "sink", "api"], "a");
    roles.push(site.role("connect", "a"));
    site.add_credential().await;
    roles.extend(site.roles(&ROLES, "b"));
    println!("{nodes} brokers: all devices after {:?}", site.flows_since(began).await);
    let (mut late, mut longest, mut given_up) = (Vec::new(), Duration::ZERO, 0.0);
    for number in numbers {
        let (words, took) = sequence(&site, number, nodes).await;
        println!("{words} good again after {took:.1?}");
        longest = longest.max(took);
        if took > GOOD_WITHIN {
            late.push(format!("{words} {took:.1?}"));
        }
        site.in_sync(nodes).await;
        given_up = site.counter("opsc_threads_given_up_total").await;
    }
    println!("{nodes} brokers: good within {longest:.1?}, {given_up} threads given up");
    end(&site, roles).await;
    late
}

/// Ends the connectors first, so that what they polled is in the log and goes through.
async fn end(site: &Site, roles: Vec<Killed>) {
    let mut ends = vec![now_ms()];
    let (connectors, others): (Vec<_>, Vec<_>) =
        roles.into_iter().zip([0, 0, 0, 1, 0, 0, 0, 1]).partition(|(_, connects)| *connects == 1);
    connectors.into_iter().for_each(|(role, _)| role.stop());
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(5)).await;
    others.into_iter().rev().for_each(|(role, _)| role.stop());
    nothing_lost_or_doubled(site, ends).await;
    no_errors(site);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "up to three brokers and eight processes on two cores for an hour: make prove"]
async fn whatever_hits_the_brokers_all_flows_again() {
    let wanted = std::env::var("OPSC_PROVE_SEQUENCES").unwrap_or_else(|_| "0..50".to_owned());
    let (from, to) = wanted.split_once("..").expect("OPSC_PROVE_SEQUENCES: FROM..TO");
    let numbers: Range<usize> = from.parse().unwrap()..to.parse().unwrap();
    let mut late = on(3, PORT, numbers.clone()).await;
    late.extend(on(1, PORT + 20, numbers).await);
    assert!(late.is_empty(), "not good within {GOOD_WITHIN:?}: {late:#?}");
}
