//! epoll and a wake-up from other threads.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Waits for several descriptors.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// Readiness of a descriptor: its token and whether errors are queued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) error: bool,
}

const MAX_EVENTS: usize = 32;

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    /// Reports `fd` readable under `token`.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: `event` lives through the call, which copies it.
        let result =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits at most `timeout_ms`.
    pub(crate) fn wait(&self, timeout_ms: u64, ready: &mut Vec<Ready>) {
        ready.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_EVENTS];
        let timeout = i32::try_from(timeout_ms).unwrap_or(1_000);
        // SAFETY: the array is valid for MAX_EVENTS events through the call.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_EVENTS as i32, timeout)
        };
        // An interrupted wait is an empty one: the caller comes back.
        for event in events.iter().take(usize::try_from(count).unwrap_or(0)) {
            let error = event.events & (libc::EPOLLERR as u32) != 0;
            ready.push(Ready { token: event.u64, error });
        }
    }
}

/// Interrupts a wait from another thread.
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(Self)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    pub(crate) fn wake(&self) {
        let one = 1u64;
        // SAFETY: writes eight octets of a local. It fails only when the counter is full, and
        // then the other side is about to wake anyway.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), 8) };
    }

    pub(crate) fn clear(&self) {
        let mut count = 0u64;
        // SAFETY: reads eight octets into a local; nothing to read is fine.
        unsafe { libc::read(self.fd(), (&raw mut count).cast(), 8) };
    }
}
