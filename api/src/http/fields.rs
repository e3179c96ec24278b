//! Reading named fields, of a JSON body or a query, so that everything wrong is reported at once
//! and an unknown field is never silently ignored.

use serde_json::{Map, Value};

use super::error::{ApiError, FieldError};
use super::extract::PathId;

/// A type that is read from named fields.
pub(crate) trait FromFields: Sized {
    /// Largest body that it is read from.
    const MAX_BODY_BYTES: usize = super::extract::MAX_BODY_BYTES;

    /// Takes its fields out; errors are collected in `fields`, and what is returned then is not
    /// used.
    fn read(fields: &mut Fields) -> Self;
}

/// The fields of one request.
pub(crate) struct Fields {
    values: Map<String, Value>,
    /// A query's values are texts, whatever they mean.
    textual: bool,
    errors: Vec<FieldError>,
}

/// How texts may look.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// A name of something: not empty, on one line.
pub(crate) const NAME: Text = Text { min: 1, max: schemas::MAX_NAME_CHARS };

/// Wrong items of a list reported at once.
const MAX_WRONG_ITEMS: usize = 50;

impl Fields {
    pub(crate) fn of_body(values: Map<String, Value>) -> Self {
        Self { values, textual: false, errors: Vec::new() }
    }

    /// From decoded pairs of a query; a repeated parameter is an error.
    pub(crate) fn of_query(pairs: Vec<(String, String)>) -> Self {
        let mut fields = Self { values: Map::new(), textual: true, errors: Vec::new() };
        for (name, value) in pairs {
            if fields.values.contains_key(&name) {
                fields.wrong(&name, "is given more than once");
            }
            fields.values.insert(name, Value::String(value));
        }
        fields
    }

    /// Notes an error.
    pub(crate) fn wrong(&mut self, field: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(field, detail));
    }

    /// Notes that a field must be there, unless something else is wrong with it already.
    pub(crate) fn missing(&mut self, field: &str) {
        self.needed(field, "is missing");
    }

    /// The same, with the reason.
    pub(crate) fn needed(&mut self, field: &str, why: &str) {
        if !self.errors.iter().any(|error| error.field == field) {
            self.wrong(field, why);
        }
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        match self.values.remove(field) {
            Some(Value::Null) | None => None,
            Some(value) => Some(value),
        }
    }

    /// An optional text that is checked elsewhere.
    pub(crate) fn raw(&mut self, field: &str) -> Option<String> {
        let Value::String(text) = self.take(field)? else {
            self.wrong(field, "must be a text");
            return None;
        };
        Some(text)
    }

    /// An optional text.
    pub(crate) fn text(&mut self, field: &str, rule: Text) -> Option<String> {
        let text = self.raw(field)?;
        match problem_of(&text, rule) {
            None => Some(text),
            Some(detail) => {
                self.wrong(field, detail);
                None
            }
        }
    }

    /// An optional text on several lines.
    pub(crate) fn lines(&mut self, field: &str, max: usize) -> Option<String> {
        let text = self.raw(field)?;
        let on_one = text.replace(['\n', '\r', '\t'], " ");
        match problem_of(&on_one, Text { min: 0, max }) {
            None => Some(text),
            Some(detail) => {
                self.wrong(field, detail);
                None
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, field: &str, rule: Text) -> String {
        self.text(field, rule).unwrap_or_else(|| {
            self.missing(field);
            String::new()
        })
    }

    /// An optional whole number within limits, both included.
    pub(crate) fn integer(&mut self, field: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.take(field)?;
        let number = match value.as_str() {
            Some(text) if self.textual => text.parse().ok(),
            _ => value.as_number().and_then(whole),
        };
        match number {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                self.wrong(field, format!("must be a whole number from {min} to {max}"));
                None
            }
        }
    }

    /// An optional yes or no.
    pub(crate) fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.take(field)?;
        let flag = match value.as_str() {
            Some(text) if self.textual => text.parse().ok(),
            _ => value.as_bool(),
        };
        if flag.is_none() {
            self.wrong(field, "must be true or false");
        }
        flag
    }

    /// An optional choice of a few names.
    pub(crate) fn choice(
        &mut self,
        field: &str,
        names: &'static [&'static str],
    ) -> Option<&'static str> {
        let text = self.text(field, Text { min: 0, max: 200 })?;
        let found = names.iter().find(|name| **name == text).copied();
        if found.is_none() {
            self.wrong(field, format!("must be one of: {}", names.join(", ")));
        }
        found
    }

    /// An optional identity, in the one spelling that paths take too.
    pub(crate) fn id<T: PathId>(&mut self, field: &str) -> Option<T> {
        let text = self.text(field, Text { min: 0, max: 200 })?;
        let id = T::parse(&text);
        if id.is_none() {
            self.wrong(field, format!("must be the id of a {}: {}", T::WHAT, T::FORM));
        }
        id
    }

    /// An optional list of texts.
    pub(crate) fn texts(&mut self, field: &str, rule: Text, max: usize) -> Option<Vec<String>> {
        self.list(field, max, "a list of texts", |text| {
            problem_of(text, rule).map_or_else(|| Ok(text.to_owned()), Err)
        })
    }

    /// An optional list of identities.
    pub(crate) fn ids<T: PathId>(&mut self, field: &str, max: usize) -> Option<Vec<T>> {
        self.list(field, max, "a list of ids", |text| {
            let wrong = || format!("must be the id of a {}: {}", T::WHAT, T::FORM);
            T::parse(text).ok_or_else(wrong)
        })
    }

    /// An optional list, each item read from a text or refused by its place.
    fn list<T>(
        &mut self,
        field: &str,
        max: usize,
        what: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(field)? else {
            self.wrong(field, format!("must be {what}"));
            return None;
        };
        if items.len() > max {
            self.wrong(field, format!("must not have more than {max} items"));
            return None;
        }
        let mut list = Vec::with_capacity(items.len());
        let mut wrong = 0;
        for (index, item) in items.into_iter().enumerate() {
            let read = match item.as_str() {
                Some(text) => read(text),
                None => Err("must be a text".to_owned()),
            };
            match read {
                Ok(item) => list.push(item),
                Err(detail) => {
                    self.wrong(&format!("{field}[{index}]"), detail);
                    wrong += 1;
                }
            }
            if wrong == MAX_WRONG_ITEMS {
                break;
            }
        }
        Some(list)
    }

    /// Reads a `T`, or says everything that is wrong.
    pub(crate) fn read<T: FromFields>(mut self) -> Result<T, ApiError> {
        let value = T::read(&mut self);
        let unknown: Vec<String> = self.values.keys().cloned().collect();
        for field in unknown {
            self.wrong(&field, "is not known here");
        }
        if self.errors.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.errors)) }
    }
}

/// 60.0 is a whole number too (JSON Schema says so).
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
    })
}

fn problem_of(text: &str, rule: Text) -> Option<String> {
    let length = text.chars().count();
    if length < rule.min {
        Some(match rule.min {
            1 => "must not be empty".to_owned(),
            min => format!("must have at least {min} characters"),
        })
    } else if length > rule.max {
        Some(format!("must not be longer than {} characters", rule.max))
    } else if text.chars().any(char::is_control) {
        Some("must not contain control characters".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample;
    impl FromFields for Sample {
        fn read(fields: &mut Fields) -> Self {
            fields.required("name", NAME);
            fields.integer("port", 1, 65535);
            fields.flag("enabled");
            fields.choice("sort", &["name", "state"]);
            fields.id::<schemas::DeviceId>("device");
            fields.texts("tags", NAME, 2);
            Self
        }
    }

    fn check(fields: Fields, expected: &[&str]) {
        let wrong = match fields.read::<Sample>() {
            Ok(_) => Vec::new(),
            Err(ApiError::Invalid(errors)) => errors.into_iter().map(|e| e.field).collect(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(wrong, expected);
    }

    fn body(json: &str) -> Fields {
        let value: Value = serde_json::from_str(json).unwrap();
        Fields::of_body(value.as_object().unwrap().clone())
    }

    fn query(pairs: &[(&str, &str)]) -> Fields {
        Fields::of_query(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        check(body(r#"{"name":"a","port":161.0,"enabled":true,"tags":["x"],"sort":null}"#), &[]);
        check(body("{}"), &["name"]);
        check(
            body(
                r#"{"name":7,"port":0,"enabled":"true","sort":"x","device":"host",
                    "tags":["a\u0000",3],"colour":"red"}"#,
            ),
            &["name", "port", "enabled", "sort", "device", "tags[0]", "tags[1]", "colour"],
        );
        check(body(r#"{"name":"a","tags":["a","b","c"],"port":1e99}"#), &["port", "tags"]);
    }

    #[test]
    fn a_query_is_text() {
        check(query(&[("name", "a"), ("port", "7"), ("enabled", "false")]), &[]);
        check(query(&[("name", "a"), ("sort", ""), ("port", "")]), &["port", "sort"]);
        check(query(&[("name", "a"), ("name", "b"), ("x", "")]), &["name", "x"]);
        check(query(&[("name", ""), ("enabled", "yes")]), &["name", "enabled"]);
    }
}
