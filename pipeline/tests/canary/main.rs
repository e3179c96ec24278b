//! A secret in every field that takes one, and then a look at all that the program says, keeps and
//! sends, at its loudest: each secret is in the places it must be in, and in no other.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod evidence;
mod mistakes;
mod network;
mod visitor;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use common::{Program, database, free_address, program, records, until};
use evidence::Evidence;
use network::Network;
use pipeline::log::embedded::{Embedded, Options};
use pipeline::topology;
use sqlx::PgPool;
use visitor::Visitor;

/// Stands in a device's name: it must be found, or the look itself is blind.
pub(crate) const MARK: &str = "Mark7gK2vX0qPz";

/// The secrets. Letters and digits only: no encoding of a URL or of JSON changes them.
pub(crate) const BY_CLI: &str = "CommunityA3fW9kQz71x";
pub(crate) const BY_API: &str = "CommunityB8rT4mYc26v";
pub(crate) const WRONG: &str = "CommunityC5nL0pHj93d";
pub(crate) const PASSWORD: &str = "AdminPass6sV2bNg48e";
pub(crate) const DATABASE: &str = "DbPass1uJ7xMd50w";
pub(crate) const KAFKA: &str = "SaslPass9yE3cRt62z";
/// What is sent where something else belongs, and refused.
pub(crate) const MISTAKE: &str = "Mistake4hB8zQk17s";

/// How long the devices are polled once all is set up.
const WATCHED: Duration = Duration::from_secs(6);

/// A role of the database with a password of its own, and the URL that has it.
async fn with_password(url: &str) -> String {
    let role = format!("canary_{}", std::process::id());
    let pool = PgPool::connect(url).await.unwrap();
    let sql = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{DATABASE}'");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    let (_, rest) = url.split_once('@').unwrap();
    format!("postgres://{role}:{DATABASE}@{rest}")
}

/// Starts the program, every part of it logging all it can.
fn start(state: &Path, url: &str, listen: &str) -> Program {
    let said = std::fs::File::create(state.with_extension("stdout")).unwrap();
    let mut command = program("run", state, url, listen);
    command.env("RUST_LOG", "trace").stdout(said);
    Program(command.spawn().unwrap())
}

/// Everything on the log, as it lies there.
fn add_log(evidence: &mut Evidence, state: &Path) {
    let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
    for topic in topology::topics(1) {
        for record in records(&log, &topic.name) {
            let place = format!("topic {}", topic.name);
            evidence.add(&place, record.key.unwrap_or_default());
            evidence.add(&place, record.value.unwrap_or_default());
            for (name, value) in record.headers {
                evidence.add(&place, [name.as_bytes(), &value].concat());
            }
        }
    }
}

/// The secret is exactly in these places.
fn check(evidence: &Evidence, what: &str, secret: impl AsRef<[u8]>, places: &[&str]) {
    let secret = secret.as_ref();
    let found = evidence.places(secret);
    let expected: BTreeSet<&str> = places.iter().copied().collect();
    let shown: Vec<String> =
        found.difference(&expected).map(|place| evidence.show(place, secret)).collect();
    assert_eq!(found, expected, "{what} is elsewhere:\n{}", shown.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_where_it_must_be_and_nowhere_else() {
    let Some(url) = database("canary").await else { return };
    let url = with_password(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let listen = free_address();
    let config =
        format!("[log.kafka.properties]\n\"sasl.password\" = \"{KAFKA}\"\n\"debug\" = \"all\"\n");
    std::fs::write(state.join("config.toml"), config).unwrap();

    let network = Network::start().await;
    let running = start(&state, &url, &listen);
    until("the API", &state, async || std::net::TcpStream::connect(&listen).ok()).await;
    let mut evidence = Evidence::default();
    let token = std::fs::read_to_string(state.join("cli-token")).unwrap();
    let mut visitor = Visitor::new(token.trim(), &listen);
    let file = state.join("admin-password");
    let one_time = until("the one-time password", &state, async || {
        std::fs::read_to_string(&file).ok().filter(|text| !text.is_empty())
    })
    .await;
    visitor.sign_in(&one_time).await;
    visitor.change_password(&one_time).await;
    network.add_devices(&visitor, &state, &url, &listen, &mut evidence).await;
    network.until_up(&visitor, &state).await;
    visitor.make_mistakes().await;
    tokio::time::sleep(WATCHED).await;
    visitor.read_everything().await;
    evidence.add_process("run", running.0.id());
    mistakes::with_the_command_line(&mut evidence, &state, &url, &listen);
    let session = visitor.session.clone();
    visitor.hand_over(&mut evidence);
    running.stop();

    let key = std::fs::read(state.join("vault.key")).unwrap();
    add_log(&mut evidence, &state);
    evidence.add_database(&url);
    evidence.add("log lines", std::fs::read(state.join("out")).unwrap());
    evidence.add("terminal", std::fs::read(state.with_extension("stdout")).unwrap());
    std::fs::remove_file(state.join("out")).unwrap();
    evidence.add_folder("state", &state);
    mistakes::at_the_start(&mut evidence, &url);

    // The look is not blind: all kinds of places hold something, and what is no secret is found.
    for start in ["answer", "command", "log lines", "metrics", "run: command line", "start of"] {
        assert!(evidence.size(start) > 0, "nothing of {start}");
    }
    let marked = evidence.places(MARK.as_bytes());
    for place in ["answer of GET /inventory/v1/devices", "database", "topic device"] {
        assert!(marked.contains(place), "a device's name is not in {place}: {marked:?}");
    }
    assert!(evidence.places(b"signed in").contains("log lines"));

    check(&evidence, "a community given to the command line", BY_CLI, &[]);
    check(&evidence, "a community given to the API", BY_API, &[]);
    check(&evidence, "a community that no device knows", WRONG, &[]);
    check(&evidence, "the administrator's password", PASSWORD, &[]);
    check(&evidence, "the database's password", DATABASE, &[]);
    check(&evidence, "the brokers' password", KAFKA, &["state/config.toml"]);
    check(&evidence, "what was refused", MISTAKE, &[]);
    check(&evidence, "the token", token.trim(), &["state/cli-token"]);
    let allowed = ["state/admin-password", "terminal"];
    check(&evidence, "the one-time password", one_time.trim(), &allowed);
    check(&evidence, "the session", &session, &["answer of POST /identity/v1/session: cookie"]);
    check(&evidence, "the vault's key", key, &["state/vault.key"]);
    println!("{} bytes of evidence looked through", evidence.size(""));
}
