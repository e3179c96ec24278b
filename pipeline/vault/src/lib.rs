//! Credentials: what each kind is made of, and how it is sealed.
//!
//! The promise: a sealed secret opens only for who holds the master key, and only as what it was
//! sealed as; whatever else is handed in is refused with an error that names the credential. Who has
//! the public key alone can seal, and never open.
//!
//! [`Kind`] is the one schema of a kind: what the API takes and documents, what the command line asks
//! for and what is checked follow from it. Adding a kind is a row in `kinds.rs`.
//!
//! # How a secret is sealed
//!
//! An envelope (`seal.rs`): the secret under a data key of its own (XChaCha20-Poly1305), the data
//! key wrapped for the master key (HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! ChaCha20-Poly1305). Tenant, name and kind are authenticated with both. A new master key rewraps the
//! data keys; the secrets stay as they are.
//!
//! Nothing here knows a database, a log or HTTP, and nothing writes a log line.

mod file;
mod key;
mod kinds;
mod seal;
mod secret;

pub use file::{FileError, KeyFile, read_or_make, write_private};
pub use key::{KEY_BYTES, KeyId, MasterKey, PublicKey};
pub use kinds::{Choice, Field, Form, KINDS, Kind, When};
pub use seal::{OpenError, Place, Sealing, inspect};
pub use secret::{Flaw, Secret};
