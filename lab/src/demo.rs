//! Labs ready to use: a small network with a life of its own, and fleets for load.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::config::{Content, DeviceConfig, InterfaceSpec, LabConfig, Make};
use crate::fault::{Fault, ScriptEvent};

const PORT: u16 = 1161;
const COMMUNITY: &str = "lab-public";
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Devices of the demo: name, location, make, interfaces as (alias, Mbit/s, load permille).
type Site = (&'static str, &'static str, Make, &'static [(&'static str, u32, u16)]);

const SITES: [Site; 12] = [
    (
        "core-rtr-1.zrh",
        "Zurich, Hardstrasse 235, room 2, rack 4",
        Make::Router,
        &[
            ("uplink to core-rtr-2.zrh", 100_000, 180),
            ("uplink to core-rtr-1.gva", 100_000, 140),
            ("transit A", 10_000, 330),
            ("peering at the exchange", 10_000, 250),
            ("to agg-sw-1.zrh", 40_000, 120),
            ("to agg-sw-2.zrh", 40_000, 90),
            ("reserve", 10_000, 0),
            ("out-of-band", 1_000, 4),
        ],
    ),
    (
        "core-rtr-2.zrh",
        "Zurich, Hardstrasse 235, room 3, rack 1",
        Make::Router,
        &[
            ("uplink to core-rtr-1.zrh", 100_000, 180),
            ("uplink to core-rtr-1.bsl", 100_000, 110),
            ("transit B", 10_000, 300),
            ("to agg-sw-1.zrh", 40_000, 80),
            ("to agg-sw-2.zrh", 40_000, 110),
            ("out-of-band", 1_000, 4),
        ],
    ),
    (
        "core-rtr-1.gva",
        "Geneva, Rue du Stand 12, rack 7",
        Make::Router,
        &[
            ("uplink to core-rtr-1.zrh", 100_000, 140),
            ("uplink to core-rtr-1.bsl", 100_000, 60),
            ("peering at the exchange", 10_000, 210),
            ("to acc-sw-1.gva", 10_000, 170),
            ("to acc-sw-2.gva", 10_000, 150),
            ("out-of-band", 1_000, 3),
        ],
    ),
    (
        "core-rtr-1.bsl",
        "Basel, Elisabethenstrasse 3, rack 2",
        Make::Router,
        &[
            ("uplink to core-rtr-2.zrh", 100_000, 110),
            ("uplink to core-rtr-1.gva", 100_000, 60),
            ("to acc-sw-1.bsl", 10_000, 190),
            ("out-of-band", 1_000, 3),
        ],
    ),
    (
        "agg-sw-1.zrh",
        "Zurich, Hardstrasse 235, room 2, rack 6",
        Make::Switch,
        &[
            ("to core-rtr-1.zrh", 40_000, 120),
            ("to core-rtr-2.zrh", 40_000, 80),
            ("storage north", 10_000, 260),
            ("storage south", 10_000, 240),
            ("hypervisor 1", 10_000, 130),
            ("hypervisor 2", 10_000, 120),
            ("hypervisor 3", 10_000, 140),
            ("backup", 10_000, 60),
            ("office floor 1", 1_000, 80),
            ("office floor 2", 1_000, 90),
            ("wireless controller", 1_000, 150),
            ("spare", 1_000, 0),
        ],
    ),
    (
        "agg-sw-2.zrh",
        "Zurich, Hardstrasse 235, room 3, rack 2",
        Make::Switch,
        &[
            ("to core-rtr-1.zrh", 40_000, 90),
            ("to core-rtr-2.zrh", 40_000, 110),
            ("hypervisor 4", 10_000, 130),
            ("hypervisor 5", 10_000, 110),
            ("customer Alder", 1_000, 210),
            ("customer Birch", 1_000, 170),
            ("customer Cedar", 1_000, 120),
            ("spare", 1_000, 0),
        ],
    ),
    (
        "acc-sw-1.gva",
        "Geneva, Rue du Stand 12, rack 8",
        Make::Switch,
        &[
            ("to core-rtr-1.gva", 10_000, 170),
            ("customer Dogwood", 1_000, 220),
            ("customer Elm", 1_000, 140),
            ("cameras", 1_000, 180),
            ("wireless", 1_000, 90),
            ("office", 1_000, 70),
        ],
    ),
    (
        "acc-sw-2.gva",
        "Geneva, Rue du Stand 12, basement",
        Make::Switch,
        &[
            ("to core-rtr-1.gva", 10_000, 150),
            ("customer Fir", 1_000, 190),
            ("customer Hazel", 1_000, 100),
            ("building control", 100, 30),
        ],
    ),
    (
        "acc-sw-1.bsl",
        "Basel, Elisabethenstrasse 3, rack 3",
        Make::Switch,
        &[
            ("to core-rtr-1.bsl", 10_000, 190),
            ("customer Juniper", 1_000, 230),
            ("customer Larch", 1_000, 160),
            ("laboratory", 1_000, 110),
            ("wireless", 1_000, 90),
            ("spare", 1_000, 0),
        ],
    ),
    (
        "acc-sw-1.lug",
        "Lugano, Via Nassa 21, cabinet",
        Make::Switch,
        &[
            ("to opt-1.lug", 1_000, 200),
            ("customer Maple", 1_000, 130),
            ("office", 1_000, 60),
            ("cameras", 1_000, 120),
        ],
    ),
    (
        "opt-1.zrh",
        "Zurich, Hardstrasse 235, room 1, rack 9",
        Make::Optical,
        &[
            ("line to opt-1.lug west", 10_000, 160),
            ("line to opt-1.lug east", 10_000, 150),
            ("client core-rtr-1.zrh", 10_000, 140),
            ("client core-rtr-2.zrh", 10_000, 130),
        ],
    ),
    (
        "opt-1.lug",
        "Lugano, Via Nassa 21, cabinet",
        Make::Optical,
        &[
            ("line to opt-1.zrh west", 10_000, 160),
            ("line to opt-1.zrh east", 10_000, 150),
            ("client acc-sw-1.lug", 1_000, 200),
            ("client tunnel control", 1_000, 40),
        ],
    ),
];

fn port_name(make: Make, speed_mbps: u32, at: usize) -> String {
    match make {
        Make::Router if speed_mbps >= 40_000 => format!("et-0/0/{at}"),
        Make::Router if speed_mbps >= 10_000 => format!("xe-0/1/{at}"),
        Make::Router => format!("ge-0/2/{at}"),
        Make::Switch if speed_mbps >= 10_000 => format!("xe-0/0/{at}"),
        Make::Switch => format!("ge-0/0/{at}"),
        Make::Optical => format!("{}", at + 1),
    }
}

fn demo_device(at: usize, site: &Site) -> DeviceConfig {
    let (name, location, make, ports) = *site;
    let interfaces =
        ports.iter().enumerate().map(|(at, (alias, speed_mbps, load))| InterfaceSpec {
            name: port_name(make, *speed_mbps, at),
            alias: (*alias).to_owned(),
            speed_mbps: *speed_mbps,
            load_permille: *load,
            enabled: *load > 0,
        });
    DeviceConfig {
        name: name.to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::new(127, 10, 0, at as u8 + 1), PORT),
        community: COMMUNITY.to_owned(),
        content: Content::Generated { make, interfaces: interfaces.collect() },
        location: location.to_owned(),
        site: name.rsplit('.').next().unwrap_or_default().to_owned(),
        profile: profile(make).to_owned(),
        serial: true,
    }
}

const fn profile(make: Make) -> &'static str {
    match make {
        Make::Router | Make::Switch => "if-mib",
        Make::Optical => "ciena-wwp",
    }
}

/// Twelve devices in four towns (127.10.0.1 to .12, port 1161, community `lab-public`): four
/// routers, six switches, two optical. A traffic step on core-rtr-1.zrh after 4 minutes
/// lasts 2; from 15 minutes on every 15 minutes somewhere. acc-sw-2.gva is slow; opt-1.lug's
/// light fades from 6 minutes on and comes back each hour; an access switch reboots each
/// hour; a link flaps every 20 minutes; an error burst every 30.
pub fn demo() -> LabConfig {
    let event = |at_ms, every_ms, device: &str, fault| ScriptEvent {
        at_ms,
        every_ms,
        device: device.to_owned(),
        fault,
        for_ms: None,
    };
    let any = || "?".to_owned();
    let step =
        |instance: String, factor| Fault::TrafficStep { instance, factor, for_ms: 2 * MINUTE_MS };
    let flap = || Fault::LinkDown { instance: "ge-0/0/1".to_owned(), for_ms: Some(8_000) };
    let fade = Fault::OpticalDrift { db_per_s: -0.004, instance: Some("1".to_owned()) };
    let script = vec![
        event(0, None, "acc-sw-2.gva", Fault::Slow { delay_ms: 350, jitter_ms: 300 }),
        event(4 * MINUTE_MS, None, "core-rtr-1.zrh", step("xe-0/1/2".to_owned(), 2.2)),
        ScriptEvent {
            for_ms: Some(40 * MINUTE_MS),
            ..event(6 * MINUTE_MS, Some(HOUR_MS), "opt-1.lug", fade)
        },
        event(9 * MINUTE_MS, Some(20 * MINUTE_MS), "acc-sw-1.bsl", flap()),
        event(9 * MINUTE_MS + 20_000, Some(20 * MINUTE_MS), "acc-sw-1.bsl", flap()),
        event(15 * MINUTE_MS, Some(15 * MINUTE_MS), "?", step(any(), 3.0)),
        event(
            22 * MINUTE_MS,
            Some(30 * MINUTE_MS),
            "?agg-*",
            Fault::ErrorBurst { instance: any(), per_s: 40.0, for_ms: 3 * MINUTE_MS },
        ),
        event(35 * MINUTE_MS, Some(HOUR_MS), "?acc-*", Fault::Reboot { down_ms: 40_000 }),
    ];
    LabConfig {
        seed: 2026,
        day_seconds: 86_400,
        devices: SITES.iter().enumerate().map(|(at, site)| demo_device(at, site)).collect(),
        script,
        ..LabConfig::default()
    }
}

/// `count` like switches with `interfaces` each, at consecutive addresses from `first` on,
/// all on its port; with `ports` all at its address, on consecutive ports.
pub fn fleet(count: usize, interfaces: usize, first: SocketAddrV4, ports: bool) -> LabConfig {
    let specs: Vec<InterfaceSpec> = (0..interfaces)
        .map(|at| InterfaceSpec {
            name: format!("ge-0/0/{at}"),
            alias: format!("port {at}"),
            speed_mbps: 1_000,
            load_permille: 100,
            enabled: true,
        })
        .collect();
    let devices = (0..count).map(|at| {
        let address = if ports {
            SocketAddrV4::new(*first.ip(), first.port().saturating_add(at as u16))
        } else {
            let ip = u32::from(*first.ip()).wrapping_add(at as u32);
            SocketAddrV4::new(Ipv4Addr::from(ip), first.port())
        };
        DeviceConfig {
            name: format!("fleet-{at:05}"),
            address,
            community: COMMUNITY.to_owned(),
            content: Content::Generated { make: Make::Switch, interfaces: specs.clone() },
            location: "fleet".to_owned(),
            site: "fleet".to_owned(),
            profile: "if-mib".to_owned(),
            serial: true,
        }
    });
    LabConfig { devices: devices.collect(), ..LabConfig::default() }
}
