//! Identities: device, series, tenant.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::Hyphenated;
use xxhash_rust::xxh3::xxh3_64;

/// A device for life: address, name and source may change, this does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub Uuid);

impl DeviceId {
    /// A fresh random identity.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The identity of a device that a source describes by name only (inventory file, demo
    /// network): the same source and name give the same id on every machine.
    pub fn from_source(source: &str, name: &str) -> Self {
        let text = format!("{}:{source}:{name}", source.len());
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()))
    }

    /// The record key of everything about this device: its text form.
    pub fn key(&self) -> Vec<u8> {
        let mut key = vec![0; Hyphenated::LENGTH];
        self.0.as_hyphenated().encode_lower(&mut key);
        key
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DeviceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

// uuid's own serde writes bytes for binary formats; the schema says string.
impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut buffer))
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = DeviceId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a device id (UUID as text)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DeviceId, E> {
                text.parse().map_err(|error| E::custom(format!("device id {text:?}: {error}")))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Owner of devices, series and rows.
pub type TenantId = String;

/// Identity of one metric of one instance of one device: xxh3-64 of a canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeriesId(pub i64);

impl SeriesId {
    /// Hashes the four parts, each as its length in 4 bytes (big endian) and its UTF-8 bytes; the
    /// device is its 16 bytes. Lengths make the encoding injective: no two tuples share it.
    ///
    /// ```
    /// # use schemas::{DeviceId, SeriesId};
    /// let device: DeviceId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse().unwrap();
    /// let a = SeriesId::of("default", device, "if_in_bps", "ge-0/0/1");
    /// assert_ne!(a, SeriesId::of("default", device, "if_in_bpsg", "e-0/0/1"));
    /// ```
    pub fn of(tenant: &str, device: DeviceId, metric: &str, instance: &str) -> Self {
        let mut bytes = Vec::with_capacity(28 + tenant.len() + metric.len() + instance.len());
        let part = |bytes: &mut Vec<u8>, text: &str| {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        part(&mut bytes, tenant);
        bytes.extend_from_slice(device.0.as_bytes());
        part(&mut bytes, metric);
        part(&mut bytes, instance);
        Self(xxh3_64(&bytes) as i64)
    }

    /// The record key in the series topic: 16 hexadecimal digits.
    pub fn key(self) -> Vec<u8> {
        format!("{:016x}", self.0).into_bytes()
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for SeriesId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(|id| Self(id as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    fn check(tenant: &str, metric: &str, instance: &str, expected: &str) {
        let device: DeviceId = DEVICE.parse().unwrap();
        let id = SeriesId::of(tenant, device, metric, instance);
        assert_eq!(id.to_string(), expected, "{tenant} {metric} {instance}");
        assert_eq!(expected.parse::<SeriesId>().unwrap(), id);
    }

    /// These ids stand in databases and topics: a change here orphans every series.
    #[test]
    fn series_id_vectors() {
        check("default", "if_in_bps", "ge-0/0/1", "d0731503a48c2e08");
        check("default", "if_in_bps", "", "3cd97b0cbd888d8a");
        check("default", "if_in_bp", "sge-0/0/1", "17fdabc502b16756");
        check("acme", "optical_rx_power_dbm", "Zürich 1/1", "8e1e82285acb8166");
    }

    #[test]
    fn device_of_a_source_is_stable() {
        let id = DeviceId::from_source("demo", "core-rtr-1");
        assert_eq!(id, DeviceId::from_source("demo", "core-rtr-1"));
        assert_ne!(id, DeviceId::from_source("dem", "ocore-rtr-1"));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }
}
