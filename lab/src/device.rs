//! One agent: what never changes, and how a cell becomes a value.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::codec::{put_integer, put_unsigned, tag};
use crate::config::InterfaceSpec;
use crate::noise::{Curve, Tick, join, level, mix, unit};
use crate::program::{Cell, Direction, InterfaceField, OpticField, Program, ScalarField, Width};
use crate::state::State;

/// Light below this counts as none, dBm.
const NO_LIGHT_DBM: f64 = -40.0;
/// Below this a receiver reports loss of signal, dBm.
const LOSS_DBM: f64 = -32.0;

/// An agent.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) address: SocketAddrV4,
    pub(crate) community: Vec<u8>,
    pub(crate) program: Arc<Program>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) texts: Arc<Vec<InterfaceText>>,
    pub(crate) optics: Vec<Optic>,
    pub(crate) scalars: Scalars,
    /// Recorded counters of a walk that is animated.
    pub(crate) walk: Arc<Vec<u64>>,
    pub(crate) generated: bool,
    pub(crate) seed: u64,
    pub(crate) day_s: f64,
    pub(crate) state: Mutex<State>,
}

/// Scalars of the system group as TLVs.
#[derive(Debug, Default)]
pub(crate) struct Scalars {
    pub(crate) descr: Vec<u8>,
    pub(crate) object_id: Vec<u8>,
    pub(crate) contact: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) location: Vec<u8>,
}

/// What devices with the same interfaces share.
#[derive(Debug)]
pub(crate) struct InterfaceText {
    pub(crate) name: String,
    pub(crate) name_tlv: Vec<u8>,
    pub(crate) descr_tlv: Vec<u8>,
    pub(crate) alias_tlv: Vec<u8>,
}

/// An interface; its place in the tables may change, this does not.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) speed_mbps: u32,
    pub(crate) enabled: bool,
    pub(crate) rx: Curve,
    pub(crate) tx: Curve,
    packet_bytes: f64,
    /// Errors per second without a burst.
    pub(crate) errors_per_s: f64,
    mac: u64,
}

impl Interface {
    pub(crate) fn new(seed: u64, spec: &InterfaceSpec, day_s: f64) -> Self {
        let bytes_per_s = f64::from(spec.speed_mbps) * 125_000.0;
        let load = f64::from(spec.load_permille) / 1000.0;
        let load = if spec.enabled { load } else { 0.0 };
        let skew = 0.7 + 0.3 * unit(seed ^ 11);
        let lively = unit(seed ^ 12) < 0.3 && load > 0.0;
        Self {
            speed_mbps: spec.speed_mbps,
            enabled: spec.enabled,
            rx: Curve::new(join(seed, 1), bytes_per_s * load, day_s),
            tx: Curve::new(join(seed, 2), bytes_per_s * load * skew, day_s),
            packet_bytes: 500.0 + 500.0 * unit(seed ^ 13),
            errors_per_s: if lively { 0.01 * unit(seed ^ 14) } else { 0.0 },
            mac: mix(seed ^ 15),
        }
    }

    /// The largest factor that keeps the peak below 95 % of the speed.
    pub(crate) fn factor_limit(&self) -> f64 {
        let peak = self.rx.peak_per_s().max(self.tx.peak_per_s());
        if peak > 0.0 { f64::from(self.speed_mbps) * 125_000.0 * 0.95 / peak } else { f64::MAX }
    }
}

/// A transceiver.
#[derive(Debug)]
pub(crate) struct Optic {
    seed: u64,
    rx_dbm: f64,
    tx_dbm: f64,
}

impl Optic {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, rx_dbm: -4.0 - 6.0 * unit(seed ^ 1), tx_dbm: -1.5 + 2.5 * unit(seed ^ 2) }
    }
}

/// A value's TLV.
#[derive(Debug)]
pub(crate) enum Tlv<'a> {
    Slice(&'a [u8]),
    Small([u8; 11], usize),
}

impl Tlv<'_> {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Small(bytes, length) => &bytes[..*length],
        }
    }
}

fn small((bytes, length): ([u8; 11], usize)) -> Tlv<'static> {
    Tlv::Small(bytes, length)
}

fn integer(value: i64) -> Tlv<'static> {
    small(put_integer(tag::INTEGER, value))
}

fn gauge(value: u64) -> Tlv<'static> {
    small(put_unsigned(tag::GAUGE32, value.min(u64::from(u32::MAX))))
}

/// TimeTicks between two moments of the lab's clock.
fn ticks(from_ms: u64, to_ms: u64) -> Tlv<'static> {
    let ticks = to_ms.saturating_sub(from_ms) / 10;
    small(put_unsigned(tag::TIMETICKS, ticks & u64::from(u32::MAX)))
}

fn counter(width: Width, value: f64) -> Tlv<'static> {
    let value = value as u64;
    match width {
        Width::Bits32 => small(put_unsigned(tag::COUNTER32, value & u64::from(u32::MAX))),
        Width::Bits64 => small(put_unsigned(tag::COUNTER64, value)),
    }
}

impl Device {
    /// The changing part. A poisoned lock is taken over: each change leaves it consistent.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tick(&self, ms: u64) -> Tick {
        Tick::new(ms, self.day_s)
    }

    /// The value of a cell; the serial's cell is the caller's to fill.
    pub(crate) fn value<'a>(
        &'a self,
        cell: Cell,
        fixed: &'a [u8],
        state: &State,
        tick: &Tick,
    ) -> Tlv<'a> {
        match cell {
            Cell::Fixed | Cell::Serial => Tlv::Slice(fixed),
            Cell::Scalar(field) => self.scalar(field, state, tick),
            Cell::Interface(InterfaceField::Index, slot) => self.index(slot),
            Cell::Interface(field, slot) => self.interface(field, state.place(slot), state, tick),
            Cell::Optic(field, port) => self.optic(field, usize::from(port), state, tick),
            Cell::Walk(tag, place) => self.walked(tag, place as usize, state, tick),
        }
    }

    fn scalar<'a>(&'a self, field: ScalarField, state: &State, tick: &Tick) -> Tlv<'a> {
        match field {
            ScalarField::Descr => Tlv::Slice(&self.scalars.descr),
            ScalarField::ObjectId => Tlv::Slice(&self.scalars.object_id),
            ScalarField::UpTime => ticks(state.boot_ms, tick.ms),
            ScalarField::Contact => Tlv::Slice(&self.scalars.contact),
            ScalarField::Name => Tlv::Slice(&self.scalars.name),
            ScalarField::Location => Tlv::Slice(&self.scalars.location),
        }
    }

    /// ifIndex of a slot.
    pub(crate) fn if_index(&self, slot: usize) -> u32 {
        let base = if self.optics.is_empty() { 1 } else { 10_001 };
        base + slot as u32
    }

    fn index(&self, slot: u16) -> Tlv<'static> {
        integer(i64::from(self.if_index(usize::from(slot))))
    }

    fn walked(&self, tag: u8, place: usize, state: &State, tick: &Tick) -> Tlv<'static> {
        let base = self.walk.get(place).copied().unwrap_or(0);
        let seed = join(self.seed, place as u64);
        // A counter that stood at 0 in the recording belongs to something idle.
        let most_per_s = if tag == tag::COUNTER64 { 2.0e6 } else { 200.0 };
        let per_s = if base == 0 { 0.0 } else { most_per_s * unit(seed) };
        let (start, since_ms) = match state.walk_reset_ms {
            Some(reset_ms) => (0, reset_ms),
            None => (base, 0),
        };
        let passed_s = tick.ms.saturating_sub(since_ms) as f64 / 1000.0;
        let value = start.wrapping_add((per_s * passed_s) as u64);
        let mask = if tag == tag::COUNTER64 { u64::MAX } else { u64::from(u32::MAX) };
        small(put_unsigned(tag, value & mask))
    }

    fn interface<'a>(
        &'a self,
        field: InterfaceField,
        place: usize,
        state: &State,
        tick: &Tick,
    ) -> Tlv<'a> {
        let (Some(interface), Some(link), Some(text)) =
            (self.interfaces.get(place), state.links.get(place), self.texts.get(place))
        else {
            return Tlv::Slice(&[tag::NO_SUCH_INSTANCE, 0]);
        };
        let octets = |direction| match direction {
            Direction::In => link.rx_offset + link.factor() * interface.rx.total(tick),
            Direction::Out => link.tx_offset + link.factor() * interface.tx.total(tick),
        };
        let packets = |direction, share: f64| octets(direction) * share / interface.packet_bytes;
        let errors = || link.error_offset + link.errors_per_s * tick.t_s;
        let up = interface.enabled && link.up;
        match field {
            InterfaceField::Index => Tlv::Slice(&[]),
            InterfaceField::Descr => Tlv::Slice(&text.descr_tlv),
            InterfaceField::Name => Tlv::Slice(&text.name_tlv),
            InterfaceField::Alias => Tlv::Slice(&text.alias_tlv),
            InterfaceField::Type => integer(6),
            InterfaceField::Mtu => integer(9192),
            InterfaceField::Speed => gauge(u64::from(interface.speed_mbps) * 1_000_000),
            InterfaceField::HighSpeed => gauge(u64::from(interface.speed_mbps)),
            InterfaceField::PhysAddress => {
                let [_, _, _, a, b, c, d, e] = interface.mac.to_be_bytes();
                // Locally administered, unicast.
                Tlv::Small([tag::OCTETS, 6, 0x02, a, b, c, d, e, 0, 0, 0], 8)
            }
            InterfaceField::AdminStatus => integer(if interface.enabled { 1 } else { 2 }),
            InterfaceField::OperStatus => integer(if up { 1 } else { 2 }),
            InterfaceField::LastChange => ticks(state.boot_ms, link.changed_ms),
            InterfaceField::Discontinuity => ticks(state.boot_ms, link.discontinuity_ms),
            InterfaceField::Octets(direction, width) => counter(width, octets(direction)),
            InterfaceField::UnicastPackets(direction, width) => {
                counter(width, packets(direction, 0.975))
            }
            InterfaceField::MulticastPackets(direction, width) => {
                counter(width, packets(direction, 0.02))
            }
            InterfaceField::BroadcastPackets(direction, width) => {
                counter(width, packets(direction, 0.005))
            }
            InterfaceField::Discards(Direction::In) => counter(Width::Bits32, errors() * 0.5),
            InterfaceField::Discards(Direction::Out) => counter(Width::Bits32, errors() * 0.3),
            InterfaceField::Errors(Direction::In) => counter(Width::Bits32, errors()),
            InterfaceField::Errors(Direction::Out) => counter(Width::Bits32, errors() * 0.1),
            InterfaceField::LinkTrap | InterfaceField::Connector => integer(1),
            InterfaceField::Promiscuous => integer(2),
        }
    }

    fn optic<'a>(&'a self, field: OpticField, port: usize, state: &State, tick: &Tick) -> Tlv<'a> {
        let (Some(optic), Some(light)) = (self.optics.get(port), state.lights.get(port)) else {
            return Tlv::Slice(&[tag::NO_SUCH_INSTANCE, 0]);
        };
        let rx_dbm = || {
            let dbm = level(optic.seed ^ 3, optic.rx_dbm, 0.25, tick) + light.shift_db(tick);
            dbm.max(NO_LIGHT_DBM)
        };
        let tx_dbm = || level(optic.seed ^ 4, optic.tx_dbm, 0.08, tick);
        let scaled = |dbm: f64| integer((dbm * 10_000.0).round() as i64);
        let microwatt = |dbm: f64| integer((1000.0 * 10f64.powf(dbm / 10.0)).round() as i64);
        match field {
            OpticField::Id => integer(port as i64 + 1),
            OpticField::OperState => integer(2),
            OpticField::Vendor => Tlv::Slice(b"\x04\x09LAB-OPTIC"),
            OpticField::Part => Tlv::Slice(b"\x04\x0aLX-10G-LR1"),
            OpticField::SerialNumber => {
                let digits = mix(optic.seed) % 100_000_000;
                let mut tlv = [tag::OCTETS, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                for place in 0..8u32 {
                    tlv[9 - place as usize] = b'0' + (digits / 10u64.pow(place) % 10) as u8;
                }
                Tlv::Small(tlv, 10)
            }
            OpticField::WaveLength => integer(1310),
            OpticField::Temperature => integer(level(optic.seed ^ 5, 38.0, 6.0, tick) as i64),
            OpticField::Bias => integer(level(optic.seed ^ 6, 42.0, 3.0, tick) as i64),
            OpticField::RxPowerMicrowatt => microwatt(rx_dbm()),
            OpticField::TxPowerMicrowatt => microwatt(tx_dbm()),
            OpticField::LossOfSignal => integer(if rx_dbm() < LOSS_DBM { 1 } else { 2 }),
            OpticField::RxDbm => scaled(rx_dbm()),
            OpticField::TxDbm => scaled(tx_dbm()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::generate::Builder;
    use crate::program::Program;

    fn rows(seed: u64, name: usize, ms: u64) -> Vec<Vec<u8>> {
        let first = "127.0.0.1:20000".parse().unwrap();
        let config = crate::fleet(2, 5, first, true).devices.swap_remove(name);
        let device = Builder::default().device(&config, seed, 3600.0).unwrap();
        let (state, tick) = (device.lock(), device.tick(ms));
        let program: &Program = &device.program;
        (0..program.len())
            .filter_map(|place| program.row(place))
            .map(|(_, fixed, cell)| device.value(cell, fixed, &state, &tick).bytes().to_vec())
            .collect()
    }

    #[test]
    fn values_are_functions_of_seed_device_and_time() {
        let base = rows(1, 0, 3_000_000_123);
        assert_eq!(base, rows(1, 0, 3_000_000_123));
        let differ = |other: Vec<Vec<u8>>| base.iter().zip(&other).filter(|(a, b)| a != b).count();
        // Counters, addresses and uptime; not names and constants.
        assert!(differ(rows(2, 0, 3_000_000_123)) > 80);
        assert!(differ(rows(1, 1, 3_000_000_123)) > 80);
        assert!(differ(rows(1, 0, 3_000_001_123)) > 80);
    }
}
