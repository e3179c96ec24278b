//! GET /credentials/v1/kinds

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use vault::{Field, Form, Kind};

/// A kind of credential, as a form shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialKind {
    /// What `kind` is set to.
    #[schema(value_type = String, example = "snmp_v2c")]
    name: &'static str,
    /// For people.
    #[schema(value_type = String)]
    label: &'static str,
    /// What it is for, for people.
    #[schema(value_type = String)]
    help: &'static str,
    /// Protocols that are spoken with it.
    #[schema(value_type = Vec<String>, example = json!(["snmp"]))]
    used_by: &'static [&'static str],
    /// In the order of a form.
    fields: Vec<CredentialField>,
}

/// One field of a kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialField {
    /// Its name in the body.
    #[schema(value_type = String, example = "community")]
    name: &'static str,
    /// For people.
    #[schema(value_type = String)]
    label: &'static str,
    /// For people; may be empty.
    #[schema(value_type = String)]
    help: &'static str,
    /// What its values look like.
    form: FieldForm,
    /// Not to be shown while it is typed.
    secret: bool,
    /// It must be given, wherever it applies.
    required: bool,
    /// Where it applies; null: always.
    when: Option<FieldCondition>,
    /// Least characters of a text.
    #[schema(minimum = 0)]
    min_length: Option<i64>,
    /// Most characters of a text.
    #[schema(minimum = 0)]
    max_length: Option<i64>,
    /// What a choice is made of; empty for texts.
    choices: Vec<FieldChoice>,
}

/// What values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldForm {
    /// A text on one line.
    Text,
    /// A text of several lines.
    Lines,
    /// One of `choices`.
    Choice,
}

/// A field applies where another has one of these values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldCondition {
    /// The other field, which stands before this one.
    #[schema(value_type = String)]
    field: &'static str,
    /// Its values.
    #[schema(value_type = Vec<String>)]
    is: &'static [&'static str],
}

/// One of a field's values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldChoice {
    /// As it is sent.
    #[schema(value_type = String)]
    value: &'static str,
    /// For people.
    #[schema(value_type = String)]
    label: &'static str,
}

/// Kinds of credential.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialKindList {
    /// Those that something reads.
    items: Vec<CredentialKind>,
}

/// Kinds of credential, and what each is made of
#[utoipa::path(get, path = "/credentials/v1/kinds", tag = "credentials",
    operation_id = "listCredentialKinds",
    responses((status = 200, description = "All that can be made", body = CredentialKindList)))]
pub(crate) async fn list() -> Json<CredentialKindList> {
    Json(CredentialKindList { items: Kind::offered().map(CredentialKind::of).collect() })
}

impl CredentialKind {
    fn of(kind: &'static Kind) -> Self {
        let Kind { name, label, help, used_by, fields } = kind;
        Self {
            name,
            label,
            help,
            used_by,
            fields: fields.iter().map(CredentialField::of).collect(),
        }
    }
}

impl CredentialField {
    fn of(field: &'static Field) -> Self {
        let Field { name, label, help, form, secret, required, when } = field;
        let length = |length: usize| i64::try_from(length).ok();
        let (form, min_length, max_length, choices) = match *form {
            Form::Text { min, max } => (FieldForm::Text, length(min), length(max), &[][..]),
            Form::Lines { min, max } => (FieldForm::Lines, length(min), length(max), &[][..]),
            Form::Choice(choices) => (FieldForm::Choice, None, None, choices),
        };
        let choice = |it: &'static vault::Choice| FieldChoice { value: it.value, label: it.label };
        Self {
            name,
            label,
            help,
            form,
            secret: *secret,
            required: *required,
            when: when.as_ref().map(|when| FieldCondition { field: when.field, is: when.is }),
            min_length,
            max_length,
            choices: choices.iter().map(choice).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use vault::KINDS;

    use super::*;

    fn shown(kind: &str) -> Value {
        serde_json::to_value(CredentialKind::of(Kind::named(kind).unwrap())).unwrap()
    }

    #[test]
    fn a_form_gets_all_that_it_needs() {
        assert_eq!(
            shown("snmp_v2c"),
            json!({
                "name": "snmp_v2c", "label": "SNMP v2c", "used_by": ["snmp"],
                "help": "The community that agents answer to.",
                "fields": [{
                    "name": "community", "label": "SNMP community", "help": "", "form": "text",
                    "secret": true, "required": true, "when": null, "min_length": 1,
                    "max_length": 255, "choices": [],
                }],
            })
        );
        let fields = shown("ssh")["fields"].clone();
        let field = |name: &str| fields.as_array().unwrap().iter().find(|it| it["name"] == name);
        assert_eq!(field("method").unwrap()["choices"][1]["value"], "private_key");
        let key = field("private_key").unwrap();
        assert_eq!((&key["form"], &key["when"]["is"]), (&json!("lines"), &json!(["private_key"])));
        assert!(KINDS.iter().all(|kind| shown(kind.name)["fields"].is_array()));
    }
}
