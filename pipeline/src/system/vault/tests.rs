//! Keys and rows in a real database.

use std::str::FromStr as _;
use std::sync::Mutex;

use api::Vault as _;
use connectors::{Credential, CredentialError, Credentials as _};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};
use vault::{KeyFile, KeyId, Kind, MasterKey, Sealing, inspect};
use zeroize::Zeroizing;

use super::*;

mod changes;

/// As version 0.1 wrote the credential `lab` with community `public` and the key of 32 times 7.
const OLD: &str = "\
    01000102030405060708090a0b0c0d0e0f1011121314151617d335c8ea97712ecb4cb3f865dcc0df\
    d93dba517436db151a9a73d3a3a0eee7f96e4ed01ac7f77c8df725c01b2c572993bdfdb5be9b4356\
    9f";

/// Who decides on entities: keeps what it was asked for, and answers as a test wants.
#[derive(Default)]
struct Decides {
    asked: Mutex<Vec<EntityRequest>>,
    /// Instead of that it was applied.
    answer: Mutex<Option<Result<EntityReply, PortError>>>,
}

impl api::Entities for Decides {
    fn apply(&self, request: EntityRequest) -> PortFuture<'_, Result<EntityReply, PortError>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(request);
        let revision = asked.len() as i64;
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move { answer.unwrap_or(Ok(EntityReply::Applied { revision })) })
    }
}

impl Decides {
    fn answers(&self, answer: Result<EntityReply, PortError>) {
        *self.answer.lock().unwrap() = Some(answer);
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<EntityRequest> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

struct World {
    pool: PgPool,
    decides: Arc<Decides>,
    store: Store,
    folder: tempfile::TempDir,
}

impl World {
    /// None, and says so: there is no database.
    async fn new(name: &str) -> Option<Self> {
        let Ok(url) = std::env::var("OPSC_TEST_DATABASE_URL") else {
            let required = std::env::var_os("OPSC_TEST_REQUIRED").is_some();
            assert!(!required, "OPSC_TEST_DATABASE_URL is not set");
            eprintln!("SKIPPED: OPSC_TEST_DATABASE_URL is not set (make test sets it)");
            return None;
        };
        let options = PgConnectOptions::from_str(&url).unwrap();
        let name = format!("vault_{name}_{}", std::process::id());
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        let pool =
            PgPoolOptions::new().max_connections(10).connect_lazy_with(options.database(&name));
        sinks::migrate(&pool, &sinks::MigrateOptions::default()).await.unwrap();
        let decides = Arc::new(Decides::default());
        let store = Store::new(pool.clone(), Arc::clone(&decides) as Arc<dyn api::Entities>);
        Some(Self { pool, decides, store, folder: tempfile::tempdir().unwrap() })
    }

    fn file(&self, name: &str) -> KeyFile {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        KeyFile::at(folder.join("vault.key"))
    }

    async fn open(&self, file: &KeyFile) -> Result<Keyring, VaultError> {
        Keyring::open(self.pool.clone(), file.clone()).await
    }

    async fn put(&self, name: &str, community: &str) -> Result<StoredCredential, PortError> {
        self.store.put(name.to_owned(), secret(community), "ada".to_owned()).await
    }

    /// A row that an older version sealed.
    async fn old_row(&self) {
        self.old_row_as("lab").await;
    }

    async fn old_row_as(&self, name: &str) {
        let digits = OLD.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        let sealed: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
        sqlx::query("INSERT INTO credential (name, kind, sealed) VALUES ($1, 'snmp_v2c', $2)")
            .bind(name)
            .bind(sealed)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    async fn sealing(&self, name: &str) -> Option<Sealing> {
        inspect(&rows::find(&self.pool, name).await.unwrap().unwrap().sealed)
    }
}

fn secret(community: &str) -> Secret {
    let given = [("community".to_owned(), Zeroizing::new(community.to_owned()))];
    Secret::new(Kind::named("snmp_v2c").unwrap(), given.into()).unwrap()
}

fn old_key(file: &KeyFile) -> KeyId {
    vault::write_private(file.path(), &[7; 32]).unwrap();
    MasterKey::from_bytes(&[7; 32]).id()
}

async fn community(keyring: &Keyring, name: &str) -> Result<String, CredentialError> {
    match keyring.get(name).await? {
        Credential::SnmpV2c { community } => Ok(community.expose().to_owned()),
        other => panic!("{other:?}"),
    }
}

fn refused(result: Result<Keyring, VaultError>, parts: &[&str]) {
    let error = result.err().expect("it opens").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_with_different_keys_do_not_share_a_database() {
    let Some(world) = World::new("keys").await else { return };
    let early = world.put("lab", "public").await.unwrap_err().to_string();
    assert!(early.contains("no key yet") && early.contains("role connect"), "{early}");
    let (one, two, three) = (world.file("one"), world.file("two"), world.file("three"));
    let first = world.open(&one).await.unwrap();
    let id = first.id().to_string();
    world.put("lab", "public").await.unwrap();
    assert_eq!(community(&first, "lab").await.as_deref(), Ok("public"));

    let path = two.path().display().to_string();
    let none = format!("there is no file {path}");
    refused(world.open(&two).await, &[&none, &id, "OPSC_VAULT_KEY_FILE", "vault reset"]);
    assert!(two.read().unwrap().is_none(), "a key was made although there is one");
    let other = old_key(&three).to_string();
    refused(world.open(&three).await, &["holds key", &other, &id]);
    std::fs::copy(one.path(), two.path()).unwrap();
    assert_eq!(world.open(&two).await.unwrap().id().to_string(), id);

    for (file, good, part) in [(&one, true, "credentials  1"), (&three, false, "cannot poll")] {
        let report = admin::status(&world.pool, file).await.unwrap();
        assert!(report.good == good && report.text.contains(part), "{}", report.text);
    }
    // The key's row alone is gone: what is sealed still says whose it is.
    sqlx::query("DELETE FROM vault_key").execute(&world.pool).await.unwrap();
    refused(world.open(&three).await, &["opens none of them"]);
    assert_eq!(world.open(&two).await.unwrap().id().to_string(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_start_at_once_one_makes_the_key() {
    let Some(world) = World::new("once").await else { return };
    let files: Vec<KeyFile> = (0..6).map(|number| world.file(&number.to_string())).collect();
    let opened = futures::future::join_all(files.iter().map(|file| world.open(file))).await;
    assert_eq!(opened.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(files.iter().filter(|file| file.read().unwrap().is_some()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_sealed_is_read_and_brought_forward() {
    let Some(world) = World::new("old").await else { return };
    world.old_row().await;
    let (file, empty, other) = (world.file("one"), world.file("empty"), world.file("other"));
    refused(world.open(&empty).await, &["1 credentials", "there is no file", "credential remove"]);
    assert!(empty.read().unwrap().is_none());
    other.make().unwrap();
    refused(world.open(&other).await, &["opens none of them", "vault.key"]);

    old_key(&file);
    let (one, two) = (world.open(&file).await.unwrap(), world.open(&file).await.unwrap());
    assert_eq!(community(&one, "lab").await.as_deref(), Ok("public"));
    assert_eq!(world.sealing("lab").await, Some(Sealing::Direct));
    let report = admin::status(&world.pool, &file).await.unwrap();
    assert!(report.good && report.text.contains("1 of them sealed by an older"), "{}", report.text);
    let (a, b) = tokio::join!(one.reseal(), two.reseal());
    assert_eq!(a.unwrap().0 + b.unwrap().0, 1, "each row once");
    assert_eq!(world.sealing("lab").await, Some(Sealing::Envelope(one.id())));
    assert_eq!(community(&two, "lab").await.as_deref(), Ok("public"));
    assert_eq!(one.reseal().await.unwrap().0, 0);

    // A row of an older version by yet another key is left, and said.
    sqlx::query("UPDATE credential SET name = 'moved'").execute(&world.pool).await.unwrap();
    world.old_row().await;
    sqlx::query("UPDATE credential SET name = 'stray' WHERE name = 'lab'")
        .execute(&world.pool)
        .await
        .unwrap();
    let (done, closed) = one.reseal().await.unwrap();
    assert_eq!((done, closed.len()), (0, 1));
    for name in ["moved", "stray"] {
        let error = community(&one, name).await.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("set it again"), "{error}");
        let report = admin::status(&world.pool, &file).await.unwrap();
        assert!(!report.good && report.text.contains(name), "{}", report.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_the_place_of_the_old_one() {
    let Some(world) = World::new("rotate").await else { return };
    let (here, there) = (world.file("here"), world.file("there"));
    let early = admin::rotate(&world.pool, &here).await.unwrap_err().to_string();
    assert!(early.contains("no key yet"), "{early}");
    let old = old_key(&here);
    old_key(&there);
    world.old_row().await;
    let (near, far) = (world.open(&here).await.unwrap(), world.open(&there).await.unwrap());
    world.put("two", "second").await.unwrap();

    let done = admin::rotate(&world.pool, &here).await.unwrap();
    let new = here.read().unwrap().unwrap().id();
    assert_ne!(new, old);
    let parts = [format!("2 credentials are sealed for key {new}"), format!("vault.key.{old}")];
    assert!(parts.iter().all(|part| done.contains(part)), "{done}");
    // Whoever has the file finds the new key in it; elsewhere it is said what to do.
    assert_eq!(community(&near, "lab").await.as_deref(), Ok("public"));
    assert_eq!(near.id(), new);
    let lacks = community(&far, "two").await.unwrap_err().to_string();
    for part in ["two", &new.to_string(), &old.to_string(), "OPSC_VAULT_KEY_FILE"] {
        assert!(lacks.contains(part), "{part}: {lacks}");
    }
    refused(world.open(&there).await, &["holds key", &new.to_string()]);
    let error = admin::rotate(&world.pool, &there).await.unwrap_err().to_string();
    assert!(error.contains(&format!("does not hold key {new}")), "{error}");
    std::fs::copy(here.path(), there.path()).unwrap();
    assert_eq!(community(&far, "two").await.as_deref(), Ok("second"));
    world.put("three", "third").await.unwrap();
    assert_eq!(community(&far, "three").await.as_deref(), Ok("third"));

    // What does not open stops it before anything has changed, and leaves no key behind.
    sqlx::query("UPDATE credential SET kind = 'ssh' WHERE name = 'two'")
        .execute(&world.pool)
        .await
        .unwrap();
    let error = admin::rotate(&world.pool, &here).await.unwrap_err().to_string();
    assert!(error.contains("credential two"), "{error}");
    assert_eq!(community(&near, "lab").await.as_deref(), Ok("public"));
    let files = std::fs::read_dir(here.path().parent().unwrap()).unwrap().count();
    assert_eq!(files, 3, "the key, its copy and the old one's");

    let error = admin::reset(&world.pool, old).await.unwrap_err().to_string();
    assert!(error.contains(&new.to_string()), "{error}");
    let done = admin::reset(&world.pool, new).await.unwrap();
    assert!(done.contains("3 credentials") && done.contains("lab"), "{done}");
    let fresh = world.open(&world.file("fresh")).await.unwrap();
    assert!(matches!(fresh.get("lab").await, Err(CredentialError::Missing(_))));
}

/// Secrets stored while the key changes again and again are all sealed for the last one.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_stored_for_a_key_that_has_gone() {
    let Some(world) = World::new("race").await else { return };
    let file = world.file("one");
    let keyring = world.open(&file).await.unwrap();
    let puts = async {
        for number in 0..60 {
            let name = format!("lab-{}", number % 7);
            world.put(&name, &format!("secret-{number}")).await.unwrap();
        }
    };
    let rotations = async {
        for _ in 0..6 {
            let done = admin::rotate(&world.pool, &file).await;
            assert!(done.is_ok(), "{:?}", done.err());
        }
    };
    let reads = async {
        for number in 0..60 {
            let name = format!("lab-{}", number % 7);
            match community(&keyring, &name).await {
                Ok(text) => assert!(text.starts_with("secret-")),
                Err(CredentialError::Missing(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(puts, rotations, reads);
    let report = admin::status(&world.pool, &file).await.unwrap();
    assert!(report.good && report.text.contains("credentials  7"), "{}", report.text);
    for number in 53..60 {
        let name = format!("lab-{}", number % 7);
        assert_eq!(community(&keyring, &name).await, Ok(format!("secret-{number}")));
    }
}

/// A kind is offered where a connector takes it, and nowhere else.
#[test]
fn what_is_offered_is_what_connectors_take() {
    for kind in vault::KINDS {
        let mut json = serde_json::json!({ "kind": kind.name });
        for field in kind.fields.iter().filter(|field| field.required && field.when.is_none()) {
            json[field.name] = match field.form {
                vault::Form::Text { .. } | vault::Form::Lines { .. } => "text".into(),
                vault::Form::Choice(choices) => choices[0].value.into(),
            };
        }
        let taken = serde_json::from_value::<Credential>(json);
        assert_eq!(taken.is_ok(), !kind.used_by.is_empty(), "{}: {taken:?}", kind.name);
    }
}
