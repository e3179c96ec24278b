//! Where a device's datagrams go to and come from.

use std::ffi::CString;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use schemas::{Address, Device};

/// What is known of a device's address.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// None: the text is no address of a device.
    address: Option<Address>,
    port: u16,
    /// Where it is now.
    pub(crate) now: Option<SocketAddr>,
    /// Why it is nowhere.
    pub(crate) why: Option<String>,
}

impl Place {
    /// Of a device; `port` 0 where there are none.
    pub(crate) fn new(device: &Device, port: u16) -> Self {
        let read = device.address.parse::<Address>();
        let why = read.as_ref().err().map(|error| format!("{error}; correct the device"));
        let mut place = Self { address: read.ok(), port, now: None, why };
        place.refresh();
        place
    }

    /// Looks again where it is: the number of an interface can change.
    pub(crate) fn refresh(&mut self) {
        match &self.address {
            Some(Address::Ip(address)) => self.now = Some(SocketAddr::new(*address, self.port)),
            Some(Address::Zoned(address, zone)) => match scope_of(zone) {
                Some(scope) => {
                    self.now = Some(SocketAddrV6::new(*address, self.port, 0, scope).into());
                }
                None => {
                    self.now = None;
                    self.why = Some(format!(
                        "this host has no interface {zone:?}; correct the zone of {address}%{zone}"
                    ));
                }
            },
            Some(Address::Name(_)) | None => {}
        }
    }

    /// The host name, if it is one.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.address {
            Some(Address::Name(name)) => Some(name),
            Some(Address::Ip(_) | Address::Zoned(..)) | None => None,
        }
    }

    /// Takes what its name was resolved to; whether that is another address than before.
    pub(crate) fn resolved(&mut self, result: Result<IpAddr, String>) -> bool {
        if self.name().is_none() {
            return false;
        }
        match result {
            Ok(address) => {
                let new = Some(SocketAddr::new(address, self.port));
                self.why = None;
                std::mem::replace(&mut self.now, new) != new
            }
            Err(why) => {
                // The address known is used on.
                self.why = self.now.is_none().then_some(why);
                false
            }
        }
    }

    /// Whether its name is still being looked up.
    pub(crate) fn is_pending(&self) -> bool {
        self.now.is_none() && self.why.is_none() && self.name().is_some()
    }
}

/// Whether a datagram came from there; zones are the kernel's to distinguish.
pub(crate) fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().to_canonical() == b.ip().to_canonical() && a.port() == b.port()
}

/// The number of a zone: an interface's name, or the number itself (RFC 4007, 11.2).
fn scope_of(zone: &str) -> Option<u32> {
    if let Ok(number) = zone.parse::<u32>() {
        return Some(number);
    }
    let name = CString::new(zone).ok()?;
    // SAFETY: the name ends with a zero and outlives the call.
    let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (number != 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::rig::device;

    fn place(address: &str) -> Place {
        Place::new(&Device { address: address.into(), ..device(0) }, 161)
    }

    #[test]
    fn a_place_is_an_address_a_zone_or_what_a_name_is_resolved_to() {
        assert_eq!(place("::ffff:192.0.2.1").now, "192.0.2.1:161".parse().ok());
        assert_eq!(place("fe80::1%1").now, "[fe80::1%1]:161".parse().ok());
        let lo = place("fe80::1%lo").now.unwrap();
        assert!(lo.to_string().starts_with("[fe80::1%"), "{lo}");
        assert!(place("fe80::1%nothing9").why.unwrap().contains("no interface"));
        assert!(place("fe80::1").why.unwrap().contains("percent sign"));
        let mut named = place("core-1.example.net");
        assert!(named.is_pending() && !named.resolved(Err("none".into())) && !named.is_pending());
        assert!(named.resolved(Ok([192, 0, 2, 7].into())) && named.why.is_none());
        assert!(!named.resolved(Err("none".into())), "the one known is used on");
        assert_eq!(named.now, "192.0.2.7:161".parse().ok());
        assert!(same("192.0.2.1:1".parse().unwrap(), "[::ffff:192.0.2.1]:1".parse().unwrap()));
        assert!(!same("192.0.2.1:1".parse().unwrap(), "192.0.2.1:2".parse().unwrap()));
    }
}
