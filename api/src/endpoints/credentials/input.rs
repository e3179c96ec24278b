//! What a credential is made of, read and documented as the schema of its kind has it.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};
use vault::{Field, Form, KINDS, Kind, Secret, When};
use zeroize::Zeroizing;

use crate::http::{Fields, FromFields, Text};

/// Longest name of a credential.
pub(super) const MAX_NAME_CHARS: usize = 100;
const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
/// Of a text on several lines.
const LINES_PATTERN: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// Whether credentials may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.len() <= MAX_NAME_CHARS
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed)
}

/// A secret to keep, read.
pub(crate) struct ReadSecret(pub(super) Option<Secret>);

impl FromFields for ReadSecret {
    fn read(fields: &mut Fields) -> Self {
        let kind = fields.raw("kind");
        let all = KINDS.iter().flat_map(|kind| kind.fields).map(|field| field.name);
        let Some(kind) = kind else {
            fields.missing("kind");
            // With a kind they may be right.
            all.for_each(|name| drop(fields.raw(name)));
            return Self(None);
        };
        let kind = match Kind::offered_as(&kind) {
            Ok(kind) => kind,
            Err(why) => {
                fields.wrong("kind", why);
                all.for_each(|name| drop(fields.raw(name)));
                return Self(None);
            }
        };
        let given = |field: &'static Field| {
            Some((field.name.to_owned(), Zeroizing::new(fields.raw(field.name)?)))
        };
        let given: BTreeMap<_, _> = kind.fields.iter().filter_map(given).collect();
        match Secret::new(kind, given) {
            Ok(secret) => Self(Some(secret)),
            Err(flaws) => {
                // What is no text was said already.
                flaws.iter().for_each(|flaw| fields.needed(&flaw.field, &flaw.detail));
                Self(None)
            }
        }
    }
}

/// The body of a new credential, read.
pub(crate) struct ReadNew {
    pub(super) name: String,
    pub(super) secret: ReadSecret,
}

impl FromFields for ReadNew {
    fn read(fields: &mut Fields) -> Self {
        let name = fields.required("name", Text { min: 1, max: MAX_NAME_CHARS });
        Self { name, secret: ReadSecret::read(fields) }
    }
}

/// A secret to keep.
pub(crate) struct CredentialInput;

impl PartialSchema for CredentialInput {
    fn schema() -> RefOr<Schema> {
        one_of("A secret to keep.", |kind| with_fields(ObjectBuilder::new(), kind))
    }
}

impl ToSchema for CredentialInput {}

/// A credential to make.
pub(crate) struct NewCredentialInput;

impl PartialSchema for NewCredentialInput {
    fn schema() -> RefOr<Schema> {
        one_of("A credential to make.", |kind| {
            let name = text(1, MAX_NAME_CHARS).pattern(Some(NAME_PATTERN)).description(Some(
                "What devices will refer to: letters, digits, dot, dash, underscore.",
            ));
            with_fields(ObjectBuilder::new().property("name", name).required("name"), kind)
        })
    }
}

impl ToSchema for NewCredentialInput {}

/// One schema for each kind that is offered.
fn one_of(about: &str, of: impl Fn(&Kind) -> ObjectBuilder) -> RefOr<Schema> {
    let mut kinds: Vec<Object> = Kind::offered().map(|kind| of(kind).build()).collect();
    match kinds.pop() {
        Some(mut only) if kinds.is_empty() => {
            only.description = Some(about.to_owned());
            only.into()
        }
        last => {
            let all = kinds.into_iter().chain(last);
            let one_of = OneOfBuilder::new().description(Some(about));
            all.fold(one_of, |one_of, kind| one_of.item(kind)).into()
        }
    }
}

fn text(min: usize, max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(min)).max_length(Some(max))
}

fn with_fields(object: ObjectBuilder, kind: &Kind) -> ObjectBuilder {
    let about = format!("{}: {}", kind.label, kind.help);
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([kind.name]))
        .description(Some("Decides which other fields there are."));
    let object = object.description(Some(about)).property("kind", name).required("kind");
    kind.fields.iter().fold(object, |object, field| {
        let object = object.property(field.name, schema(field));
        if field.required && field.when.is_none() { object.required(field.name) } else { object }
    })
}

fn schema(field: &Field) -> ObjectBuilder {
    let mut about = vec![field.label.to_owned()];
    about.extend((!field.help.is_empty()).then(|| field.help.to_owned()));
    if let Some(When { field, is }) = &field.when {
        about.push(format!("with {field} {} only", is.join(" or ")));
    }
    about.extend(field.secret.then(|| "never shown again".to_owned()));
    let schema = match field.form {
        Form::Text { min, max } => text(min, max),
        Form::Lines { min, max } => text(min, max).pattern(Some(LINES_PATTERN)),
        Form::Choice(choices) => {
            let values = choices.iter().map(|choice| json!(choice.value));
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values))
        }
    };
    let format = field.secret.then_some(SchemaFormat::KnownFormat(KnownFormat::Password));
    schema.format(format).description(Some(about.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What is refused is refused by name, whatever kind it is of.
    #[test]
    fn every_kind_is_documented_as_it_is_read() {
        for kind in KINDS {
            let document = with_fields(ObjectBuilder::new(), kind).build();
            let document = serde_json::to_value(document).unwrap();
            assert_eq!(document["properties"]["kind"]["enum"], json!([kind.name]));
            for field in kind.fields {
                let schema = &document["properties"][field.name];
                let required = document["required"].as_array().unwrap();
                let always = field.required && field.when.is_none();
                assert_eq!(required.contains(&json!(field.name)), always, "{}", field.name);
                assert_eq!(schema["format"] == "password", field.secret, "{}", field.name);
                match field.form {
                    Form::Text { max, .. } | Form::Lines { max, .. } => {
                        assert_eq!(schema["maxLength"], json!(max));
                    }
                    Form::Choice(all) => assert_eq!(schema["enum"][0], json!(all[0].value)),
                }
            }
        }
    }

    fn check(body: Value, expected: &[(&str, &str)]) {
        let Value::Object(body) = body else { panic!("no object") };
        let errors = match Fields::of_body(body).read::<ReadSecret>() {
            Ok(ReadSecret(secret)) => {
                assert!(secret.is_some());
                Vec::new()
            }
            Err(crate::http::ApiError::Invalid(errors)) => errors,
            Err(other) => panic!("{other}"),
        };
        let found: Vec<_> =
            errors.iter().map(|it| (it.field.as_str(), it.detail.as_str())).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((field, detail), (expected, part)) in found.into_iter().zip(expected) {
            assert!(field == *expected && detail.contains(part), "{field}: {detail}");
        }
    }

    #[test]
    fn a_secret_is_read_as_its_kind_has_it() {
        check(json!({"kind": "snmp_v2c", "community": "c"}), &[]);
        check(json!({"community": "c"}), &[("kind", "is missing")]);
        check(json!({"kind": "snmp_v3", "user": "u"}), &[("kind", "not yet usable")]);
        check(json!({"kind": "x", "community": "c"}), &[("kind", "must be one of: snmp_v2c")]);
        check(json!({"kind": "snmp_v2c", "community": 5}), &[("community", "must be a text")]);
        check(json!({"kind": "snmp_v2c", "community": null}), &[("community", "is missing")]);
        check(
            json!({"kind": "snmp_v2c", "user": "u", "comunity": "c"}),
            &[("community", "is missing"), ("comunity", "not known"), ("user", "not known")],
        );
    }
}
