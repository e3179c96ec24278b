//! Sockets: one for each port, many agents behind it; receiving and sending in batches.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::codec::HEADROOM_BYTES;

/// Datagrams taken or given in one system call.
pub(crate) const BATCH: usize = 64;
/// A longer request is malformed here.
pub(crate) const MAX_REQUEST_BYTES: usize = 8_192;
/// Kernel buffers asked for; the system may give less.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;
const CONTROL_BYTES: usize = 64;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) socket: Socket,
    pub(crate) port: u16,
    /// The only address behind it; none where IP_PKTINFO gives it.
    pub(crate) address: Option<Ipv4Addr>,
}

/// How a port can be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody else may have the port.
    Alone,
    /// Several workers have it (SO_REUSEPORT).
    Workers,
}

/// Binds to one address, or to all of `lo` without one. The error kind `Unsupported` says
/// that the kernel does not bind to `lo` for an ordinary user.
pub(crate) fn bind(address: Option<Ipv4Addr>, port: u16, sharing: Sharing) -> io::Result<Port> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if sharing == Sharing::Workers {
        socket.set_reuse_port(true)?;
    }
    // Less than asked for is good enough.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    if address.is_none() {
        let refused = |_| io::Error::from(io::ErrorKind::Unsupported);
        socket.bind_device(Some(b"lo")).map_err(refused)?;
        enable_packet_info(&socket)?;
    }
    let any = SocketAddrV4::new(address.unwrap_or(Ipv4Addr::UNSPECIFIED), port);
    socket.bind(&any.into())?;
    Ok(Port { socket, port, address })
}

fn enable_packet_info(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option value points to a live c_int of the size given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    check(result).map(|_| ())
}

/// The result of a system call, or what went wrong.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Lets the process have `count` more descriptors where the hard limit allows.
pub(crate) fn allow_descriptors(count: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit and setrlimit only access the struct given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            let wanted = limit.rlim_cur.max(count + 256);
            limit.rlim_cur = wanted.min(limit.rlim_max);
            // A refusal shows as EMFILE at the bind.
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// CPU time of the calling thread, microseconds.
pub(crate) fn thread_cpu_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is live and of the right type.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if result == 0 { time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000 } else { 0 }
}

/// Where a datagram came from and whom it asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    pub(crate) peer: SocketAddrV4,
    pub(crate) asked: Ipv4Addr,
}

#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Room for a batch of requests.
pub(crate) struct Inbox {
    bytes: Vec<[u8; MAX_REQUEST_BYTES]>,
    names: Vec<libc::sockaddr_in>,
    controls: Vec<Control>,
    lengths: Vec<Option<usize>>,
    envelopes: Vec<Option<Envelope>>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![[0; MAX_REQUEST_BYTES]; BATCH],
            // SAFETY: all zeroes is a valid sockaddr_in.
            names: vec![unsafe { zeroed() }; BATCH],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH],
            lengths: vec![None; BATCH],
            envelopes: vec![None; BATCH],
        }
    }

    /// Takes what waits at a port, at most [`BATCH`]; returns how many.
    pub(crate) fn receive(&mut self, port: &Port) -> io::Result<usize> {
        // SAFETY: all zeroes are valid iovec and mmsghdr values.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut heads: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        for (at, head) in heads.iter_mut().enumerate() {
            vectors[at].iov_base = self.bytes[at].as_mut_ptr().cast();
            vectors[at].iov_len = MAX_REQUEST_BYTES;
            head.msg_hdr.msg_name = (&raw mut self.names[at]).cast();
            head.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            head.msg_hdr.msg_iov = &raw mut vectors[at];
            head.msg_hdr.msg_iovlen = 1;
            head.msg_hdr.msg_control = self.controls[at].0.as_mut_ptr().cast();
            head.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        // SAFETY: every head points to memory of this inbox and this frame, of the lengths
        // given, which outlives the call.
        let count = check(unsafe {
            libc::recvmmsg(
                port.socket.as_raw_fd(),
                heads.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        });
        let count = match count {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            other => other? as usize,
        };
        for (at, head) in heads.iter().take(count).enumerate() {
            let whole = head.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
            self.lengths[at] = whole.then_some(head.msg_len as usize);
            let asked = port.address.or_else(|| asked_address(&head.msg_hdr));
            self.envelopes[at] = asked.map(|asked| {
                let name = &self.names[at];
                let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
                Envelope { peer: SocketAddrV4::new(ip, u16::from_be(name.sin_port)), asked }
            });
        }
        Ok(count)
    }

    /// A datagram of the last batch; none where it was too long or came to no known address.
    pub(crate) fn get(&self, at: usize) -> Option<(&[u8], Envelope)> {
        let (length, envelope) = (self.lengths[at]?, self.envelopes[at]?);
        Some((&self.bytes[at][..length], envelope))
    }
}

/// The destination from IP_PKTINFO.
fn asked_address(head: &libc::msghdr) -> Option<Ipv4Addr> {
    // SAFETY: the kernel filled the control buffer of this head and set its length; the
    // macros stay within it, and an IP_PKTINFO message holds an in_pktinfo.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(head);
        while !message.is_null() {
            let level = ((*message).cmsg_level, (*message).cmsg_type);
            if level == (libc::IPPROTO_IP, libc::IP_PKTINFO) {
                let info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                return Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)));
            }
            message = libc::CMSG_NXTHDR(head, message);
        }
    }
    None
}

/// An answer that waits to be sent.
#[derive(Debug, Clone, Copy)]
struct Parcel {
    slot: usize,
    start: usize,
    end: usize,
    to: Envelope,
}

/// Room for a batch of answers of one port.
pub(crate) struct Outbox {
    slots: Vec<Box<[u8]>>,
    parcels: Vec<Parcel>,
    used: usize,
}

impl Outbox {
    pub(crate) fn new(max_response_bytes: usize) -> Self {
        let slot = vec![0; HEADROOM_BYTES + max_response_bytes].into_boxed_slice();
        Self { slots: vec![slot; BATCH], parcels: Vec::with_capacity(2 * BATCH), used: 0 }
    }

    /// The next slot to build an answer in; none when full.
    pub(crate) fn slot(&mut self) -> Option<&mut [u8]> {
        self.slots.get_mut(self.used).map(|slot| &mut **slot)
    }

    /// Keeps what was built in the last slot, to be sent `copies` times.
    pub(crate) fn keep(&mut self, start: usize, end: usize, to: Envelope, copies: usize) {
        let parcel = Parcel { slot: self.used, start, end, to };
        self.parcels.extend(std::iter::repeat_n(parcel, copies));
        self.used += 1;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.used == self.slots.len()
    }

    /// The number of the slot to be built in next.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Keeps the answers of these slots from leaving.
    pub(crate) fn withhold(&mut self, slots: &[usize]) {
        self.parcels.retain(|parcel| !slots.contains(&parcel.slot));
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.parcels.clear();
        self.used = 0;
    }

    /// Sends everything and forgets it. Returns how many went out; `failed` gets the slot
    /// of each that did not.
    pub(crate) fn send(&mut self, port: &Port, mut failed: impl FnMut(usize)) -> usize {
        let mut sent = 0;
        let parcels = std::mem::take(&mut self.parcels);
        for batch in parcels.chunks(BATCH) {
            let mut rest = batch;
            while !rest.is_empty() {
                let taken = self.send_some(port, rest);
                sent += taken;
                rest = &rest[taken..];
                if let (0, [first, tail @ ..]) = (taken, rest) {
                    failed(first.slot);
                    rest = tail;
                }
            }
        }
        self.parcels = parcels;
        self.clear();
        sent
    }

    /// One sendmmsg; returns how many the kernel took from the front.
    fn send_some(&self, port: &Port, parcels: &[Parcel]) -> usize {
        // SAFETY: all zeroes are valid values of these structs.
        let mut names: [libc::sockaddr_in; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut heads: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut controls = [Control([0; CONTROL_BYTES]); BATCH];
        for (at, parcel) in parcels.iter().take(BATCH).enumerate() {
            let bytes = &self.slots[parcel.slot][parcel.start..parcel.end];
            names[at].sin_family = libc::AF_INET as libc::sa_family_t;
            names[at].sin_port = parcel.to.peer.port().to_be();
            names[at].sin_addr.s_addr = u32::from(*parcel.to.peer.ip()).to_be();
            vectors[at].iov_base = bytes.as_ptr().cast_mut().cast();
            vectors[at].iov_len = bytes.len();
            let head = &mut heads[at].msg_hdr;
            head.msg_name = (&raw mut names[at]).cast();
            head.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            head.msg_iov = &raw mut vectors[at];
            head.msg_iovlen = 1;
            if port.address.is_none() {
                head.msg_control = controls[at].0.as_mut_ptr().cast();
                head.msg_controllen = CONTROL_BYTES;
                put_source(head, parcel.to.asked);
            }
        }
        // SAFETY: every head points to memory of this outbox and this frame, which the
        // kernel only reads and which outlives the call.
        let count = unsafe {
            libc::sendmmsg(
                port.socket.as_raw_fd(),
                heads.as_mut_ptr(),
                parcels.len().min(BATCH) as u32,
                libc::MSG_DONTWAIT,
            )
        };
        count.max(0) as usize
    }
}

/// Answers from the address that was asked.
fn put_source(head: &mut libc::msghdr, source: Ipv4Addr) {
    let size = size_of::<libc::in_pktinfo>() as u32;
    // SAFETY: the control buffer is aligned, zeroed and larger than one in_pktinfo message.
    unsafe {
        head.msg_controllen = libc::CMSG_SPACE(size) as usize;
        let message = libc::CMSG_FIRSTHDR(head);
        if message.is_null() {
            return;
        }
        (*message).cmsg_level = libc::IPPROTO_IP;
        (*message).cmsg_type = libc::IP_PKTINFO;
        (*message).cmsg_len = libc::CMSG_LEN(size) as usize;
        let info = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().write_unaligned(info);
    }
}
