//! Whether values of a writer's schema take any bytes. An array of what takes none can claim to
//! hold any number of items in a few bytes, and its reader would count them all.

use std::collections::HashMap;

use serde_json::Value;

/// Types looked at for one array's items; records of records of records may name many more.
const MAX_STEPS: usize = 10_000;

/// The place of the first array whose items take no bytes, e.g. `Poll.instances`.
pub(crate) fn bottomless(schema: &Value) -> Option<String> {
    let mut names = HashMap::new();
    collect(schema, &mut names);
    find(schema, &names, "")
}

/// The named types defined anywhere within, by full name and by last part.
fn collect<'a>(schema: &'a Value, names: &mut HashMap<&'a str, &'a Value>) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if let (Some(name), Some("record" | "error" | "enum" | "fixed")) = (text("name"), text("type"))
    {
        names.entry(last_part(name)).or_insert(schema);
    }
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Namespaces are left out: two types that differ in nothing else are both taken for the first.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn find(schema: &Value, names: &HashMap<&str, &Value>, place: &str) -> Option<String> {
    let name = schema.get("name").and_then(Value::as_str);
    let place = match name {
        Some(name) if place.is_empty() => last_part(name).to_owned(),
        Some(name) => format!("{place}.{name}"),
        None => place.to_owned(),
    };
    if schema.get("type").is_some_and(|kind| kind == "array")
        && schema.get("items").is_some_and(|items| is_empty(items, names, &mut 0))
    {
        return Some(place);
    }
    match schema {
        Value::Array(items) => items.iter().find_map(|item| find(item, names, &place)),
        Value::Object(fields) => fields.values().find_map(|field| find(field, names, &place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a value can take no bytes. What cannot be made out counts as if it could.
fn is_empty(schema: &Value, names: &HashMap<&str, &Value>, steps: &mut usize) -> bool {
    *steps += 1;
    if *steps > MAX_STEPS {
        return true;
    }
    match schema {
        Value::String(name) => match name.as_str() {
            "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string" => false,
            "null" => true,
            name => names.get(last_part(name)).is_none_or(|known| is_empty(known, names, steps)),
        },
        // A union begins with the number of its branch.
        Value::Array(_) => false,
        Value::Object(fields) => match fields.get("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "record" | "error" => {
                    let all = fields.get("fields").and_then(Value::as_array);
                    all.is_none_or(|all| {
                        all.iter().all(|field| {
                            field.get("type").is_none_or(|kind| is_empty(kind, names, steps))
                        })
                    })
                }
                "fixed" => fields.get("size").and_then(Value::as_u64).is_none_or(|size| size == 0),
                "array" | "map" | "enum" => false,
                _ => is_empty(&fields["type"], names, steps),
            },
            Some(inner) => is_empty(inner, names, steps),
            None => true,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &str, expected: bool) {
        let text = format!(
            r#"{{"type": "record", "name": "a.R", "fields": [
                {{"name": "none", "type": {{"type": "record", "name": "a.None", "fields": []}}}},
                {{"name": "some", "type": {{"type": "array", "items": {items}}}}}]}}"#
        );
        let found = bottomless(&serde_json::from_str(&text).unwrap());
        assert_eq!(found.as_deref(), expected.then_some("R.some"), "{items}");
    }

    #[test]
    fn what_takes_no_bytes_is_found() {
        check(r#""null""#, true);
        check(r#"{"type": "null"}"#, true);
        check(r#"{"type": {"type": "null"}}"#, true);
        check(r#""None""#, true);
        check(r#""a.None""#, true);
        check(r#"{"type": "fixed", "name": "F", "size": 0}"#, true);
        check(
            r#"{"type": "record", "name": "Q", "fields": [{"name": "n", "type": "null"}]}"#,
            true,
        );
        check(r#""long""#, false);
        check(r#"["null"]"#, false);
        check(r#"{"type": "long", "logicalType": "timestamp-millis"}"#, false);
        check(r#"{"type": "array", "items": "long"}"#, false);
        check(r#"{"type": "fixed", "name": "F", "size": 1}"#, false);
        check(
            r#"{"type": "record", "name": "Q", "fields": [{"name": "n", "type": "int"}]}"#,
            false,
        );
        // Within an array, too.
        let deep = r#"{"type": "array", "items": {"type": "array", "items": "null"}}"#;
        assert!(bottomless(&serde_json::from_str(deep).unwrap()).is_some());
    }
}
