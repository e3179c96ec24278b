//! Changes, and what those who decide answer.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_asked_for_without_its_secret() {
    let Some(world) = World::new("changes").await else { return };
    world.open(&world.file("one")).await.unwrap();
    let (lab, ada) = (|| "lab".to_owned(), || "ada".to_owned());
    assert!(world.store.create(lab(), secret("canary-1"), ada()).await.unwrap().is_some());
    assert!(world.store.create(lab(), secret("canary-2"), ada()).await.unwrap().is_none());
    world.put("lab", "canary-3").await.unwrap();
    let removed = world.store.delete(lab(), ada()).await.unwrap();
    assert_eq!(removed, EntityReply::Applied { revision: 3 });
    world.put("lab", "canary-4").await.unwrap();
    let asked = world.decides.asked();
    assert!(!format!("{asked:?}").contains("canary"), "{asked:?}");
    let mut versions = Vec::new();
    for request in &asked {
        let EntityRequest { kind, id, expected, body, by } = request;
        assert_eq!((*kind, &id[..], *expected, &by[..]), ("credential", "lab", None, "ada"));
        let body: Option<serde_json::Value> =
            body.as_ref().map(|body| serde_json::from_str(body).unwrap());
        versions.push(body.map(|body| {
            assert_eq!((&body["name"], &body["kind"]), (&"lab".into(), &"snmp_v2c".into()));
            body["version"].as_i64().unwrap()
        }));
    }
    let there: Vec<bool> = versions.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, true, false, true]);
    let versions: Vec<i64> = versions.into_iter().flatten().collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_devices_use_stays_and_what_nobody_knows_goes() {
    let Some(world) = World::new("uses").await else { return };
    let keyring = world.open(&world.file("one")).await.unwrap();
    world.put("lab", "public").await.unwrap();
    let delete = || world.store.delete("lab".to_owned(), "ada".to_owned());
    let problem = EntityProblem { field: String::new(), detail: "1 device uses it: r1".to_owned() };
    world.decides.answers(Ok(EntityReply::Refused(vec![problem.clone()])));
    assert_eq!(delete().await.unwrap(), EntityReply::Refused(vec![problem]));
    world.decides.answers(Err(PortError::Unavailable("nobody decides".to_owned())));
    assert!(delete().await.is_err());
    assert_eq!(community(&keyring, "lab").await.as_deref(), Ok("public"));
    // A row that nobody decided on, e.g. of a release before.
    world.decides.answers(Ok(EntityReply::NotFound));
    assert_eq!(delete().await.unwrap(), EntityReply::Applied { revision: 0 });
    assert_eq!(delete().await.unwrap(), EntityReply::NotFound);
    assert!(matches!(keyring.get("lab").await, Err(CredentialError::Missing(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_stored_although_nobody_decides_and_declared_later() {
    let Some(world) = World::new("later").await else { return };
    let keyring = world.open(&world.file("one")).await.unwrap();
    world.decides.answers(Err(PortError::Unavailable("nobody decides".to_owned())));
    world.put("lab", "public").await.unwrap();
    world.old_row_as("old").await;
    assert_eq!(community(&keyring, "lab").await.as_deref(), Ok("public"));
    assert!(world.store.declare().await.is_err());
    world.decides.asked();
    world.decides.answers(Ok(EntityReply::Conflict { revision: 7 }));
    world.store.declare().await.unwrap();
    let mut asked = world.decides.asked();
    asked.sort_by(|a, b| a.id.cmp(&b.id));
    let found: Vec<_> = asked.iter().map(|it| (&it.id[..], it.expected, &it.by[..])).collect();
    assert_eq!(found, [("lab", Some(0), "vault"), ("old", Some(0), "vault")]);
    let refused = EntityProblem { field: String::new(), detail: "too many".to_owned() };
    world.decides.answers(Ok(EntityReply::Refused(vec![refused])));
    world.store.undeclared.store(false, Ordering::Relaxed);
    let error = world.put("more", "public").await.unwrap_err().to_string();
    assert!(error.contains("more is stored") && error.contains("too many"), "{error}");
    assert!(world.store.undeclared.swap(false, Ordering::Relaxed));
    assert_eq!(community(&keyring, "more").await.as_deref(), Ok("public"));
}

/// The entity is removed; whatever row there still is must not stay unknown.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_while_it_is_removed_is_declared_again() {
    let Some(world) = World::new("meanwhile").await else { return };
    world.open(&world.file("one")).await.unwrap();
    let delete = || world.store.delete("lab".to_owned(), "ada".to_owned());
    world.put("lab", "public").await.unwrap();
    world.store.undeclared.store(false, Ordering::Relaxed);
    assert!(matches!(delete().await, Ok(EntityReply::Applied { .. })));
    assert!(!world.store.undeclared.load(Ordering::Relaxed));
    // A row that was not there yet when it was looked for.
    assert!(matches!(delete().await, Ok(EntityReply::Applied { .. })));
    assert!(world.store.undeclared.swap(false, Ordering::Relaxed));
    world.decides.answers(Ok(EntityReply::NotFound));
    assert_eq!(delete().await.unwrap(), EntityReply::NotFound);
    assert!(!world.store.undeclared.load(Ordering::Relaxed));
    // The row cannot be deleted.
    world.decides.answers(Ok(EntityReply::Applied { revision: 9 }));
    world.put("lab", "public").await.unwrap();
    for statement in [
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER no BEFORE DELETE ON credential FOR EACH ROW EXECUTE FUNCTION no()",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    assert!(delete().await.is_err());
    assert!(world.store.undeclared.load(Ordering::Relaxed));
}
