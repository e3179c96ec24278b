//! Sealed secrets: an envelope of header, wrapped data key and ciphertext.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 2: the form |
//! | 8 | id of the master key |
//! | 32 | HPKE's encapsulated key |
//! | 48 | the data key, wrapped |
//! | 24 | nonce |
//! | rest | the secret under the data key |
//!
//! Form 1, which older versions wrote, is nonce and secret under the master key itself. It is opened,
//! and never written.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

use crate::key::{KEY_BYTES, KeyId, MasterKey, PublicKey};

const DIRECT: u8 = 1;
const ENVELOPE: u8 = 2;
const ENCAPPED_BYTES: usize = 32;
const WRAPPED_BYTES: usize = KEY_BYTES + 16;
const NONCE_BYTES: usize = 24;
/// Sets a wrapped data key apart from whatever else may be sealed for the same key.
const INFO: &[u8] = b"opsconductor vault: data key";

/// Which credential: authenticated with the secret, so that a row cannot be passed off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose.
    pub tenant: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its kind's name.
    pub kind: &'a str,
}

impl Place<'_> {
    /// All parts with their lengths, so that no two places share an encoding.
    fn encoded(&self) -> Vec<u8> {
        let part = |text: &str| format!("{}:{text}", text.len());
        [self.tenant, self.name, self.kind].map(part).concat().into_bytes()
    }

    /// As form 1 has it, which is older than tenants.
    fn encoded_directly(&self) -> Vec<u8> {
        let Self { name, kind, .. } = self;
        format!("{}:{name}{}:{kind}", name.len(), kind.len()).into_bytes()
    }
}

/// Why a sealed secret does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is another master key's.
    #[error("credential {name} is sealed with master key {sealed_with}, and this one is {ours}")]
    OtherKey {
        /// The credential.
        name: String,
        /// The key that opens it.
        sealed_with: KeyId,
        /// The one that was tried.
        ours: KeyId,
    },
    /// It was changed since it was sealed, or is another's.
    #[error(
        "credential {name} does not open: it was changed, or is not what its row says; set it again"
    )]
    Damaged {
        /// The credential.
        name: String,
    },
    /// Sealed in the older form, which does not say by which key.
    #[error("credential {name} was sealed with another master key than {ours}; set it again")]
    Unknown {
        /// The credential.
        name: String,
        /// The one that was tried.
        ours: KeyId,
    },
}

/// How a secret is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// Under the master key itself: by an older version.
    Direct,
    /// In an envelope for this master key.
    Envelope(KeyId),
}

/// The parts of a sealed secret.
enum Parts<'a> {
    Direct { nonce: &'a [u8; NONCE_BYTES], secret: &'a [u8] },
    Envelope(Envelope<'a>),
}

struct Envelope<'a> {
    key: KeyId,
    encapped: &'a [u8; ENCAPPED_BYTES],
    wrapped: &'a [u8; WRAPPED_BYTES],
    /// Nonce and secret, which a new master key leaves as they are.
    content: &'a [u8],
}

fn parts(sealed: &[u8]) -> Option<Parts<'_>> {
    let (&[form], rest) = sealed.split_first_chunk()?;
    match form {
        DIRECT => {
            let (nonce, secret) = rest.split_first_chunk()?;
            Some(Parts::Direct { nonce, secret })
        }
        ENVELOPE => {
            let (key, rest) = rest.split_first_chunk()?;
            let (encapped, rest) = rest.split_first_chunk()?;
            let (wrapped, content) = rest.split_first_chunk()?;
            Some(Parts::Envelope(Envelope { key: KeyId(*key), encapped, wrapped, content }))
        }
        _ => None,
    }
}

/// How it is sealed, as it says itself; none: it is no sealed secret.
pub fn inspect(sealed: &[u8]) -> Option<Sealing> {
    parts(sealed).map(|parts| match parts {
        Parts::Direct { .. } => Sealing::Direct,
        Parts::Envelope(envelope) => Sealing::Envelope(envelope.key),
    })
}

fn header(key: &PublicKey, data_key: &[u8; KEY_BYTES], place: &[u8]) -> Option<Vec<u8>> {
    let (encapped, wrapped) = hpke::single_shot_seal::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &key.key, INFO, data_key, place)
    .ok()?;
    Some([&[ENVELOPE][..], &key.id().0, &encapped.to_bytes(), &wrapped].concat())
}

impl PublicKey {
    /// Seals a secret. None: this key, which came from outside, is none to seal for.
    pub fn seal(&self, place: Place<'_>, secret: &[u8]) -> Option<Vec<u8>> {
        let aad = place.encoded();
        let data_key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let cipher = XChaCha20Poly1305::new(&Key::from(*data_key));
        let payload = Payload { msg: secret, aad: &aad };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        let mut all = header(self, &data_key, &aad)?;
        all.extend_from_slice(&nonce);
        all.extend_from_slice(&sealed);
        Some(all)
    }
}

impl MasterKey {
    /// Opens a sealed secret.
    ///
    /// # Errors
    /// [`OpenError`] with the credential's name.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let damaged = || OpenError::Damaged { name: place.name.to_owned() };
        match parts(sealed).ok_or_else(damaged)? {
            Parts::Direct { nonce, secret } => {
                let aad = place.encoded_directly();
                decrypt(&self.bytes, nonce, secret, &aad).ok_or_else(|| OpenError::Unknown {
                    name: place.name.to_owned(),
                    ours: self.id(),
                })
            }
            Parts::Envelope(envelope) => {
                let data_key = self.unwrap(place, &envelope)?;
                let (nonce, secret) = envelope.content.split_first_chunk().ok_or_else(damaged)?;
                decrypt(&data_key, nonce, secret, &place.encoded()).ok_or_else(damaged)
            }
        }
    }

    /// The same secret for another master key. Of an envelope the data key alone is sealed anew; a
    /// secret of the older form gets an envelope.
    ///
    /// # Errors
    /// [`OpenError`] with the credential's name.
    pub fn reseal(
        &self,
        to: &PublicKey,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let damaged = || OpenError::Damaged { name: place.name.to_owned() };
        // What is carried over must open afterwards.
        let secret = self.open(place, sealed)?;
        match parts(sealed).ok_or_else(damaged)? {
            Parts::Direct { .. } => to.seal(place, &secret).ok_or_else(damaged),
            Parts::Envelope(envelope) => {
                let data_key = self.unwrap(place, &envelope)?;
                let mut all = header(to, &data_key, &place.encoded()).ok_or_else(damaged)?;
                all.extend_from_slice(envelope.content);
                Ok(all)
            }
        }
    }

    fn unwrap(
        &self,
        place: Place<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, OpenError> {
        let name = || place.name.to_owned();
        if envelope.key != self.id() {
            let (sealed_with, ours) = (envelope.key, self.id());
            return Err(OpenError::OtherKey { name: name(), sealed_with, ours });
        }
        let opened = || {
            let encapped =
                <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(envelope.encapped).ok()?;
            let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeR::Base,
                &self.private,
                &encapped,
                INFO,
                envelope.wrapped,
                &place.encoded(),
            );
            let opened = Zeroizing::new(opened.ok()?);
            opened.as_slice().try_into().ok().map(Zeroizing::new)
        };
        opened().ok_or_else(|| OpenError::Damaged { name: name() })
    }
}

fn decrypt(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    secret: &[u8],
    aad: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: secret, aad };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
