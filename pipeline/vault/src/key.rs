//! The master key and its public half.

use std::fmt;
use std::str::FromStr;

use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Length of a master key, and of a public one.
pub const KEY_BYTES: usize = 32;

/// Names a master key: the first bytes of its public half's SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = u64::from_str_radix(text, 16).map_err(drop)?;
        let id = Self(number.to_be_bytes());
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

/// What seals: it cannot open what it sealed.
#[derive(Clone)]
pub struct PublicKey {
    pub(crate) key: <X25519HkdfSha256 as hpke::Kem>::PublicKey,
    bytes: [u8; KEY_BYTES],
    id: KeyId,
}

impl PublicKey {
    /// None: no point of the curve is written so.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(bytes).ok()?;
        Some(Self::of(key, bytes.try_into().ok()?))
    }

    fn of(key: <X25519HkdfSha256 as hpke::Kem>::PublicKey, bytes: [u8; KEY_BYTES]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { key, bytes, id: KeyId(id) }
    }

    /// As it is stored.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// The name of its master key.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// What opens. Its memory is overwritten when it is dropped.
pub struct MasterKey {
    /// Opens what was sealed before there were envelopes.
    pub(crate) bytes: Zeroizing<[u8; KEY_BYTES]>,
    pub(crate) private: <X25519HkdfSha256 as hpke::Kem>::PrivateKey,
    public: PublicKey,
}

impl MasterKey {
    /// A fresh one.
    pub fn random() -> Self {
        Self::from_bytes(&Zeroizing::new(rand::random::<[u8; KEY_BYTES]>()))
    }

    /// The key pair that follows from these bytes (RFC 9180, `DeriveKeyPair`).
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(bytes);
        let written = public.to_bytes().into();
        let bytes = Zeroizing::new(*bytes);
        Self { bytes, private, public: PublicKey::of(public, written) }
    }

    /// What is kept in the key file.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.public.id
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_name_and_shows_no_more() {
        let key = MasterKey::from_bytes(&[7; KEY_BYTES]);
        let again = MasterKey::from_bytes(&[7; KEY_BYTES]);
        assert_eq!(key.id(), again.id());
        assert_eq!(key.id().to_string().parse(), Ok(key.id()));
        let public = PublicKey::from_bytes(key.public().bytes()).unwrap();
        assert_eq!((public.id(), public.bytes()), (key.id(), key.public().bytes()));
        assert_ne!(key.id(), MasterKey::random().id());
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id()));
        assert!(PublicKey::from_bytes(b"short").is_none());
        for wrong in ["", "1", "0123456789ABCDEF", "0123456789abcdef0", "+123456789abcdef"] {
            assert_eq!(wrong.parse::<KeyId>(), Err(()), "{wrong}");
        }
    }
}
