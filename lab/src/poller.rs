//! Waits for many sockets, and can be woken.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::network::{Port, check};

/// An epoll set with an eventfd that ends its waits.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    wake: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// The token of the eventfd.
const WAKE: u64 = u64::MAX;

impl Poller {
    pub(crate) fn new(ports: &[Port]) -> io::Result<Self> {
        // SAFETY: both calls take no pointers; the results are checked to be new descriptors
        // that nobody else owns.
        let (epoll, wake) = unsafe {
            let epoll = OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?);
            let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
            (epoll, OwnedFd::from_raw_fd(check(libc::eventfd(0, flags))?))
        };
        let poller = Self { epoll, wake, events: Vec::with_capacity(256) };
        for (token, port) in ports.iter().enumerate() {
            poller.add(port.socket.as_raw_fd(), token as u64)?;
        }
        poller.add(poller.wake.as_raw_fd(), WAKE)?;
        Ok(poller)
    }

    fn add(&self, descriptor: i32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: the event is live during the call; the kernel copies it.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) })
            .map(|_| ())
    }

    /// A handle that ends waits.
    pub(crate) fn waker(&self) -> io::Result<OwnedFd> {
        self.wake.try_clone()
    }

    /// Waits; puts the places of readable ports into `ready`.
    pub(crate) fn wait(&mut self, timeout_ms: i32, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        let room = self.events.capacity();
        // SAFETY: the kernel writes at most `room` events into the reserved memory, and the
        // length is set to what it wrote.
        let count = unsafe {
            let events = self.events.as_mut_ptr();
            let epoll = self.epoll.as_raw_fd();
            let count = libc::epoll_wait(epoll, events, room as i32, timeout_ms);
            self.events.set_len(count.max(0) as usize);
            check(count)
        };
        match count {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        for event in &self.events {
            // By copy: the struct is packed.
            let token = event.u64;
            match token {
                WAKE => {
                    let mut number = 0u64;
                    // SAFETY: eight octets are read into a live u64; a failure means that
                    // nothing was pending.
                    unsafe {
                        libc::read(self.wake.as_raw_fd(), (&raw mut number).cast(), 8);
                    }
                }
                token => ready.push(token as usize),
            }
        }
        Ok(())
    }
}

/// Ends the wait of the poller that `waker` belongs to.
pub(crate) fn wake(waker: &OwnedFd) {
    let one = 1u64;
    // SAFETY: eight octets are written from a live u64; a full eventfd is awake already.
    unsafe {
        libc::write(waker.as_raw_fd(), (&raw const one).cast(), 8);
    }
}
