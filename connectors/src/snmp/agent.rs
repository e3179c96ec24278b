//! An agent made of data, for the sessions' tests.

use std::collections::BTreeMap;

use super::ask::Ask;
use super::ber;
use super::oid::Oid;
use super::session::Session;

/// A value as it travels: tag and content.
pub(super) type Cell = (u8, Vec<u8>);

pub(super) struct Agent {
    pub(super) cells: BTreeMap<Vec<u32>, Cell>,
    pub(super) most_octets: usize,
    pub(super) too_big_over: usize,
    pub(super) asked: usize,
}

pub(super) fn arcs(text: &str) -> Vec<u32> {
    text.split('.').map(|arc| arc.parse().unwrap()).collect()
}

pub(super) fn octets(arcs: &[u32]) -> Vec<u8> {
    let text: Vec<String> = arcs.iter().map(u32::to_string).collect();
    text.join(".").parse::<Oid>().unwrap().bytes().to_vec()
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0x82];
    out.extend((content.len() as u16).to_be_bytes());
    out.extend(content);
    out
}

pub(super) fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    loop {
        bytes.insert(0, value as u8);
        value >>= 8;
        if value == 0 {
            break;
        }
    }
    if bytes[0] & 0x80 != 0 {
        bytes.insert(0, 0);
    }
    bytes
}

pub(super) fn message(id: i32, status: u64, index: u64, binds: &[u8]) -> Vec<u8> {
    let mut pdu = element(2, &id.to_be_bytes());
    pdu.extend(element(2, &number(status)));
    pdu.extend(element(2, &number(index)));
    pdu.extend(element(0x30, binds));
    let mut message = element(2, &[1]);
    message.extend(element(4, b"public"));
    message.extend(element(ber::RESPONSE, &pdu));
    element(0x30, &message)
}

impl Agent {
    /// A device with ports of these names at these ifIndex values.
    pub(super) fn with_ports(ports: &[(u32, &str)]) -> Self {
        let mut agent =
            Self { cells: BTreeMap::new(), most_octets: 1_400, too_big_over: usize::MAX, asked: 0 };
        agent.put("1.3.6.1.2.1.1.2.0", (6, octets(&arcs("1.3.6.1.4.1.8072.3.2.10"))));
        agent.put("1.3.6.1.2.1.1.3.0", (0x43, number(5_000)));
        agent.put("1.3.6.1.2.1.1.5.0", (4, b"sim".to_vec()));
        agent.ports(ports);
        agent
    }

    pub(super) fn put(&mut self, oid: &str, cell: Cell) {
        self.cells.insert(arcs(oid), cell);
    }

    pub(super) fn ports(&mut self, ports: &[(u32, &str)]) {
        self.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.2")));
        self.cells.retain(|oid, _| !oid.starts_with(&arcs("1.3.6.1.2.1.31")));
        for (index, name) in ports {
            // A counter that tells whose it is.
            let own: u64 = name.bytes().map(u64::from).sum::<u64>() * 1_000_003;
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.1.{index}"), (4, name.as_bytes().to_vec()));
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.6.{index}"), (0x46, number(own)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.10.{index}"), (0x41, number(own & 0xffff_ffff)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.8.{index}"), (2, number(1)));
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.15.{index}"), (0x42, number(0)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.5.{index}"), (0x42, number(64_000)));
        }
    }

    pub(super) fn bind(oid: &[u32], (tag, content): &Cell) -> Vec<u8> {
        let mut pair = element(6, &octets(oid));
        pair.extend(element(*tag, content));
        element(0x30, &pair)
    }

    /// Answers, as an agent that reads the question's octets would.
    pub(super) fn answer(&mut self, ask: &Ask, session: &Session, id: i32) -> Vec<u8> {
        self.asked += 1;
        let profile = session.profile.as_deref();
        let dotted = |bytes: &[u8]| arcs(&super::oid::oid_text(bytes));
        let mut binds = Vec::new();
        match ask {
            Ask::Get(scalars) => {
                for scalar in scalars {
                    let oid = dotted(scalar.oid(profile));
                    let none = (0x80, vec![]);
                    binds.extend(Self::bind(&oid, self.cells.get(&oid).unwrap_or(&none)));
                }
            }
            Ask::Walk(walk) => {
                let profile = profile.unwrap();
                let mut heads: Vec<Vec<u32>> = Vec::new();
                for cursor in &walk.cursors {
                    let mut oid = cursor.column.oid(profile).to_vec();
                    oid.extend(&cursor.after);
                    heads.push(dotted(&oid));
                }
                if walk.uptime {
                    let oid = arcs("1.3.6.1.2.1.1.3.0");
                    binds.extend(Self::bind(&oid, &self.cells[&oid]));
                }
                if usize::from(walk.repetitions) * heads.len() > self.too_big_over {
                    return message(id, 1, 0, &[]);
                }
                'all: for _ in 0..walk.repetitions {
                    for head in &mut heads {
                        let mut after = head.clone();
                        after.push(0);
                        let next = self.cells.range(after..).next();
                        let end = (0x82, vec![]);
                        let (oid, cell) = next.unwrap_or((head, &end));
                        let bind = Self::bind(oid, cell);
                        if binds.len() + bind.len() > self.most_octets {
                            break 'all;
                        }
                        binds.extend(bind);
                        *head = oid.clone();
                    }
                }
            }
        }
        message(id, 0, 0, &binds)
    }
}
