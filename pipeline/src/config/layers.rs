//! Values laid over the defaults: a file's, then the environment's. A key that the defaults lack
//! is an error that names its place.

use toml::{Table, Value};

use super::{ConfigError, wrong};

/// A key, and its value where the variable's own is not meant.
type Setting = (&'static str, Option<&'static str>);

/// Shorthands of the environment and the keys they set.
const SHORTHANDS: &[(&str, &[Setting])] = &[
    ("DATABASE_URL", &[("database.url", None)]),
    ("OPSC_KAFKA", &[("log.kafka.bootstrap", None), ("log.kind", Some("kafka"))]),
    ("OPSC_LISTEN", &[("api.listen", None)]),
    ("OPSC_STATE_DIR", &[("state_dir", None)]),
    ("OPSC_INSTANCE", &[("instance", None)]),
    ("OPSC_DEMO", &[("demo.enabled", None)]),
    ("OPSC_VAULT_KEY_FILE", &[("vault.key_file", None)]),
];

/// Other variables of that prefix: the command line's own flags, and what scripts and tests
/// read.
const OTHERS: &[&str] = &[
    "OPSC_ADMIN_PASSWORD_FILE",
    "OPSC_BENCH_DIR",
    "OPSC_BINARY",
    "OPSC_BLESS",
    "OPSC_CACHE",
    "OPSC_CHROMIUM",
    "OPSC_CONFIG",
    "OPSC_DEBIAN_MIRROR",
    "OPSC_FAKETIME",
    "OPSC_KAFKA_HEAP",
    "OPSC_KAFKA_HOME",
    "OPSC_KAFKA_LOG",
    "OPSC_OLD_BINARY",
    "OPSC_PG_HOME",
    "OPSC_PG_PORT",
    "OPSC_PROMTOOL",
    "OPSC_PYTHON",
    "OPSC_ROOT",
    "OPSC_RUN_ID",
    "OPSC_SESSION",
    "OPSC_SHELLCHECK",
    "OPSC_SNMP_BIN_DIR",
    "OPSC_STEP_LIMIT",
    "OPSC_TOKEN",
    "OPSC_TOKEN_FILE",
    "OPSC_URL",
];

/// What tests read begins with one of these.
const OTHERS_OF: &[&str] = &["OPSC_E2E_", "OPSC_FUZZ_", "OPSC_PROVE", "OPSC_TEST_"];

/// What the keys of librdkafka's properties begin with.
const PROPERTIES: &str = "log.kafka.properties.";

/// The keys that a variable sets, and their values where the variable's own is not meant.
///
/// # Errors
/// The variable bears this program's prefix, but nobody reads it.
pub(super) fn keys_of(variable: &str) -> Result<Vec<(String, Option<&'static str>)>, String> {
    if let Some((_, keys)) = SHORTHANDS.iter().find(|(name, _)| *name == variable) {
        return Ok(keys.iter().map(|(key, fixed)| ((*key).to_owned(), *fixed)).collect());
    }
    if let Some(path) = variable.strip_prefix("OPSC__") {
        let key = path.to_lowercase().replace("__", ".");
        // A shell exports no name with dots, and no property of librdkafka has an underscore.
        let key = if key.starts_with(PROPERTIES) { key.replace('_', ".") } else { key };
        return Ok(vec![(key, None)]);
    }
    let others =
        || OTHERS.contains(&variable) || OTHERS_OF.iter().any(|of| variable.starts_with(of));
    if !variable.starts_with("OPSC_") || others() {
        return Ok(Vec::new());
    }
    let known: Vec<&str> = SHORTHANDS.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "nobody reads it; known are {}, and OPSC__SECTION__KEY for every setting (`opsconductor \
         config`)",
        known.join(", ")
    ))
}

/// Lays `over` upon `base`; a key that the defaults lack is an error.
pub(super) fn merge(
    base: &mut Table,
    over: Table,
    defaults: &Table,
    place: &str,
    path: &str,
) -> Result<(), ConfigError> {
    let free = path == "log.kafka.properties";
    for (key, value) in over {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(default) = defaults.get(&key) else {
            if free {
                let value = text_of(value).ok_or_else(|| {
                    let remedy = "write \"sasl.mechanism\" = \"…\", name and value in quotes";
                    wrong(place, format!("{full} is no property's value: {remedy}"))
                })?;
                base.insert(key, value);
                continue;
            }
            return Err(wrong(place, unknown(&full, defaults)));
        };
        match (value, default, base.get_mut(&key)) {
            (Value::Table(value), Value::Table(default), Some(Value::Table(base))) => {
                merge(base, value, default, place, &full)?;
            }
            (value, default, _) if value.same_type(default) => {
                base.insert(key, value);
            }
            (value, default, _) => {
                let (is, must) = (value.type_str(), default.type_str());
                return Err(wrong(place, format!("{full} is a {is}, it must be a {must}")));
            }
        }
    }
    Ok(())
}

/// A librdkafka property is text, whether written as a number, a truth value or text.
fn text_of(value: Value) -> Option<Value> {
    match value {
        Value::Integer(number) => Some(Value::String(number.to_string())),
        Value::Boolean(flag) => Some(Value::String(flag.to_string())),
        Value::String(_) => Some(value),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

fn unknown(key: &str, known: &Table) -> String {
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("unknown key {key}; known there: {}", names.join(", "))
}

pub(super) fn set(
    base: &mut Table,
    key: &str,
    text: &str,
    defaults: &Table,
    place: &str,
) -> Result<(), ConfigError> {
    let (mut table, mut known) = (base, defaults);
    let mut rest = key;
    while let Some((section, inner)) = rest.split_once('.') {
        if let (Some(Value::Table(next)), Some(Value::Table(defaults))) =
            (table.get_mut(section), known.get(section))
        {
            (table, known, rest) = (next, defaults, inner);
            // A property's own name has dots.
            if key.starts_with(PROPERTIES) && section == "properties" {
                break;
            }
        } else {
            return Err(wrong(place, unknown(section, known)));
        }
    }
    let free = key.starts_with(PROPERTIES);
    let value = match known.get(rest) {
        None if free => Value::String(text.to_owned()),
        None => return Err(wrong(place, unknown(key, known))),
        Some(default) => parse(text, default)
            .ok_or_else(|| wrong(place, format!("{text:?} is no {}", default.type_str())))?,
    };
    table.insert(rest.to_owned(), value);
    Ok(())
}

fn parse(text: &str, default: &Value) -> Option<Value> {
    Some(match default {
        Value::String(_) => Value::String(text.to_owned()),
        Value::Integer(_) => Value::Integer(text.parse().ok()?),
        Value::Float(_) => Value::Float(text.parse().ok()?),
        Value::Boolean(_) => Value::Boolean(match text {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => return None,
        }),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => return None,
    })
}
