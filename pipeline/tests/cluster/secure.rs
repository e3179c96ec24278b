//! A broker with SASL/SCRAM over TLS that denies what it does not allow: the whole program runs on
//! the rights that `docs/KAFKA.md` names and no other, and says what is missing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::PgPool;

use super::PREFIX;
use super::broker::Broker;
use super::common::{Program as Killed, database, free_address, program, serials, until_serials};
use super::program::opsconductor;

const PORT: u16 = 19_400;
/// As in the document.
const OURS: &str = "opsconductor-";
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/KAFKA.md");
const ENDS_WITHIN: Duration = Duration::from_secs(90);

fn property(name: &str) -> String {
    format!("OPSC__LOG__KAFKA__PROPERTIES__{}", name.to_uppercase().replace('.', "_"))
}

/// The cluster, and how its user reaches it.
struct Secure {
    broker: Broker,
    secret: String,
    settings: Vec<(String, String)>,
}

impl Secure {
    fn start() -> Option<Self> {
        let broker = Broker::start_with(PORT, &["--secure"])?;
        let secret =
            std::fs::read_to_string(broker.folder().join("opsconductor.password")).unwrap();
        let ca = broker.folder().join("ca.pem").display().to_string();
        let secret = secret.trim().to_owned();
        let settings = vec![
            ("OPSC_KAFKA".to_owned(), broker.bootstrap().to_owned()),
            (PREFIX.to_owned(), OURS.to_owned()),
            (property("security.protocol"), "SASL_SSL".to_owned()),
            (property("sasl.mechanism"), "SCRAM-SHA-512".to_owned()),
            (property("sasl.username"), "opsconductor".to_owned()),
            (property("sasl.password"), secret.clone()),
            (property("ssl.ca.location"), ca),
        ];
        Some(Self { broker, secret, settings })
    }

    /// A command, with one property otherwise; what it says never holds a secret.
    fn run(&self, command: &[&str], other: Option<(&str, &str)>) -> (bool, String) {
        let mut settings = self.settings.clone();
        if let Some((name, value)) = other {
            settings.push((property(name), value.to_owned()));
        }
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let found = opsconductor(command, &settings);
        assert!(!found.1.contains(&self.secret), "a secret: {}", found.1);
        found
    }

    fn refused(&self, command: &[&str], other: Option<(&str, &str)>, parts: &[&str]) {
        let (well, said) = self.run(command, other);
        assert!(!well, "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not said: {said}");
        }
    }

    /// Gives a right, as the admin.
    fn allow(&self, rights: &[&str]) {
        let admin = self.broker.folder().join("admin.properties");
        let who = ["--add", "--allow-principal", "User:opsconductor"];
        let config = ["--command-config", admin.to_str().unwrap()];
        self.broker.tool("acls", &[&config[..], &who, rights].concat(), "").unwrap();
    }

    fn role(&self, role: &str, state: &Path, url: &str, listen: &str) -> Command {
        let mut command = program(role, state, url, listen);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A role must end by itself with these words.
    fn role_ends(&self, role: &str, url: &str, parts: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let child = self.role(role, folder.path(), url, &free_address()).spawn().unwrap();
        let (mut child, began) = (Killed(child), Instant::now());
        let said = || std::fs::read_to_string(folder.path().join("out")).unwrap();
        let status = loop {
            if let Some(status) = child.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < ENDS_WITHIN, "it goes on: {}", said());
            std::thread::sleep(Duration::from_millis(100));
        };
        assert!(!status.success());
        for part in parts {
            assert!(said().contains(part), "{part:?} is not said: {}", said());
        }
        assert!(!said().contains(&self.secret), "a secret: {}", said());
    }
}

/// The rights that the document gives, line by line, as arguments after the user.
fn documented() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("kafka-acls "));
    let rights = lines.map(|line| line.split_once("User:opsconductor ").unwrap().1);
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    rights.map(words).collect()
}

fn who_cannot_get_in(secure: &Secure) {
    let plan = ["topics", "plan"];
    let place = format!("connect to Kafka at {}", secure.broker.bootstrap());
    let wrong = "not-its-password-1";
    let (well, said) = secure.run(&plan, Some(("sasl.password", wrong)));
    assert!(!well && !said.contains(wrong), "{said}");
    for part in [place.as_str(), "Authentication failed", "correct sasl.username and sasl.password"]
    {
        assert!(said.contains(part), "{part:?} is not said: {said}");
    }
    let strange = tempfile::NamedTempFile::new().unwrap();
    let other = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=another"])
        .args(["-keyout", "/dev/null", "-out", strange.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
    let parts = [place.as_str(), "certificate", "correct ssl.ca.location"];
    // The system's own authorities, then another's.
    secure.refused(&plan, Some(("ssl.ca.location", "probe")), &parts);
    secure.refused(&plan, Some(("ssl.ca.location", strange.path().to_str().unwrap())), &parts);
    let gone = Some(("ssl.ca.location", "/nowhere/ca.pem"));
    secure.refused(&plan, gone, &["ssl.ca.location", "/nowhere/ca.pem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_on_the_rights_that_are_documented() {
    let Some(url) = database("secure").await else { return };
    let Some(secure) = Secure::start() else { return };
    who_cannot_get_in(&secure);
    let acls = documented();
    let acls: Vec<Vec<&str>> =
        acls.iter().map(|line| line.iter().map(String::as_str).collect()).collect();
    let [topics, groups, transactions] = &acls[..] else { panic!("{acls:?}") };

    // One right after the other, each missed first.
    let ours = ["--topic", OURS, "--resource-pattern-type", "prefixed"];
    let missing = |what: &str| format!("--operation {what} --topic {OURS} --resource-pattern-type");
    secure.refused(
        &["topics", "plan"],
        None,
        &["look at topic opsconductor-", &missing("Describe")],
    );
    secure.allow(&[&ours[..], &["--operation", "Read", "--operation", "Write"]].concat());
    secure.refused(&["topics", "apply"], None, &["create topic opsconductor-", &missing("Create")]);
    secure.allow(&[&ours[..], &["--operation", "Create"]].concat());
    secure.refused(&["topics", "apply"], None, &["settings of topic", &missing("DescribeConfigs")]);
    secure.allow(topics);
    let (well, said) = secure.run(&["topics", "plan"], None);
    assert!(well && said.contains("all topics are there"), "{said}");
    let groups_are_missed = ["Read the groups with our prefix", "--group PREFIX"];
    secure.role_ends("sink", &url, &groups_are_missed);
    secure.allow(groups);
    secure.role_ends("process", &url, &["begin transactions of", "--transactional-id PREFIX"]);
    secure.allow(transactions);

    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let demo = lab::free_port().to_string();
    let began = Instant::now();
    let mut roles = Vec::new();
    for role in ["process", "sink", "api", "connect"] {
        let mut command = secure.role(role, state, &url, &listen);
        if role == "connect" {
            command.envs([("OPSC_DEMO", "1"), ("OPSC__DEMO__INTERVAL_MS", "1000")]);
            command.env("OPSC__DEMO__PORT", &demo);
        }
        roles.push(Killed(command.spawn().unwrap()));
    }
    let pool = PgPool::connect_lazy(&url).unwrap();
    until_serials(120, &pool, state).await;
    println!("120 answers in the database after {:?}", began.elapsed());
    for role in roles {
        role.stop();
    }
    assert!(serials(&pool).await.values().all(|count| *count == 1));
    let said = std::fs::read_to_string(state.join("out")).unwrap();
    assert!(!said.contains("ERROR") && !said.contains(&secure.secret), "{said}");
}
