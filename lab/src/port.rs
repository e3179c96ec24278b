//! Ports of loopback for what a test starts.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// From here on, so many ports: below the range that the system hands out to sockets that ask
/// for none, or one of them could take the port before, or between two starts of, its user.
const FIRST: u16 = 12_000;
const COUNT: u32 = 18_000;

/// A port that is free for UDP and TCP on every address of this machine. Each call of a process
/// gives another one, and two processes begin at different ones.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Relaxed);
        let place = std::process::id().wrapping_mul(97).wrapping_add(step) % COUNT;
        let port = FIRST + place as u16;
        let any = (Ipv4Addr::UNSPECIFIED, port);
        if UdpSocket::bind(any).is_ok() && TcpListener::bind(any).is_ok() {
            return port;
        }
    }
}
