//! What is configured: the last version and every version, and how long they stay.

use bytes::Bytes;
use schemas::{Entity, EntityKey};

use crate::testing::{NOW, TestDb, each_tier, record, write};
use crate::{EntityVersions, LatestEntities, Retention, Sink, SinkRecord, SqlSink, retain};

const DAY_MS: i64 = 86_400_000;

fn entity(id: &str, revision: i64, name: &str) -> Entity {
    Entity {
        tenant: "default".to_owned(),
        kind: "device_group".to_owned(),
        id: id.to_owned(),
        revision,
        name: name.to_owned(),
        present: true,
        body: Some(format!(r#"{{"name":"{name}","devices":[]}}"#)),
        by: "ada".to_owned(),
        at: NOW,
    }
}

fn removal(id: &str, revision: i64) -> Entity {
    Entity { present: false, body: None, ..entity(id, revision, "last") }
}

fn tombstone(offset: i64, key: &EntityKey) -> SinkRecord {
    let key = Some(Bytes::from(key.to_string()));
    SinkRecord { partition: 0, offset, timestamp_ms: NOW, key, value: None }
}

async fn check(db: &TestDb, query: &str, expected: &[&str]) {
    assert_eq!(db.lines(query).await, expected, "{query}");
}

const LATEST: &str = "SELECT concat_ws(' ', id, revision, name, body->>'name', by) FROM entity
                      ORDER BY id";
const VERSIONS: &str = "SELECT concat_ws(' ', id, revision, name, present, body->>'name')
                        FROM entity_history ORDER BY id, revision";

#[tokio::test]
async fn the_last_version_is_kept_and_a_tombstone_removes_it() {
    each_tier(async |db| {
        let mut sink = db.sink::<LatestEntities>().await;
        let (one, two) = (entity("one", 5, "uno"), entity("two", 6, "due"));
        // The revision of a writer without a command may be lower: the topic's order counts.
        let lower = entity("two", 4, "zwei");
        let records = vec![record(0, 0, &one), record(0, 1, &two), record(0, 2, &lower)];
        assert_eq!(write(&mut sink, records).await.rows, 2);
        check(db, LATEST, &["one 5 uno uno ada", "two 4 zwei zwei ada"]).await;
        let records = vec![
            tombstone(3, &two.key()),
            record(0, 4, &entity("three", 7, "tre")),
            tombstone(5, &entity("three", 7, "").key()),
            tombstone(6, &EntityKey::parse("default/device_group/none").unwrap()),
            record(0, 7, &entity("one", 8, "\u{fc}no \\u00e9")),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 2);
        check(db, "SELECT concat_ws(' ', id, revision) FROM entity", &["one 8"]).await;
        // Of another tenant or kind it is another one.
        let others = [
            Entity { tenant: "other".to_owned(), ..entity("one", 1, "a") },
            Entity { kind: "credential".to_owned(), ..entity("one", 2, "b") },
        ];
        let records = vec![record(1, 0, &others[0]), record(1, 1, &others[1])];
        assert_eq!(write(&mut sink, records).await.rows, 2);
        assert_eq!(db.one("SELECT count(*) FROM entity").await, "3");
    })
    .await;
}

#[tokio::test]
async fn every_version_is_kept_once() {
    each_tier(async |db| {
        let mut sink = db.sink::<EntityVersions>().await;
        let records = vec![
            record(0, 0, &entity("one", 5, "uno")),
            record(0, 1, &entity("one", 6, "eins")),
            record(0, 2, &removal("one", 7)),
            record(0, 3, &entity("two", 5, "first")),
            record(0, 4, &entity("two", 5, "same revision")),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 4);
        let expected = [
            "one 5 uno t uno",
            "one 6 eins t eins",
            "one 7 last f",
            "two 5 same revision t same revision",
        ];
        check(db, VERSIONS, &expected).await;
        // Another log that has the same ones.
        let again = record(1, 0, &entity("one", 6, "eins"));
        assert_eq!(write(&mut sink, vec![again]).await.rows, 1);
        check(db, VERSIONS, &expected).await;
    })
    .await;
}

#[tokio::test]
async fn versions_leave_after_400_days_but_for_what_is_there() {
    each_tier(async |db| {
        let mut latest = db.sink::<LatestEntities>().await;
        let mut versions = db.sink::<EntityVersions>().await;
        let aged = |entity: Entity, days: i64| Entity { at: NOW - days * DAY_MS, ..entity };
        let history = [
            aged(entity("one", 5, "old"), 500),
            aged(entity("one", 6, "old and the last"), 401),
            aged(entity("two", 5, "old"), 401),
            aged(removal("two", 6), 401),
            aged(entity("three", 5, "young"), 399),
        ];
        let records = (0..).zip(&history).map(|(n, entity)| record(0, n, entity)).collect();
        write(&mut versions, records).await;
        write(&mut latest, vec![record(0, 0, &history[1]), record(0, 1, &history[4])]).await;
        let gone = retain(&db.pool, &Retention::default(), NOW).await.unwrap();
        assert_eq!(gone.rows, 3);
        let left = "SELECT name FROM entity_history ORDER BY name";
        check(db, left, &["old and the last", "young"]).await;
    })
    .await;
}

#[test]
fn odd_versions_are_refused() {
    let options = sqlx::postgres::PgConnectOptions::new();
    let store = schemas::SchemaStore::new();
    let latest = SqlSink::<LatestEntities>::new(options.clone(), "log", "entity", store.clone());
    let versions = SqlSink::<EntityVersions>::new(options, "log", "entity-history", store);
    let odd = |change: fn(&mut Entity)| {
        let mut entity = entity("one", 5, "uno");
        change(&mut entity);
        record(0, 0, &entity)
    };
    let records = || {
        vec![
            odd(|it| it.id = "x".repeat(257)),
            odd(|it| it.name = "a\0b".to_owned()),
            odd(|it| it.revision = -1),
            odd(|it| it.body = Some("{".to_owned())),
            odd(|it| it.body = Some(r#"{"name":"\u0000"}"#.to_owned())),
        ]
    };
    assert!(latest.prepare(records()).1.iter().all(|poison| poison.reason == "malformed"));
    assert_eq!(latest.prepare(records()).1.len(), 5);
    assert_eq!(versions.prepare(records()).1.len(), 5);
    let stray = SinkRecord {
        key: Some(Bytes::from("default/x")),
        ..tombstone(0, &entity("a", 1, "").key())
    };
    let refused = latest.prepare(vec![stray]).1;
    assert!(refused[0].error.contains("tenant/kind/id"), "{}", refused[0].error);
    let none = versions.prepare(vec![tombstone(0, &entity("a", 1, "").key())]).1;
    assert_eq!(none.len(), 1, "a tombstone in a topic that has none");
}
