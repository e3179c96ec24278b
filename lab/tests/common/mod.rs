//! A small SNMP client and labs on ports of their own.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use lab::codec::{Message, Request, Version, tag};
use lab::{Lab, LabConfig, free_port};

pub const COMMUNITY: &[u8] = b"lab-public";

/// A fleet on 127.77.0.1 and on, with a fixed epoch.
pub fn fleet(count: usize, interfaces: usize) -> LabConfig {
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 77, 0, 1), free_port());
    lab::fleet(count, interfaces, first, false)
}

pub fn start(config: LabConfig) -> Lab {
    Lab::start(config).unwrap()
}

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub name: Vec<u32>,
    pub tag: u8,
    pub bytes: Vec<u8>,
}

impl Value {
    pub fn number(&self) -> u64 {
        assert!(self.bytes.len() <= 9, "{self:?}");
        self.bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    pub fn signed(&self) -> i64 {
        let start = if self.bytes[0] & 0x80 == 0 { 0i64 } else { -1 };
        self.bytes.iter().fold(start, |sum, byte| sum << 8 | i64::from(*byte))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub request_id: i32,
    pub status: i32,
    pub index: i32,
    pub values: Vec<Value>,
}

pub struct Client {
    pub socket: UdpSocket,
    pub version: Version,
    next: i32,
}

impl Client {
    pub fn new(agent: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(agent).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        Self { socket, version: Version::V2c, next: 1 }
    }

    pub fn send(&mut self, pdu: u8, fields: (i32, i32), names: &[&str]) -> i32 {
        self.next += 1;
        let request = Request {
            version: self.version,
            community: COMMUNITY,
            pdu,
            request_id: self.next,
            non_repeaters: fields.0,
            max_repetitions: fields.1,
        };
        let names: Vec<_> = names.iter().map(|name| lab::codec::parse_oid(name).unwrap()).collect();
        self.socket.send(&request.write(&names)).unwrap();
        self.next
    }

    /// The next datagram, read; none after a second of silence.
    pub fn receive(&self) -> Option<Result<Answer, lab::codec::Malformed>> {
        let mut buf = vec![0; 65_536];
        let length = self.socket.recv(&mut buf).ok()?;
        Some(Message::read(&buf[..length]).map(|read| {
            Answer {
                request_id: read.request_id,
                status: read.status,
                index: read.index,
                values: read
                    .var_binds()
                    .map(|bind| {
                        let bind = bind.unwrap();
                        Value {
                            name: bind.arcs().unwrap(),
                            tag: bind.tag,
                            bytes: bind.value.to_vec(),
                        }
                    })
                    .collect(),
            }
        }))
    }

    pub fn ask(&mut self, pdu: u8, fields: (i32, i32), names: &[&str]) -> Option<Answer> {
        let sent = self.send(pdu, fields, names);
        let answer = self.receive()?.unwrap();
        assert_eq!(answer.request_id, sent);
        Some(answer)
    }

    pub fn get(&mut self, name: &str) -> Option<Value> {
        Some(self.ask(tag::GET, (0, 0), &[name])?.values.remove(0))
    }

    /// Asks while the agent may be away.
    pub fn send_quietly(&mut self, name: &str) {
        self.next += 1;
        let request = Request {
            version: self.version,
            community: COMMUNITY,
            pdu: tag::GET,
            request_id: self.next,
            non_repeaters: 0,
            max_repetitions: 0,
        };
        // ECONNREFUSED of an earlier datagram.
        let _ = self.socket.send(&request.write(&[lab::codec::parse_oid(name).unwrap()]));
    }

    /// Whether the agent answers.
    pub fn get_quietly(&mut self) -> Option<()> {
        self.send_quietly("1.3.6.1.2.1.1.5.0");
        self.receive()?.ok().map(|_| ())
    }

    /// All rows, by GETBULK.
    pub fn walk(&mut self) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        let mut from = "0.0".to_owned();
        loop {
            let answer = self.ask(tag::GET_BULK, (0, 50), &[&from]).expect("an answer");
            assert_eq!(answer.status, 0);
            assert!(!answer.values.is_empty());
            for value in answer.values {
                if value.tag == tag::END_OF_MIB_VIEW {
                    return rows;
                }
                assert!(rows.last().is_none_or(|last| last.name < value.name), "{value:?}");
                rows.push(value);
            }
            let arcs = &rows.last().unwrap().name;
            from = arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        }
    }
}
