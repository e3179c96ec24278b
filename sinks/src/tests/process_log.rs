//! Warnings and errors of processes: a row a line, whatever the process's clock says.

use schemas::{LogField, ProcessLog};

use crate::testing::{TestDb, each_tier, record, write};
use crate::{ProcessLogs, Retention, Sink, SqlSink, retain};

const DAY_MS: i64 = 86_400_000;

fn line(at: i64, message: &str) -> ProcessLog {
    let field =
        |name: &str, value: &str| LogField { name: name.to_owned(), value: value.to_owned() };
    ProcessLog {
        instance: "connect@a".to_owned(),
        at,
        level: "warn".to_owned(),
        component: "connect poller".to_owned(),
        target: "pipeline::run::poll".to_owned(),
        message: message.to_owned(),
        fields: vec![field("error", "it is \"away\""), field("topic", "poll")],
        suppressed: 3,
    }
}

async fn messages(db: &TestDb) -> Vec<String> {
    db.lines("SELECT message FROM process_log ORDER BY at DESC, id DESC").await
}

#[tokio::test]
async fn lines_become_rows_and_leave_after_seven_days() {
    each_tier(async |db| {
        let mut sink = db.sink::<ProcessLogs>().await;
        let now: i64 = db.one("(extract(epoch FROM now()) * 1000)::bigint").await.parse().unwrap();
        let lines = [
            record(0, 0, &line(now - 8 * DAY_MS, "old")),
            record(1, 0, &line(now - 1_000, "new")),
            // A clock that runs ahead.
            record(0, 1, &line(now + 900 * DAY_MS, "ahead")),
        ];
        assert_eq!(write(&mut sink, lines.into()).await.rows, 3);
        let shown = "SELECT concat_ws(' ', instance, level, component, target, message,
             fields->>'error', fields->>'topic', suppressed) FROM process_log
             WHERE message = 'new'";
        let expected =
            "connect@a warn connect poller pipeline::run::poll new it is \"away\" poll 3";
        assert_eq!(db.lines(shown).await, [expected]);
        assert_eq!(db.one("SELECT count(*) FROM process_log WHERE at > now()").await, "0");
        assert_eq!(messages(db).await, ["ahead", "new", "old"]);
        retain(&db.pool, &Retention::default(), now).await.unwrap();
        assert_eq!(messages(db).await, ["ahead", "new"]);
    })
    .await;
}

#[test]
fn what_no_process_of_ours_writes_is_refused() {
    let options = sqlx::postgres::PgConnectOptions::new();
    let store = schemas::SchemaStore::new();
    let sink = SqlSink::<ProcessLogs>::new(options, "log", "process-log", store);
    let field = LogField { name: "n".to_owned(), value: "x".repeat(20_000) };
    let records = vec![
        record(0, 0, &ProcessLog { level: "info".to_owned(), ..line(0, "fine") }),
        record(0, 1, &line(0, "with\0")),
        record(0, 2, &line(-1, "before all")),
        record(0, 3, &ProcessLog { fields: vec![field], ..line(0, "fine") }),
        record(0, 4, &ProcessLog { instance: "i".repeat(257), ..line(0, "fine") }),
    ];
    let (batch, poison) = sink.prepare(records);
    assert!(batch.is_empty());
    assert!(poison.iter().all(|it| it.reason == "malformed"), "{poison:?}");
    assert_eq!(poison.len(), 5);
}
