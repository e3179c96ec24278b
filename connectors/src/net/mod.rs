//! Sockets and timers without a library in between: many datagrams a system call, one wait for
//! all of a thread's sockets.

pub(crate) mod pace;
pub(crate) mod poll;
pub(crate) mod udp;
pub(crate) mod wheel;
