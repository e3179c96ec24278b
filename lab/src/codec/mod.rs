//! SNMP v1 and v2c on the wire (RFC 1157, RFC 3416, BER as in X.690).
//!
//! Written apart from the codec that the collectors use, so that an error in one
//! shows against the other. Reading borrows and never panics; writing goes into a
//! buffer that the caller owns.

mod ber;
mod message;
mod oid;
mod writer;

pub use ber::{Malformed, Reader, put_integer, put_length, put_tlv, put_unsigned, tag};
pub use message::{MAX_COMMUNITY_BYTES, Message, Request, VarBind, VarBinds, Version};
pub use oid::{ArcBuf, MAX_OID_ARCS, OidError, parse_oid, put_oid};
pub use writer::{AnswerHead, AnswerWriter, HEADROOM_BYTES};
