//! Keyset cursors: the sort key of the last item, opaque to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fields::{Fields, Text};

/// Longest cursor taken.
const MAX_CURSOR_CHARS: usize = 2048;

/// Whether PostgreSQL takes this text.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// A sort key of type `K`, marked with the order it belongs to: a cursor of one sort is refused
/// under another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cursor<K>(pub(crate) K);

impl<K: Serialize + DeserializeOwned> Cursor<K> {
    pub(crate) fn encode(order: &str, key: &K) -> Option<String> {
        let json = serde_json::to_vec(&(order, key)).ok()?;
        Some(URL_SAFE_NO_PAD.encode(json))
    }

    fn decode(order: &str, text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (of, key): (String, K) = serde_json::from_slice(&json).ok()?;
        (of == order).then_some(Self(key))
    }

    /// Takes the parameter `cursor`; `fits` says what the database can compare with. Anybody can
    /// make a cursor up.
    pub(crate) fn read(fields: &mut Fields, order: &str, fits: impl Fn(&K) -> bool) -> Option<K> {
        let text = fields.text("cursor", Text { min: 1, max: MAX_CURSOR_CHARS })?;
        let cursor = Self::decode(order, &text).filter(|cursor| fits(&cursor.0));
        if cursor.is_none() {
            fields.wrong("cursor", "must be the next_cursor of a page with the same sort");
        }
        cursor.map(|cursor| cursor.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_bound_to_its_order() {
        let key = (3_i16, "core \u{fc}".to_owned());
        let text = Cursor::encode("state", &key).unwrap();
        assert_eq!(Cursor::decode("state", &text), Some(Cursor(key)));
        assert_eq!(Cursor::<(i16, String)>::decode("name", &text), None);
        assert_eq!(Cursor::<(i16, String)>::decode("state", "%%"), None);
        assert_eq!(Cursor::<(String, String)>::decode("state", &text), None);
    }
}
