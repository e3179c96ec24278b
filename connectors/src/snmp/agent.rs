//! An agent made of data, for the sessions' tests.

use std::collections::BTreeMap;

use super::ask::Ask;
use super::ber;
use super::oid::Oid;
use super::session::Session;

/// A value as it travels: tag and content.
pub(super) type Cell = (u8, Vec<u8>);

/// A variable: its name and its value.
pub(super) type Bind = (Vec<u32>, Cell);

/// error-status and error-index; none: silence.
pub(super) type Refused = Option<(u64, u64)>;

pub(super) struct Agent {
    pub(super) cells: BTreeMap<Vec<u32>, Cell>,
    pub(super) most_octets: usize,
    /// Variables in an answer to a GETBULK.
    pub(super) most_variables: usize,
    pub(super) too_big_over: usize,
    pub(super) asked: usize,
    /// What it refuses.
    pub(super) refusals: Vec<Refusal>,
    /// sysUpTime in a GETBULK is taken for one more column.
    pub(super) no_repeaters: bool,
}

/// What an agent does not answer as it should.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Names that start so are refused, asked for or come to.
    pub(super) under: Vec<u32>,
    /// error-status; none: silence.
    pub(super) status: Option<u64>,
    pub(super) index: Named,
    /// Only in a GETBULK.
    pub(super) bulk: bool,
}

/// What error-index an agent gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    Nothing,
    Culprit,
    /// One that there is not, or is innocent.
    Other(u64),
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
        let mut agent = Self {
            cells: BTreeMap::new(),
            most_octets: 1_400,
            most_variables: usize::MAX,
            too_big_over: usize::MAX,
            asked: 0,
            refusals: Vec::new(),
            no_repeaters: false,
        };
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
            // A counter that shows whose it is.
            let own: u64 = name.bytes().map(u64::from).sum::<u64>() * 1_000_003;
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.1.{index}"), (4, name.as_bytes().to_vec()));
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.6.{index}"), (0x46, number(own)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.10.{index}"), (0x41, number(own & 0xffff_ffff)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.8.{index}"), (2, number(1)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.13.{index}"), (0x41, number(own & 0xffff)));
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.18.{index}"), (4, b"alias".to_vec()));
            self.put(&format!("1.3.6.1.2.1.31.1.1.1.15.{index}"), (0x42, number(0)));
            self.put(&format!("1.3.6.1.2.1.2.2.1.5.{index}"), (0x42, number(64_000)));
        }
    }

    pub(super) fn bind(oid: &[u32], (tag, content): &Cell) -> Vec<u8> {
        let mut pair = element(6, &octets(oid));
        pair.extend(element(*tag, content));
        element(0x30, &pair)
    }

    /// Answers, as an agent that reads the question's octets would; none: silence.
    pub(super) fn reply(&mut self, ask: &Ask, session: &Session, id: i32) -> Option<Vec<u8>> {
        match self.binds(ask, session) {
            Ok(binds) => {
                let octets: Vec<u8> =
                    binds.iter().flat_map(|(oid, cell)| Self::bind(oid, cell)).collect();
                Some(message(id, 0, 0, &octets))
            }
            Err(refused) => refused.map(|(status, index)| message(id, status, index, &[])),
        }
    }

    /// The variables of an answer, or error-status and error-index, or nothing.
    pub(super) fn binds(&mut self, ask: &Ask, session: &Session) -> Result<Vec<Bind>, Refused> {
        self.asked += 1;
        let profile = session.profile.as_deref();
        let dotted = |bytes: &[u8]| arcs(&super::oid::oid_text(bytes));
        let mut heads: Vec<Vec<u32>> = Vec::new();
        let (mut rounds, mut lead, mut next) = (1, false, true);
        match ask {
            Ask::Get(scalars) => {
                next = false;
                heads.extend(scalars.iter().map(|it| dotted(it.oid(profile))));
            }
            Ask::Walk(walk) => {
                (rounds, lead) = (usize::from(walk.repetitions), walk.uptime);
                heads.extend(walk.uptime.then(|| arcs("1.3.6.1.2.1.1.3")));
                for cursor in &walk.cursors {
                    let mut oid = cursor.column.oid(profile.unwrap()).to_vec();
                    oid.extend(&cursor.after);
                    heads.push(dotted(&oid));
                }
                if rounds * walk.cursors.len() > self.too_big_over {
                    return Err(Some((1, 0)));
                }
            }
        }
        let bulk = matches!(ask, Ask::Walk(walk) if !walk.next);
        let mut binds: Vec<(usize, Vec<u32>, Cell)> = Vec::new();
        for round in 0..rounds {
            for (place, head) in heads.iter_mut().enumerate() {
                if lead && place == 0 && round > 0 && !self.no_repeaters {
                    continue;
                }
                let (oid, cell) = self.at(head, next);
                binds.push((place, oid.clone(), cell));
                *head = oid;
            }
        }
        for it in self.refusals.iter().filter(|it| bulk || !it.bulk) {
            let hit = binds.iter().find(|(place, oid, _)| {
                oid.starts_with(&it.under) || heads[*place].starts_with(&it.under)
            });
            if let Some((place, _, _)) = hit {
                let index = match it.index {
                    Named::Nothing => 0,
                    Named::Culprit => *place as u64 + 1,
                    Named::Other(index) => index,
                };
                return Err(it.status.map(|status| (status, index)));
            }
        }
        let (mut octets, mut kept) = (0, Vec::new());
        let most = if bulk { self.most_variables } else { usize::MAX };
        for (_, oid, cell) in binds.into_iter().take(most) {
            octets += Self::bind(&oid, &cell).len();
            if bulk && octets > self.most_octets {
                break;
            }
            kept.push((oid, cell));
        }
        Ok(kept)
    }

    pub(super) fn answer(&mut self, ask: &Ask, session: &Session, id: i32) -> Vec<u8> {
        self.reply(ask, session, id).unwrap()
    }

    /// The cell of a name, or the one after it.
    fn at(&self, head: &[u32], next: bool) -> (Vec<u32>, Cell) {
        if !next {
            let cell = self.cells.get(head).cloned().unwrap_or((0x80, vec![]));
            return (head.to_vec(), cell);
        }
        let mut after = head.to_vec();
        after.push(0);
        let found = self.cells.range(after..).next();
        found.map_or_else(
            || (head.to_vec(), (0x82, vec![])),
            |(oid, cell)| (oid.clone(), cell.clone()),
        )
    }
}
