//! The address of a device: read in one way wherever it comes in, so that one device is not two.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Characters of an address: a host name of the most octets (RFC 1035, 2.3.4).
pub const MAX_ADDRESS: usize = 253;
/// Characters of a label of a host name (RFC 1035, 2.3.4).
const MAX_LABEL: usize = 63;
/// Characters of an interface's name on Linux (IFNAMSIZ, less the final zero).
const MAX_ZONE: usize = 15;

/// Where a device is. Its text is canonical: equal addresses have equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An address; an IPv4 address written as IPv6 is that IPv4 address.
    Ip(IpAddr),
    /// A link-local IPv6 address and its zone: an interface's name or number (RFC 4007, 11).
    Zoned(Ipv6Addr, String),
    /// A host name, in lower case and without a final dot: looked up again and again.
    Name(String),
}

/// Why a text is no address of a device; says the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {problem}")]
pub struct AddressError {
    text: String,
    /// What is wrong and the remedy.
    pub problem: &'static str,
}

const NO_ADDRESS: &str =
    "is no IP address or host name; give one like 192.0.2.10, 2001:db8::1 or core-1.example.net";
const NOT_ONE: &str = "must be the address of one device: it is a group, all or none";
const NO_ZONE: &str =
    "is link-local: it needs the interface behind a percent sign, as fe80::1%eth0";
const BAD_ZONE: &str =
    "has a zone that is no interface: give its name or number, as fe80::1%eth0 or fe80::1%2";
const NEEDLESS_ZONE: &str = "is not link-local and has no zone; leave out what is behind the %";

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        read(text.trim()).map_err(|problem| {
            let text = text.chars().take(MAX_ADDRESS).collect();
            AddressError { text, problem }
        })
    }
}

fn read(text: &str) -> Result<Address, &'static str> {
    if let Some((address, zone)) = text.split_once('%') {
        let address: Ipv6Addr = address.parse().map_err(|_| NO_ADDRESS)?;
        if !address.is_unicast_link_local() {
            return Err(NEEDLESS_ZONE);
        }
        let fits = |c: char| c.is_ascii_graphic() && !"/%:".contains(c);
        if zone.is_empty() || zone.len() > MAX_ZONE || zone == "0" || !zone.chars().all(fits) {
            return Err(BAD_ZONE);
        }
        return Ok(Address::Zoned(address, zone.to_owned()));
    }
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) if address.is_unicast_link_local() => Err(NO_ZONE),
        Ok(address) if is_one(address) => Ok(Address::Ip(address)),
        Ok(_) => Err(NOT_ONE),
        Err(_) => host_name(text).map(Address::Name),
    }
}

/// Whether an address can be that of one device.
fn is_one(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // 0.0.0.0/8 is "this network" (RFC 1122, 3.2.1.3).
            let this = address.octets().first() == Some(&0);
            !(this || address.is_multicast() || address == Ipv4Addr::BROADCAST)
        }
        IpAddr::V6(address) => !(address.is_unspecified() || address.is_multicast()),
    }
}

/// A host name (RFC 1123, 2.1); underscores are seen in the field.
fn host_name(text: &str) -> Result<String, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_fits = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let edge = label.starts_with('-') || label.ends_with('-');
        (1..=MAX_LABEL).contains(&label.len()) && !edge && label.chars().all(fits)
    };
    // The last label is no number, or what is meant as an IPv4 address would be a name.
    let numeric = name
        .rsplit('.')
        .next()
        .is_none_or(|label| label.chars().all(|c| c.is_ascii_digit()) || label.starts_with("0x"));
    if name.len() > MAX_ADDRESS || numeric || !name.split('.').all(label_fits) {
        return Err(NO_ADDRESS);
    }
    Ok(name.to_ascii_lowercase())
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Zoned(address, zone) => write!(f, "{address}%{zone}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str, wanted: &str) {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), wanted);
        assert_eq!(wanted.parse::<Address>().unwrap(), address, "its text reads as itself");
    }

    fn refused(text: &str, wanted: &str) {
        let error = text.parse::<Address>().unwrap_err();
        assert_eq!(error.problem, wanted, "{text}");
        assert!(error.to_string().starts_with(&format!("{text:?} ")));
    }

    #[test]
    fn equal_addresses_have_equal_texts() {
        same("192.0.2.1", "192.0.2.1");
        same("::ffff:192.0.2.1", "192.0.2.1");
        same("::FFFF:c000:201", "192.0.2.1");
        same("2001:DB8:0:0::1", "2001:db8::1");
        same("fe80:0::1%eth0", "fe80::1%eth0");
        same("fe80::1%2", "fe80::1%2");
        same(" Core-1.Example.net. ", "core-1.example.net");
        same("switch", "switch");
        same("127.0.0.1", "127.0.0.1");
    }

    #[test]
    fn what_cannot_be_polled_is_refused_with_the_reason() {
        for text in ["0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "::", "ff02::1"] {
            refused(text, NOT_ONE);
        }
        refused("::ffff:255.255.255.255", NOT_ONE);
        refused("fe80::1", NO_ZONE);
        refused("fe80::1%", BAD_ZONE);
        refused("fe80::1%0", BAD_ZONE);
        refused("fe80::1%eth0/1", BAD_ZONE);
        refused("2001:db8::1%eth0", NEEDLESS_ZONE);
        for text in ["", "192.0.2.256", "1.2.3", "a..b", "-a.example", "a b", "192.0.2.1:161", "x!"]
        {
            refused(text, NO_ADDRESS);
        }
        refused(&"a".repeat(64), NO_ADDRESS);
    }
}
