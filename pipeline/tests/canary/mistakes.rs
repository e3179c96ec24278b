//! The command line beside a running system, and starts that cannot succeed.

use std::fs::{File, read, write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{DEADLINE, Program, free_address};
use crate::evidence::Evidence;
use crate::{KAFKA, MISTAKE};

/// Who waits for something that never comes is listened to for so long.
const LISTEN_FOR: Duration = Duration::from_secs(4);
/// Programs that wait side by side: a waiting one computes nothing.
const AT_ONCE: usize = 8;

fn command(state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    command.args(args).env("OPSC_STATE_DIR", state).env("RUST_LOG", "trace");
    command
}

/// All that a program says until it ends, or for so long.
fn said(mut command: Command, most: Option<Duration>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said");
    let file = File::create(&path).unwrap();
    command.stdin(std::process::Stdio::null());
    let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
    let (mut program, since) = (Program(child), Instant::now());
    while program.0.try_wait().unwrap().is_none() && since.elapsed() < most.unwrap_or(DEADLINE) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = program.0.try_wait().unwrap();
    drop(program);
    let said = read(path).unwrap();
    let text = String::from_utf8_lossy(&said);
    assert!(ended.is_some() || most.is_some(), "{command:?} still runs: {text}");
    assert!(!text.contains("panicked"), "{command:?}: {text}");
    said
}

pub(crate) fn with_the_command_line(
    evidence: &mut Evidence,
    state: &Path,
    url: &str,
    listen: &str,
) {
    let wrong = state.with_extension("wrong-token");
    write(&wrong, MISTAKE).unwrap();
    let wrong = wrong.display().to_string();
    for args in [
        vec!["check"],
        vec!["config"],
        vec!["topology"],
        vec!["migrate"],
        vec!["credential", "list"],
        vec!["credential", "add", "nothing"],
        vec!["device", "list"],
        vec!["device", "add", "127.0.0.1", "--credential", "nowhere"],
        vec!["device", "list", "--token-file", &wrong],
        vec!["run"],
    ] {
        let mut command = command(state, &args);
        command.env("DATABASE_URL", url).env("OPSC_LISTEN", listen);
        evidence
            .add(format!("command {}", args[..args.len().min(2)].join(" ")), said(command, None));
    }
}

/// What is wrong: variables, and the text of a configuration file.
type Wrong = (Vec<(&'static str, String)>, String);

fn databases(url: &str) -> Vec<String> {
    let (role, rest) = url.strip_prefix("postgres://").unwrap().split_once(':').unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    vec![
        format!("postgres://{role}:{MISTAKE}@{place}"),
        format!("postgres://{role}:{MISTAKE}@127.0.0.1:1/none"),
        format!("postgres://{role}:{MISTAKE}@no.such.host.invalid/none"),
        format!("postgres://{role}@{place}?pasword={MISTAKE}"),
        format!("postgres://{role}@{place}?sslmode={MISTAKE}"),
        format!("postgres://{role}:{MISTAKE}?x@{place}"),
        format!("postgres://{role}:{MISTAKE}#x@{place}"),
        format!("postgres://{role}:{MISTAKE}/x@{place}"),
        format!("postgres//{role}:{MISTAKE}@{place}"),
        format!("mysql://{role}:{MISTAKE}@{place}"),
        MISTAKE.to_owned(),
    ]
}

fn kafka() -> Vec<Vec<(&'static str, String)>> {
    const PROPERTY: [&str; 8] = [
        "OPSC__LOG__KAFKA__PROPERTIES__DEBUG",
        "OPSC__LOG__KAFKA__PROPERTIES__SECURITY.PROTOCOL",
        "OPSC__LOG__KAFKA__PROPERTIES__SASL.MECHANISM",
        "OPSC__LOG__KAFKA__PROPERTIES__SASL.USERNAME",
        "OPSC__LOG__KAFKA__PROPERTIES__SASL.PASSWORD",
        "OPSC__LOG__KAFKA__PROPERTIES__SASL.PASWORD",
        "OPSC__LOG__KAFKA__PROPERTIES__SSL.KEY.PEM",
        "OPSC__LOG__KAFKA__PROPERTIES__SSL.KEY.PASSWORD",
    ];
    let [debug, protocol, mechanism, user, password, misspelt, pem, key_password] = PROPERTY;
    let with = |own: &[(&'static str, &str)]| {
        let all = [("OPSC_KAFKA", "127.0.0.1:1"), (debug, "all")];
        all.iter().chain(own).map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let sasl = [(protocol, "SASL_PLAINTEXT"), (user, "u"), (password, KAFKA)];
    vec![
        with(&[&sasl[..], &[(mechanism, "PLAIN")]].concat()),
        with(&[&sasl[..], &[(mechanism, "SCRAM-SHA-512")]].concat()),
        with(&[&sasl[..], &[(mechanism, "NONE-SUCH")]].concat()),
        with(&[(misspelt, MISTAKE)]),
        with(&[(protocol, "SSL"), (pem, MISTAKE), (key_password, MISTAKE)]),
        with(&[(protocol, "NONE-SUCH"), (password, KAFKA)]),
    ]
}

fn files() -> Vec<String> {
    vec![
        format!("[database]\nurl = \"postgres://u:{MISTAKE}@h/d\n"),
        format!("[database]\nurl = postgres://u:{MISTAKE}@h/d\n"),
        format!("[database]\nurl = [\"{MISTAKE}\"]\n"),
        format!("[database]\nurl = {{ password = \"{MISTAKE}\" }}\n"),
        format!("[log.kafka.properties]\nsasl.password = \"{MISTAKE}\"\n"),
        format!("[log.kafka.properties]\n\"sasl.password\" = [\"{MISTAKE}\"]\n"),
        format!("[log.kafka.properties]\n\"sasl.password\" = '{MISTAKE}\n"),
        format!("[log.kafka.properties]\n\"sasl.password\" = \"{MISTAKE}\" x\n"),
        format!("[log.kafka.properties]\n\"acks\" = \"{MISTAKE}\"\n"),
    ]
}

fn start(role: &str, (variables, file): &Wrong) -> Vec<u8> {
    let state = tempfile::tempdir().unwrap();
    write(state.path().join("config.toml"), file).unwrap();
    let mut command = command(state.path(), &[role]);
    command.env("OPSC_LISTEN", free_address());
    command.envs(variables.iter().map(|(name, value)| (*name, value)));
    // What it tried is reported at its end.
    said(command, Some(if role == "check" { DEADLINE } else { LISTEN_FOR }))
}

pub(crate) fn at_the_start(evidence: &mut Evidence, url: &str) {
    let database = |url: String| (vec![("DATABASE_URL", url)], String::new());
    let mut wrong: Vec<Wrong> = databases(url).into_iter().map(database).collect();
    wrong.extend(kafka().into_iter().map(|mut variables| {
        variables.push(("DATABASE_URL", url.to_owned()));
        (variables, String::new())
    }));
    wrong.extend(files().into_iter().map(|file| (Vec::new(), file)));
    let mut starts: Vec<(usize, &'static str)> = Vec::new();
    for case in 0..wrong.len() {
        starts.extend([(case, "run"), (case, "check")]);
    }
    for role in ["connect", "process", "sink", "api", "migrate"] {
        starts.extend([(0, role), (1, role), (databases(url).len(), role)]);
    }
    for some in starts.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let wrong = &wrong;
            let start = |(case, role): (usize, &'static str)| {
                scope.spawn(move || {
                    (format!("start of {role}, case {case}"), start(role, &wrong[case]))
                })
            };
            let started: Vec<_> = some.iter().copied().map(start).collect();
            for one in started {
                let (place, said) = one.join().unwrap();
                assert!(!said.is_empty(), "{place}: not a word");
                evidence.add(place, said);
            }
        });
    }
    // A key that is none, where all the rest is well.
    let state = tempfile::tempdir().unwrap();
    write(state.path().join("vault.key"), MISTAKE).unwrap();
    let mut command = command(state.path(), &["run"]);
    command.env("DATABASE_URL", url).env("OPSC_LISTEN", free_address());
    std::fs::set_permissions(
        state.path().join("vault.key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let text = said(command, None);
    assert!(String::from_utf8_lossy(&text).contains("vault key"));
    evidence.add("start of run, a wrong key", text);
}
