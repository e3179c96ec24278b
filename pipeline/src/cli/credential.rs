//! What `credential add` takes and asks for, as the schema of each kind has it. Secrets are never
//! arguments: others could read them in the list of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use vault::{Field, Form, Kind, Secret};
use zeroize::Zeroizing;

use super::Failure;

/// Longest secret read.
const MAX_SECRET_BYTES: u64 = 65_536;

/// A kind, and the values of it that were given as arguments.
pub(super) struct KindArgs {
    kind: &'static Kind,
    values: BTreeMap<&'static str, String>,
    files: BTreeMap<&'static str, PathBuf>,
}

/// How a field is given.
enum By {
    /// An argument.
    Value,
    /// An argument that names a file: a secret of several lines.
    File,
    /// Asked for, or a line of standard input.
    Asking,
}

fn by(field: &Field) -> By {
    match (field.secret, field.form) {
        (true, Form::Lines { .. }) => By::File,
        (true, Form::Text { .. } | Form::Choice(_)) => By::Asking,
        (false, _) => By::Value,
    }
}

fn augment(command: Command, kinds: &[&'static Kind]) -> Command {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let kind = Arg::new("kind")
        .long("kind")
        .value_name("KIND")
        .help("What it is, see below")
        .value_parser(PossibleValuesParser::new(&names));
    let mut command = command.arg(match names.as_slice() {
        [first, ..] => kind.default_value(*first),
        [] => kind.required(true),
    });
    let mut known = BTreeSet::new();
    let fields = || kinds.iter().flat_map(|kind| kind.fields);
    for field in fields() {
        let of = || fields().filter(|it| it.name == field.name);
        let takes = match by(field) {
            By::Asking => continue,
            By::Value | By::File if !known.insert(field.name) => continue,
            By::Value => {
                let values: BTreeSet<&str> = of()
                    .filter_map(|it| match it.form {
                        Form::Choice(choices) => Some(choices.iter().map(|choice| choice.value)),
                        Form::Text { .. } | Form::Lines { .. } => None,
                    })
                    .flatten()
                    .collect();
                let arg = Arg::new(field.name).value_name("VALUE");
                if values.is_empty() {
                    arg
                } else {
                    arg.value_parser(PossibleValuesParser::new(values))
                }
            }
            By::File => {
                Arg::new(field.name).value_name("FILE").value_parser(value_parser!(PathBuf))
            }
        };
        let help = match by(field) {
            By::File => format!("{}, from this file", field.label),
            By::Value | By::Asking => field.label.to_owned(),
        };
        command = command.arg(takes.long(field.name.replace('_', "-")).help(help));
    }
    command.after_help(overview(kinds))
}

/// Each kind with what it is made of.
fn overview(kinds: &[&'static Kind]) -> String {
    let mut text = String::from("Kinds:\n");
    for Kind { name, label, help, fields, .. } in kinds {
        text.push_str(&format!("  {name}  {label}. {help}\n"));
        for field in *fields {
            let how = match by(field) {
                By::Asking => "asked for, or a line of standard input".to_owned(),
                By::Value | By::File => format!("--{}", field.name.replace('_', "-")),
            };
            let when = field.when.as_ref().map(|when| {
                format!(", with --{} {}", when.field.replace('_', "-"), when.is.join(" or "))
            });
            let optional = if field.required { "" } else { ", if there is one" };
            let when = when.unwrap_or_default();
            text.push_str(&format!("      {}: {how}{optional}{when}\n", field.label));
        }
    }
    text
}

impl Args for KindArgs {
    fn augment_args(command: Command) -> Command {
        augment(command, &Kind::offered().collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KindArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let name = matches.get_one::<String>("kind").map(String::as_str).unwrap_or_default();
        let kind = Kind::named(name).ok_or_else(|| {
            clap::Error::raw(clap::error::ErrorKind::InvalidValue, "there is no such kind\n")
        })?;
        let (mut values, mut files) = (BTreeMap::new(), BTreeMap::new());
        // Those of other kinds, too: they are refused by name.
        for field in vault::KINDS.iter().flat_map(|kind| kind.fields) {
            match by(field) {
                By::Value => {
                    let given = matches.try_get_one::<String>(field.name).ok().flatten();
                    values.extend(given.map(|value| (field.name, value.clone())));
                }
                By::File => {
                    let given = matches.try_get_one::<PathBuf>(field.name).ok().flatten();
                    files.extend(given.map(|path| (field.name, path.clone())));
                }
                By::Asking => {}
            }
        }
        Ok(Self { kind, values, files })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl KindArgs {
    /// The secret of a credential; `ask` gives what no argument does, by its prompt.
    pub(super) fn secret(
        self,
        name: &str,
        mut ask: impl FnMut(&str) -> Result<Zeroizing<String>, Failure>,
    ) -> Result<Secret, Failure> {
        let mut given: BTreeMap<String, Zeroizing<String>> = BTreeMap::new();
        for (field, value) in self.values {
            given.insert(field.to_owned(), Zeroizing::new(value));
        }
        for (field, path) in self.files {
            given.insert(field.to_owned(), read_file(&path)?);
        }
        for field in self.kind.fields {
            let applies = field.when.as_ref().is_none_or(|when| {
                given.get(when.field).is_some_and(|value| when.is.contains(&value.as_str()))
            });
            if matches!(by(field), By::Asking) && applies {
                let optional = if field.required { "" } else { " (empty: none)" };
                let value = ask(&format!("{} of {name}{optional}: ", field.label))?;
                if value.is_empty() && field.required {
                    return Err("the secret is empty; nothing was changed".into());
                }
                given.insert(field.name.to_owned(), value);
            }
        }
        Secret::new(self.kind, given).map_err(|flaws| {
            let line = |flaw: vault::Flaw| format!("\n  {}: {}", flaw.field, flaw.detail);
            let lines: String = flaws.into_iter().map(line).collect();
            format!("no credential of kind {}; nothing was changed{lines}", self.kind.name).into()
        })
    }
}

fn read_file(path: &std::path::Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = Zeroizing::new(String::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Asks without echo, or takes the next line of standard input.
pub(super) fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(Zeroizing::new(rpassword::prompt_password(prompt)?));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().take(MAX_SECRET_BYTES).read_line(&mut line)?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(words: &[&str], answers: &[&str]) -> Result<(String, Vec<String>), String> {
        let command = augment(Command::new("add"), &vault::KINDS.iter().collect::<Vec<_>>());
        let matches = command.try_get_matches_from([&["add"], words].concat());
        let matches = matches.map_err(|error| error.to_string())?;
        let args = KindArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let (mut prompts, mut answers) = (Vec::new(), answers.iter());
        let secret = args.secret("lab", |prompt| {
            prompts.push(prompt.to_owned());
            let answer = answers.next().ok_or("nothing more was to be asked")?;
            Ok(Zeroizing::new((*answer).to_owned()))
        });
        let json = secret.map_err(|error| error.to_string())?.json();
        Ok((String::from_utf8(json.to_vec()).unwrap(), prompts))
    }

    #[test]
    fn each_kind_is_given_as_its_schema_has_it() {
        let (json, prompts) = secret(&[], &["public"]).unwrap();
        assert_eq!(json, r#"{"kind":"snmp_v2c","community":"public"}"#);
        assert_eq!(prompts, ["SNMP community of lab: "]);
        let flags = ["--kind", "snmp_v3", "--user", "ops", "--level", "auth_priv"];
        let more = ["--auth-protocol", "sha_256", "--priv-protocol", "aes_128"];
        let (json, prompts) =
            secret(&[&flags[..], &more].concat(), &["password1", "password2"]).unwrap();
        assert!(json.contains(r#""priv_key":"password2""#), "{json}");
        assert_eq!(prompts.len(), 2);
        let error = secret(&flags, &["password1", "password2"]).unwrap_err();
        assert!(error.contains("auth_protocol: is missing"), "{error}");
        let error = secret(&["--user", "ops"], &["public"]).unwrap_err();
        assert!(error.contains("user: is no field of snmp_v2c"), "{error}");
        assert!(secret(&["--level", "some"], &[]).unwrap_err().contains("auth_priv"));
        assert!(secret(&[], &[""]).unwrap_err().contains("empty"));
    }

    #[test]
    fn a_private_key_comes_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        std::fs::write(&path, "-----BEGIN\nx\n").unwrap();
        let flags = ["--kind", "ssh", "--user", "ops", "--method", "private_key", "--private-key"];
        let path = path.display().to_string();
        let (json, prompts) = secret(&[&flags[..], &[&path]].concat(), &[""]).unwrap();
        assert!(json.ends_with(r#""private_key":"-----BEGIN\nx\n"}"#), "{json}");
        assert_eq!(prompts, ["Passphrase of the private key of lab (empty: none): "]);
        let error = secret(&[&flags[..], &["/nowhere"]].concat(), &[""]).unwrap_err();
        assert!(error.contains("/nowhere"), "{error}");
    }

    #[test]
    fn only_what_is_usable_is_offered() {
        let help = KindArgs::augment_args(Command::new("add")).render_long_help().to_string();
        assert!(help.contains("snmp_v2c") && help.contains("SNMP community: asked for"), "{help}");
        assert!(!help.contains("ssh") && !help.contains("--user"), "{help}");
    }
}
