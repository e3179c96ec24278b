//! Each of three brokers in turn is stopped in good order and killed, while two of each role run; and
//! all processors die.

use std::time::{Duration, Instant};

use super::brokers::{no_errors, nothing_lost_or_doubled};
use super::common::{Program as Killed, now_ms};
use super::site::Site;

const PORT: u16 = 19_600;
/// So long after a broker is gone everything flows again and every process is ready.
const GOOD_WITHIN: Duration = Duration::from_secs(30);
const ROLES: [&str; 4] = ["api", "process", "sink", "connect"];

/// A broker goes, in this way, and comes back.
async fn without(site: &Site, node: i32, how: &str) {
    site.in_sync(3).await;
    site.broker.end_node(node, how);
    let (after, began) = (format!("broker {node}: {how}:"), Instant::now());
    site.flows_within(now_ms(), GOOD_WITHIN, &after).await;
    let flows = began.elapsed();
    site.ready_within(GOOD_WITHIN.saturating_sub(flows), &after).await;
    println!("{after} all flows after {flows:.1?}, all is ready after {:.1?}", began.elapsed());
    site.broker.start_again();
    site.flows_within(now_ms(), GOOD_WITHIN, &after).await;
    site.ready_within(GOOD_WITHIN, &after).await;
}

/// The living processes report that nobody computes, and since when; and that they do again.
async fn all_processors_die(site: &Site, roles: &mut Vec<Killed>) {
    let dead: Vec<Killed> = vec![roles.remove(5), roles.remove(1)];
    for instance in ["a", "b"] {
        site.forget("process", instance);
    }
    let began = Instant::now();
    // With -9.
    drop(dead);
    let said = site.refused_within(Duration::from_secs(60), "no process of role process").await;
    println!("after {:.1?} it says: {said}", began.elapsed());
    assert!(began.elapsed() > Duration::from_secs(25), "a move takes some seconds: {said}");
    let lag = site.lag("device").await;
    assert!(lag > 20.0, "the lag goes on without its owner: {lag} s");
    let (well, said) = site.check();
    assert!(!well && said.contains("no process of role process reads poll["), "{said}");
    let again = now_ms();
    roles.insert(1, site.role("process", "a"));
    roles.insert(5, site.role("process", "b"));
    let after = "processors again:";
    site.flows_within(again, GOOD_WITHIN, after).await;
    site.ready_within(GOOD_WITHIN, after).await;
    let (well, said) = site.check();
    assert!(well, "{said}");
    println!("good again {:.1?} after they started", Duration::from_millis(now_ms() - again));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three brokers and eight processes on two cores: make prove"]
async fn whichever_broker_goes_and_however() {
    let Some(site) = Site::start("stops", PORT, "3").await else { return };
    let began = now_ms();
    let mut roles = site.roles(&["api", "process", "sink"], "a");
    roles.push(site.role("connect", "a"));
    site.add_credential().await;
    roles.extend(site.roles(&ROLES, "b"));
    println!("all devices in the database after {:?}", site.flows_since(began).await);
    site.ready_within(GOOD_WITHIN, "at the start:").await;
    for how in ["stop", "kill"] {
        for node in 1..=3 {
            without(&site, node, how).await;
        }
    }
    assert_eq!(site.counter("opsc_threads_given_up_total").await, 0.0, "no call hangs");
    all_processors_die(&site, &mut roles).await;
    let mut ends = vec![now_ms()];
    for connector in [7, 3] {
        roles.remove(connector).stop();
    }
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(3)).await;
    roles.into_iter().rev().for_each(Killed::stop);
    nothing_lost_or_doubled(&site, ends).await;
    no_errors(&site);
}
