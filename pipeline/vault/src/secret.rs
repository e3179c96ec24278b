//! The values of one credential, checked against its kind.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use crate::kinds::{Field, Form, Kind};

/// What is wrong with a field; it never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The field's name.
    pub field: String,
    /// For people.
    pub detail: String,
}

/// The values of a credential, as its kind has them. Debug shows none.
pub struct Secret {
    kind: &'static Kind,
    values: Vec<(&'static str, Zeroizing<String>)>,
}

impl Secret {
    /// Checks values by field. A field that is not there, or empty, is one that was not given.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn new(
        kind: &'static Kind,
        mut given: BTreeMap<String, Zeroizing<String>>,
    ) -> Result<Self, Vec<Flaw>> {
        let (mut values, mut flaws) = (Vec::new(), Vec::new());
        for field in kind.fields {
            let value = given.remove(field.name).filter(|value| !value.is_empty());
            match (condition(field, &values), value) {
                (None, Some(value)) => match flaw(field.form, &value) {
                    None => values.push((field.name, value)),
                    Some(detail) => flaws.push((field.name, detail)),
                },
                (None, None) if field.required => flaws.push((field.name, "is missing".to_owned())),
                (Some(with), Some(_)) => {
                    flaws.push((field.name, format!("is used {with} only: leave it out")));
                }
                (None | Some(_), None) => {}
            }
        }
        let mut flaws: Vec<Flaw> = flaws
            .into_iter()
            .map(|(field, detail)| Flaw { field: field.to_owned(), detail })
            .collect();
        let unknown = |field| Flaw { field, detail: format!("is no field of {}", kind.name) };
        flaws.extend(given.into_keys().map(unknown));
        if flaws.is_empty() { Ok(Self { kind, values }) } else { Err(flaws) }
    }

    /// Of what kind.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// As it is sealed: a JSON object of `kind` and the fields.
    pub fn json(&self) -> Zeroizing<Vec<u8>> {
        // Enough for every character escaped, so that no part of it stays behind where it grew.
        let most: usize =
            self.values.iter().map(|(name, value)| name.len() + 6 * value.len() + 6).sum();
        let mut json = Zeroizing::new(Vec::with_capacity(most + self.kind.name.len() + 16));
        // Texts into memory: neither can fail.
        let _ = serde_json::to_writer(&mut *json, self);
        json
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 1))?;
        map.serialize_entry("kind", self.kind.name)?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value.as_str())?;
        }
        map.end()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.kind.name)
    }
}

/// None where a field applies; else the condition, for people.
fn condition(field: &Field, before: &[(&'static str, Zeroizing<String>)]) -> Option<String> {
    let when = field.when.as_ref()?;
    let found = before.iter().find(|(name, _)| *name == when.field);
    let holds = found.is_some_and(|(_, value)| when.is.contains(&value.as_str()));
    (!holds).then(|| format!("with {} {}", when.field, when.is.join(" or ")))
}

fn flaw(form: Form, value: &str) -> Option<String> {
    let (min, max, lines) = match form {
        Form::Text { min, max } => (min, max, false),
        Form::Lines { min, max } => (min, max, true),
        Form::Choice(choices) => {
            let values: Vec<&str> = choices.iter().map(|choice| choice.value).collect();
            let known = values.contains(&value);
            return (!known).then(|| format!("must be one of: {}", values.join(", ")));
        }
    };
    let stray = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'));
    match value.chars().count() {
        length if length < min => Some(format!("must have at least {min} characters")),
        length if length > max => Some(format!("must not be longer than {max} characters")),
        _ if value.chars().any(stray) => Some("must not contain control characters".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(kind: &str, given: &[(&str, &str)]) -> Result<Secret, Vec<String>> {
        let value = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), Zeroizing::new((*value).to_owned()))
        };
        let secret = Secret::new(Kind::named(kind).unwrap(), given.iter().map(value).collect());
        secret.map_err(|flaws| {
            flaws.into_iter().map(|it| format!("{} {}", it.field, it.detail)).collect()
        })
    }

    fn check(kind: &str, given: &[(&str, &str)], expected: &str) {
        let json = secret(kind, given).unwrap().json();
        assert_eq!(std::str::from_utf8(&json), Ok(expected));
    }

    fn refuse(kind: &str, given: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(secret(kind, given).unwrap_err(), expected);
    }

    #[test]
    fn values_are_as_their_kind_has_them() {
        check("snmp_v2c", &[("community", "a\"b")], r#"{"kind":"snmp_v2c","community":"a\"b"}"#);
        refuse("snmp_v2c", &[], &["community is missing"]);
        refuse("snmp_v2c", &[("community", "")], &["community is missing"]);
        refuse(
            "snmp_v2c",
            &[("community", "a\nb"), ("user", "u")],
            &["community must not contain control characters", "user is no field of snmp_v2c"],
        );
        let long = "x".repeat(256);
        refuse(
            "snmp_v2c",
            &[("community", &long)],
            &["community must not be longer than 255 characters"],
        );
        let limit = "\u{e4}".repeat(255);
        assert!(secret("snmp_v2c", &[("community", &limit)]).is_ok());
    }

    #[test]
    fn a_field_is_asked_for_where_it_applies() {
        let user = ("user", "ops");
        check(
            "snmp_v3",
            &[user, ("level", "no_auth_no_priv")],
            r#"{"kind":"snmp_v3","user":"ops","level":"no_auth_no_priv"}"#,
        );
        refuse(
            "snmp_v3",
            &[user, ("level", "auth_no_priv"), ("priv_key", "12345678")],
            &[
                "auth_protocol is missing",
                "auth_key is missing",
                "priv_key is used with level auth_priv only: leave it out",
            ],
        );
        refuse(
            "snmp_v3",
            &[user, ("level", "auth_no_priv"), ("auth_protocol", "sha1"), ("auth_key", "1234567")],
            &[
                "auth_protocol must be one of: md5, sha, sha_224, sha_256, sha_384, sha_512",
                "auth_key must have at least 8 characters",
            ],
        );
        refuse("snmp_v3", &[user], &["level is missing"]);
        check(
            "ssh",
            &[user, ("method", "private_key"), ("private_key", "-----BEGIN\nx\n")],
            r#"{"kind":"ssh","user":"ops","method":"private_key","private_key":"-----BEGIN\nx\n"}"#,
        );
    }

    #[test]
    fn no_value_is_shown() {
        let secret = secret("snmp_v2c", &[("community", "hunter2")]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(snmp_v2c)");
        let flaws =
            self::secret("snmp_v3", &[("user", &"hunter2".repeat(9)), ("level", "hunter2")]);
        assert!(!format!("{flaws:?}").contains("hunter2"));
    }
}
