//! Builds devices: rows of the standard groups, or of a walk. Devices of one make with the
//! same interfaces share their rows, devices of one walk file its rows.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::codec::{parse_oid, put_integer, put_oid, put_tlv, tag};
use crate::config::{Content, DeviceConfig, InterfaceSpec, Make};
use crate::device::{Device, Interface, InterfaceText, Optic, Scalars};
use crate::noise::{Tick, join, join_text};
use crate::program::{
    Cell, Direction, Draft, InterfaceField, OpticField, Program, SERIAL_OID, ScalarField, Width,
    draft,
};
use crate::snmprec::{self, WalkError};
use crate::state::State;

const SYSTEM: &str = "1.3.6.1.2.1.1";
const IF_NUMBER: &str = "1.3.6.1.2.1.2.1.0";
const IF_TABLE: &str = "1.3.6.1.2.1.2.2.1";
const IF_X_TABLE: &str = "1.3.6.1.2.1.31.1.1.1";
const XCVR_TABLE: &str = "1.3.6.1.4.1.6141.2.60.4.1.1.1.1";
const UP_TIME: &str = "1.3.6.1.2.1.1.3.0";

/// Columns of ifTable and ifXTable (RFC 2863).
fn interface_columns() -> Vec<(&'static str, u32, InterfaceField)> {
    use Direction::{In, Out};
    use InterfaceField as F;
    use Width::{Bits32, Bits64};
    let plain = [
        (1, F::Index),
        (2, F::Descr),
        (3, F::Type),
        (4, F::Mtu),
        (5, F::Speed),
        (6, F::PhysAddress),
        (7, F::AdminStatus),
        (8, F::OperStatus),
        (9, F::LastChange),
        (10, F::Octets(In, Bits32)),
        (11, F::UnicastPackets(In, Bits32)),
        (13, F::Discards(In)),
        (14, F::Errors(In)),
        (16, F::Octets(Out, Bits32)),
        (17, F::UnicastPackets(Out, Bits32)),
        (19, F::Discards(Out)),
        (20, F::Errors(Out)),
    ];
    let extended = [
        (1, F::Name),
        (2, F::MulticastPackets(In, Bits32)),
        (3, F::BroadcastPackets(In, Bits32)),
        (4, F::MulticastPackets(Out, Bits32)),
        (5, F::BroadcastPackets(Out, Bits32)),
        (6, F::Octets(In, Bits64)),
        (7, F::UnicastPackets(In, Bits64)),
        (8, F::MulticastPackets(In, Bits64)),
        (9, F::BroadcastPackets(In, Bits64)),
        (10, F::Octets(Out, Bits64)),
        (11, F::UnicastPackets(Out, Bits64)),
        (12, F::MulticastPackets(Out, Bits64)),
        (13, F::BroadcastPackets(Out, Bits64)),
        (14, F::LinkTrap),
        (15, F::HighSpeed),
        (16, F::Promiscuous),
        (17, F::Connector),
        (18, F::Alias),
        (19, F::Discontinuity),
    ];
    let plain = plain.into_iter().map(|(column, field)| (IF_TABLE, column, field));
    plain.chain(extended.into_iter().map(|(column, field)| (IF_X_TABLE, column, field))).collect()
}

/// Columns of WWP-LEOS-PORT-XCVR-MIB.
const OPTIC_COLUMNS: [(u32, OpticField); 13] = [
    (1, OpticField::Id),
    (2, OpticField::OperState),
    (7, OpticField::Vendor),
    (9, OpticField::Part),
    (11, OpticField::SerialNumber),
    (15, OpticField::WaveLength),
    (16, OpticField::Temperature),
    (18, OpticField::Bias),
    (19, OpticField::RxPowerMicrowatt),
    (27, OpticField::TxPowerMicrowatt),
    (28, OpticField::LossOfSignal),
    (105, OpticField::RxDbm),
    (106, OpticField::TxDbm),
];

fn octets(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_tlv(&mut out, tag::OCTETS, text.as_bytes());
    out
}

fn number(value: i64) -> Vec<u8> {
    let (bytes, length) = put_integer(tag::INTEGER, value);
    bytes[..length].to_vec()
}

fn oid(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_oid(&mut out, &parse_oid(text).unwrap_or_default());
    out
}

impl Make {
    const fn descr(self) -> &'static str {
        match self {
            Self::Router => "Lab Router, Release 4.2",
            Self::Switch => "Lab Ethernet Switch, Release 2.7",
            // The text that collectors know this family by.
            Self::Optical => "5160 Service Aggregation Switch",
        }
    }

    const fn object_id(self) -> &'static str {
        match self {
            Self::Router => "1.3.6.1.4.1.63999.2.1",
            Self::Switch => "1.3.6.1.4.1.63999.2.2",
            Self::Optical => "1.3.6.1.4.1.6141.1.97",
        }
    }

    /// sysServices (RFC 3418): layer 2 is 2, layer 3 is 4.
    const fn services(self) -> i64 {
        match self {
            Self::Router => 6,
            Self::Switch | Self::Optical => 2,
        }
    }

    const fn first_index(self) -> u32 {
        match self {
            Self::Router | Self::Switch => 1,
            Self::Optical => 10_001,
        }
    }
}

type Shape = (Make, Vec<InterfaceSpec>, bool);
type Rows = (Arc<Program>, Arc<Vec<InterfaceText>>);
type WalkKey = (PathBuf, bool, bool, bool);
type WalkRows = (Arc<Program>, Arc<Vec<u64>>);

/// Builds devices and keeps what they share.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    shapes: HashMap<Shape, Rows>,
    walks: HashMap<WalkKey, WalkRows>,
    /// Lines that lenient walks left out.
    pub(crate) skipped: Vec<WalkError>,
}

impl Builder {
    /// Builds one device. The configuration has been checked.
    pub(crate) fn device(
        &mut self,
        config: &DeviceConfig,
        seed: u64,
        day_s: f64,
    ) -> Result<Device, WalkError> {
        let seed = join_text(seed, &config.name);
        let mut device = Device {
            name: config.name.clone(),
            address: config.address,
            community: config.community.clone().into_bytes(),
            program: Arc::default(),
            interfaces: Vec::new(),
            texts: Arc::default(),
            optics: Vec::new(),
            scalars: Scalars::default(),
            walk: Arc::default(),
            generated: false,
            seed,
            day_s,
            state: Mutex::default(),
        };
        match &config.content {
            Content::Generated { make, interfaces } => {
                self.fill(&mut device, *make, interfaces, config);
            }
            Content::Walk { path, animate, lenient } => {
                (device.program, device.walk) =
                    self.walk((path.clone(), *animate, *lenient, config.serial))?;
            }
        }
        let epoch = Tick::new(0, day_s);
        device.state = Mutex::new(State::new(&device.interfaces, device.optics.len(), &epoch));
        Ok(device)
    }

    fn fill(
        &mut self,
        device: &mut Device,
        make: Make,
        specs: &[InterfaceSpec],
        config: &DeviceConfig,
    ) {
        device.generated = true;
        let shape = (make, specs.to_vec(), config.serial);
        let (program, texts) =
            self.shapes.entry(shape).or_insert_with(|| rows(make, specs, config.serial));
        (device.program, device.texts) = (Arc::clone(program), Arc::clone(texts));
        device.interfaces = specs
            .iter()
            .map(|spec| Interface::new(join_text(device.seed, &spec.name), spec, device.day_s))
            .collect();
        if make == Make::Optical {
            let seeds = specs.iter().map(|spec| join(device.seed, join_text(9, &spec.name)));
            device.optics = seeds.map(Optic::new).collect();
        }
        device.scalars = Scalars {
            descr: octets(make.descr()),
            object_id: oid(make.object_id()),
            contact: octets("noc@lab.example"),
            name: octets(&config.name),
            location: octets(&config.location),
        };
    }

    fn walk(&mut self, key: WalkKey) -> Result<WalkRows, WalkError> {
        if let Some((program, counters)) = self.walks.get(&key) {
            return Ok((Arc::clone(program), Arc::clone(counters)));
        }
        let (path, animate, lenient, serial) = &key;
        let mut walk = snmprec::load(path, *lenient, *animate)?;
        self.skipped.append(&mut walk.skipped);
        if *animate {
            walk.rows.push(draft(UP_TIME, &[], Cell::Scalar(ScalarField::UpTime), vec![]));
        }
        if *serial {
            walk.rows.push(draft(SERIAL_OID, &[], Cell::Serial, vec![]));
        }
        let rows = (Arc::new(Program::new(walk.rows)), Arc::new(walk.counters));
        self.walks.insert(key, (Arc::clone(&rows.0), Arc::clone(&rows.1)));
        Ok(rows)
    }
}

fn rows(make: Make, specs: &[InterfaceSpec], serial: bool) -> Rows {
    let system = [
        (1, ScalarField::Descr),
        (2, ScalarField::ObjectId),
        (3, ScalarField::UpTime),
        (4, ScalarField::Contact),
        (5, ScalarField::Name),
        (6, ScalarField::Location),
    ];
    let mut drafts: Vec<Draft> = system
        .into_iter()
        .map(|(object, field)| draft(SYSTEM, &[object, 0], Cell::Scalar(field), vec![]))
        .collect();
    drafts.push(draft(SYSTEM, &[7, 0], Cell::Fixed, number(make.services())));
    drafts.push(draft(IF_NUMBER, &[], Cell::Fixed, number(specs.len() as i64)));
    for (table, column, field) in interface_columns() {
        for slot in 0..specs.len() as u16 {
            let index = make.first_index() + u32::from(slot);
            let cell = Cell::Interface(field, slot);
            drafts.push(draft(table, &[column, index], cell, vec![]));
        }
    }
    if make == Make::Optical {
        for (column, field) in OPTIC_COLUMNS {
            for port in 0..specs.len() as u16 {
                let index = [column, u32::from(port) + 1];
                drafts.push(draft(XCVR_TABLE, &index, Cell::Optic(field, port), vec![]));
            }
        }
    }
    if serial {
        drafts.push(draft(SERIAL_OID, &[], Cell::Serial, vec![]));
    }
    let texts = specs.iter().map(|spec| InterfaceText {
        name: spec.name.clone(),
        name_tlv: octets(&spec.name),
        descr_tlv: octets(&format!("{} {} Mbit/s Ethernet", make.descr_short(), spec.speed_mbps)),
        alias_tlv: octets(&spec.alias),
    });
    (Arc::new(Program::new(drafts)), Arc::new(texts.collect()))
}

impl Make {
    const fn descr_short(self) -> &'static str {
        match self {
            Self::Router => "Lab Router",
            Self::Switch => "Lab Switch",
            Self::Optical => "Ciena 5160",
        }
    }
}
