//! Answers a second that a lab gives on one core: GETBULK of 25 Counter64 (ifHCInOctets of 25
//! interfaces), to many agents, requests in flight bounded by the client.
//!
//! `bulk_rate [SECONDS] [AGENTS] [WORKERS] [serial]`: with `serial` each request also asks
//! for the serial, so that every answer goes through the ledger file.

#![allow(clippy::print_stdout, reason = "an example's output")]

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use lab::codec::{Request, Version, parse_oid, tag};
use lab::{Lab, LabConfig, LedgerConfig, fleet};

const IN_FLIGHT: usize = 256;
const INTERFACES: usize = 25;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut number = |otherwise| words.next().map_or(Ok(otherwise), |word| word.parse::<usize>());
    let (seconds, agents, workers) = (number(5)?, number(1000)?, number(1)?);
    let serial = std::env::args().any(|word| word == "serial");
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 90, 0, 1), 11_611);
    let path = std::env::temp_dir().join(format!("bulk_rate.{}.ledger", std::process::id()));
    let ledger = LedgerConfig::File { path: path.clone(), max_bytes: 1 << 32 };
    let config = LabConfig { workers, ledger, ..fleet(agents, INTERFACES, first, false) };
    let lab = Lab::start(config)?;
    let mut names = vec![parse_oid("1.3.6.1.2.1.31.1.1.1.6")?];
    if serial {
        names.insert(0, parse_oid("1.3.6.1.4.1.63999.1.1")?);
    }
    let request = Request {
        version: Version::V2c,
        community: b"lab-public",
        pdu: tag::GET_BULK,
        request_id: 123_456_789,
        non_repeaters: i32::from(serial),
        max_repetitions: INTERFACES as i32,
    }
    .write(&names);

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let peers: Vec<SocketAddrV4> = (0..agents as u32)
        .map(|at| SocketAddrV4::new(Ipv4Addr::from(u32::from(*first.ip()) + at), first.port()))
        .collect();
    let mut load = Load::new(&socket, &request, &peers);
    load.run(Duration::from_secs(1))?;
    let (before, start) = (lab.stats(), Instant::now());
    let received = load.run(Duration::from_secs(seconds as u64))?;
    let passed_s = start.elapsed().as_secs_f64();
    // Workers publish their CPU time when they wake.
    std::thread::sleep(Duration::from_millis(300));
    let after = lab.stats();
    let answers = after.answers - before.answers;
    let cpu_s = (after.cpu_us - before.cpu_us) as f64 / 1e6;
    println!("agents {agents}, workers {workers}, {INTERFACES} values an answer, serial {serial}");
    println!("received {received} answers of {} octets in {passed_s:.2} s", load.last_length);
    println!(
        "lab: {answers} answers, {cpu_s:.2} CPU-s, {:.2} us each",
        cpu_s * 1e6 / answers as f64
    );
    println!("bulk_rate {:.0} answers/s", received as f64 / passed_s);
    println!("bulk_rate_cpu {:.0} answers/CPU-s", answers as f64 / cpu_s);
    println!("{after:?}");
    lab.stop();
    std::fs::remove_file(path)?;
    Ok(())
}

/// Sends and receives in batches, cheaply enough that the lab is what is measured.
struct Load<'a> {
    socket: &'a UdpSocket,
    request: &'a [u8],
    names: Vec<libc::sockaddr_in>,
    next: usize,
    last_length: u32,
}

impl<'a> Load<'a> {
    fn new(socket: &'a UdpSocket, request: &'a [u8], peers: &[SocketAddrV4]) -> Self {
        let names = peers.iter().map(|peer| libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: peer.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*peer.ip()).to_be() },
            sin_zero: [0; 8],
        });
        Self { socket, request, names: names.collect(), next: 0, last_length: 0 }
    }

    fn run(&mut self, lasting: Duration) -> std::io::Result<u64> {
        let (start, mut received, mut open) = (Instant::now(), 0, 0);
        while start.elapsed() < lasting {
            while open < IN_FLIGHT {
                self.send(64)?;
                open += 64;
            }
            match self.receive() {
                // Lost on the way: start anew.
                0 => open = 0,
                count => {
                    received += count as u64;
                    open = open.saturating_sub(count);
                }
            }
        }
        while self.receive() > 0 {
            received += 1;
        }
        Ok(received)
    }

    fn send(&mut self, count: usize) -> std::io::Result<()> {
        // SAFETY: all zeroes are valid; every head points to memory that outlives the call.
        let sent = unsafe {
            let mut heads: [libc::mmsghdr; 64] = std::mem::zeroed();
            let mut vector = libc::iovec {
                iov_base: self.request.as_ptr().cast_mut().cast(),
                iov_len: self.request.len(),
            };
            for head in heads.iter_mut().take(count) {
                let name = &raw mut self.names[self.next];
                self.next = (self.next + 1) % self.names.len();
                head.msg_hdr.msg_name = name.cast();
                head.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
                head.msg_hdr.msg_iov = &raw mut vector;
                head.msg_hdr.msg_iovlen = 1;
            }
            libc::sendmmsg(self.socket.as_raw_fd(), heads.as_mut_ptr(), count as u32, 0)
        };
        if sent < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    }

    fn receive(&mut self) -> usize {
        static mut BUFFER: [[u8; 2048]; 64] = [[0; 2048]; 64];
        // SAFETY: this program receives in one thread only; every head points to memory that
        // outlives the call.
        unsafe {
            let mut heads: [libc::mmsghdr; 64] = std::mem::zeroed();
            let mut vectors: [libc::iovec; 64] = std::mem::zeroed();
            for (at, head) in heads.iter_mut().enumerate() {
                vectors[at].iov_base = (&raw mut BUFFER[at]).cast();
                vectors[at].iov_len = 2048;
                head.msg_hdr.msg_iov = &raw mut vectors[at];
                head.msg_hdr.msg_iovlen = 1;
            }
            let flags = libc::MSG_WAITFORONE;
            let none = std::ptr::null_mut();
            let got = libc::recvmmsg(self.socket.as_raw_fd(), heads.as_mut_ptr(), 64, flags, none);
            if got > 0 {
                self.last_length = heads[0].msg_len;
            }
            got.max(0) as usize
        }
    }
}
