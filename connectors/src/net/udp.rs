//! A datagram socket that sends and receives many datagrams a system call.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Datagrams a system call.
pub(crate) const BATCH: usize = 64;
/// Batches taken from a socket before others get their turn.
pub(crate) const MAX_BATCHES: usize = 16;
/// The largest datagram looked at.
pub(crate) const MAX_DATAGRAM: usize = 65_536;
/// Eights of octets for what the kernel reports about a datagram: a time stamp.
const CONTROL: usize = 8;
/// What the receive buffer should be.
const WANTED_BUFFER: usize = 16 << 20;
/// What the kernel counts for a datagram in a receive buffer, about.
const KERNEL_COST: usize = 4_096;

/// One socket.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: Socket,
    pub(crate) ipv6: bool,
    /// Answers that fit into the receive buffer.
    pub(crate) capacity: usize,
}

/// Buffers for receiving, shared by a thread's sockets.
pub(crate) struct Inbox {
    octets: Vec<u8>,
    addresses: Vec<libc::sockaddr_storage>,
    lengths: [usize; BATCH],
    control: Vec<[u64; CONTROL]>,
    control_lengths: [usize; BATCH],
}

impl Inbox {
    pub(crate) fn new() -> Self {
        // SAFETY: all zeroes is a valid sockaddr_storage.
        let address: libc::sockaddr_storage = unsafe { zeroed() };
        Self {
            octets: vec![0; BATCH * MAX_DATAGRAM],
            addresses: vec![address; BATCH],
            lengths: [0; BATCH],
            control: vec![[0; CONTROL]; BATCH],
            control_lengths: [0; BATCH],
        }
    }

    /// Stands in while the real one is lent out.
    pub(crate) const fn empty() -> Self {
        Self {
            octets: Vec::new(),
            addresses: Vec::new(),
            lengths: [0; BATCH],
            control: Vec::new(),
            control_lengths: [0; BATCH],
        }
    }

    /// Octets and source of a received datagram.
    pub(crate) fn get(&self, position: usize) -> (&[u8], Option<SocketAddr>) {
        let start = position * MAX_DATAGRAM;
        let length = self.lengths.get(position).copied().unwrap_or(0);
        let octets = self.octets.get(start..start + length).unwrap_or_default();
        (octets, self.addresses.get(position).and_then(address_of))
    }
    /// When the kernel received a datagram, ns since the epoch; needs SO_TIMESTAMPNS.
    pub(crate) fn stamp_ns(&self, position: usize) -> Option<i64> {
        // SAFETY: all zeroes is valid for this plain structure.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_control = self.control.get(position)?.as_ptr().cast_mut().cast();
        header.msg_controllen = *self.control_lengths.get(position)? as _;
        // SAFETY: the kernel filled the control words up to that length; only they are read.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(&header);
            while !message.is_null() {
                let kind = ((*message).cmsg_level, (*message).cmsg_type);
                if kind == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                    let time: libc::timespec =
                        std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    return Some(time.tv_sec * 1_000_000_000 + time.tv_nsec);
                }
                message = libc::CMSG_NXTHDR(&header, message);
            }
        }
        None
    }
}

/// A datagram to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) octets: &'a [u8],
    pub(crate) to: &'a SockAddr,
}

impl Datagrams {
    /// A UDP socket on any port.
    pub(crate) fn udp(ipv6: bool) -> io::Result<Self> {
        let domain = if ipv6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if ipv6 {
            socket.set_only_v6(true)?;
        }
        let any: SocketAddr = if ipv6 {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        };
        socket.bind(&any.into())?;
        Self::prepare(socket, ipv6)
    }

    /// Non-blocking, a large receive buffer, errors of each peer apart.
    pub(crate) fn prepare(socket: Socket, ipv6: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (level, name) = if ipv6 {
            (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        } else {
            (libc::IPPROTO_IP, libc::IP_RECVERR)
        };
        set_int(&socket, level, name, 1)?;
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN; what is granted is measured below.
        if set_int(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, WANTED_BUFFER as i32).is_err() {
            socket.set_recv_buffer_size(WANTED_BUFFER)?;
        }
        let capacity = (socket.recv_buffer_size()? / KERNEL_COST).max(16);
        Ok(Self { socket, ipv6, capacity })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Receives what is there, at most [`BATCH`]; how many.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> usize {
        // SAFETY: all zeroes is valid for these plain structures; pointers are set below.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let base = inbox.octets.as_mut_ptr();
        let slots = vectors.iter_mut().zip(&mut headers);
        let slots = slots.zip(inbox.addresses.iter_mut().zip(&mut inbox.control));
        for (position, ((vector, header), (address, control))) in slots.enumerate() {
            // SAFETY: the buffer has BATCH * MAX_DATAGRAM octets.
            let start = unsafe { base.add(position * MAX_DATAGRAM) };
            *vector = libc::iovec { iov_base: start.cast(), iov_len: MAX_DATAGRAM };
            let header = &mut header.msg_hdr;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut *address).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = (CONTROL * size_of::<u64>()) as _;
        }
        // SAFETY: every header points to a vector, a name, control words and octets that outlive
        // the call.
        let count = unsafe {
            libc::recvmmsg(
                self.fd(),
                headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        // Nothing there, or the error of a peer that the error queue names: both mean none.
        let count = usize::try_from(count).unwrap_or(0);
        let lengths = inbox.lengths.iter_mut().zip(&mut inbox.control_lengths);
        for (header, (length, control)) in headers.iter().zip(lengths).take(count) {
            *length = (header.msg_len as usize).min(MAX_DATAGRAM);
            *control = header.msg_hdr.msg_controllen;
        }
        count
    }

    /// Sends at most [`BATCH`] datagrams: how many went, or the error of the first.
    pub(crate) fn send(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        // SAFETY: all zeroes is valid for these plain structures; pointers are set below.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let count = datagrams.len().min(BATCH);
        let slots = vectors.iter_mut().zip(&mut headers);
        for (datagram, (vector, header)) in datagrams.iter().zip(slots) {
            *vector = libc::iovec {
                iov_base: datagram.octets.as_ptr().cast_mut().cast(),
                iov_len: datagram.octets.len(),
            };
            let header = &mut header.msg_hdr;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_name = datagram.to.as_ptr().cast_mut().cast();
            header.msg_namelen = datagram.to.len();
        }
        // SAFETY: every header points to a vector, a name and octets that outlive the call; the
        // kernel only reads them.
        let sent = unsafe {
            libc::sendmmsg(self.fd(), headers.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Takes one error from the error queue: the start of the datagram it is about, where it
    /// was going, and what the network said.
    pub(crate) fn next_error(
        &self,
        octets: &mut [u8],
    ) -> Option<(usize, Option<SocketAddr>, io::Error)> {
        // SAFETY: all zeroes is valid for these plain structures.
        let mut address: libc::sockaddr_storage = unsafe { zeroed() };
        let mut control = [0u64; 64];
        let mut vector =
            libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: octets.len() };
        // SAFETY: as above.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_name = (&raw mut address).cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control) as _;
        // SAFETY: all pointers are to locals and to `octets`, valid for their lengths.
        let length = unsafe {
            libc::recvmsg(self.fd(), &mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
        };
        let length = usize::try_from(length).ok()?;
        let mut code = libc::EIO;
        // SAFETY: the kernel filled `control`; the macros walk within msg_controllen.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(&header);
            while !message.is_null() {
                let kind = ((*message).cmsg_level, (*message).cmsg_type);
                if kind == (libc::IPPROTO_IP, libc::IP_RECVERR)
                    || kind == (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
                {
                    let error: libc::sock_extended_err =
                        std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    code = error.ee_errno as i32;
                }
                message = libc::CMSG_NXTHDR(&header, message);
            }
        }
        Some((length, address_of(&address), io::Error::from_raw_os_error(code)))
    }
}

/// Whether an error of sending is that of an earlier datagram: reported once, and the error queue
/// says whose.
pub(crate) fn is_stale(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

pub(crate) fn set_int(socket: &Socket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: passes a pointer to a local int and its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as u32,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn address_of(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a sockaddr_in, which fits into the storage.
            let it = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(it.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(it.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a sockaddr_in6, which fits into the storage.
            let it = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(it.sin6_addr.s6_addr);
            Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be(it.sin6_port)))
        }
        _ => None,
    }
}
