//! Sockets for echo requests: unprivileged where the system allows, else raw.

use std::io;

use socket2::{Domain, Protocol, Socket, Type};

use crate::net::udp::{Datagrams, set_int};

/// What to say when neither is allowed.
pub(crate) const NOT_PERMITTED: &str = "this host may not send echo requests: run `sysctl -w \
     net.ipv4.ping_group_range=\"0 2147483647\"`, or `setcap cap_net_raw+ep` on the program";

/// ICMP_FILTER of raw(7): which types a raw socket does not get.
const ICMP_FILTER: i32 = 1;

/// Whether this host may send echo requests.
///
/// # Errors
/// What to do when it may not.
pub fn icmp_permission() -> Result<(), &'static str> {
    open(false).map(drop).map_err(|_| NOT_PERMITTED)
}

/// A socket for echo requests.
#[derive(Debug)]
pub(crate) struct EchoSocket {
    pub(crate) datagrams: Datagrams,
    pub(crate) raw: bool,
}

/// Opens one; an error means that this host does not permit it (or has no IPv6).
pub(crate) fn open(ipv6: bool) -> io::Result<EchoSocket> {
    let (domain, protocol) =
        if ipv6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
    let (socket, raw) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Ok(socket) => (socket, false),
        Err(_) => (Socket::new(domain, Type::RAW, Some(protocol))?, true),
    };
    if raw && !ipv6 {
        // Replies only: on loopback a raw socket would get our own requests too.
        set_int(&socket, libc::SOL_RAW, ICMP_FILTER, !1)?;
    }
    // User space sees a reply late when many come at once; the kernel's stamp does not.
    set_int(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    Ok(EchoSocket { datagrams: Datagrams::prepare(socket, ipv6)?, raw })
}

/// For IPv4 and IPv6, each if the host permits it.
pub(crate) fn open_both() -> [Option<EchoSocket>; 2] {
    [open(false).ok(), open(true).ok()]
}
