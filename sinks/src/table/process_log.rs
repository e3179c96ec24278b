//! Warnings and errors of all processes: one row a line.

use std::collections::BTreeMap;

use schemas::{DeviceId, ProcessLog};
use serde::Serialize;
use sqlx::PgConnection;

use crate::check::{self, MAX_NAME, MAX_TEXT, Refusal};
use crate::table::{Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, puts};

/// Most fields of a line.
const MAX_FIELDS: usize = 64;

/// `ProcessLog` → `process_log`.
#[derive(Debug)]
pub struct ProcessLogs;

#[derive(Serialize)]
struct LineRow<'a> {
    at: i64,
    instance: &'a str,
    level: &'a str,
    component: &'a str,
    target: &'a str,
    message: &'a str,
    fields: BTreeMap<&'a str, &'a str>,
    suppressed: i64,
}

impl<'a> LineRow<'a> {
    fn of(line: &'a ProcessLog) -> Self {
        Self {
            at: line.at,
            instance: &line.instance,
            level: &line.level,
            component: &line.component,
            target: &line.target,
            message: &line.message,
            fields: line.fields.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect(),
            suppressed: line.suppressed,
        }
    }
}

impl Table for ProcessLogs {
    const NAME: &'static str = "process-log";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
    type Record = ProcessLog;
    type Key = DeviceId;

    fn check(line: &ProcessLog, _append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("instance", &line.instance, MAX_NAME),
            ("component", &line.component, MAX_NAME),
            ("target", &line.target, MAX_NAME),
            ("message", &line.message, MAX_TEXT),
        ])?;
        if !matches!(line.level.as_str(), "warn" | "error") {
            let error = format!("level {:?} is neither warn nor error", line.level);
            return Err(Refusal::malformed(error));
        }
        if line.fields.len() > MAX_FIELDS {
            let error = format!("{} fields, at most {MAX_FIELDS} are taken", line.fields.len());
            return Err(Refusal::malformed(error));
        }
        for field in &line.fields {
            check::texts(&[("name", &field.name, MAX_NAME), ("value", &field.value, MAX_TEXT)])?;
        }
        // A wrong clock must not hide what its machine says.
        check::label("at", line.at)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<ProcessLog>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let lines: Vec<_> = puts(rows).map(LineRow::of).collect();
        let rows = execute_json(conn, INSERT, &lines).await?;
        Ok(Counts { rows, duplicates: 0 })
    }
}

/// No line is later than its arrival: a clock that runs ahead must not put one above all others.
const INSERT: &str = "
INSERT INTO process_log (at, instance, level, component, target, message, fields, suppressed)
SELECT least(to_timestamp(at / 1000.0), date_trunc('milliseconds', now())), instance, level,
    component, target, message, fields, suppressed
FROM jsonb_to_recordset($1) AS r (at bigint, instance text, level text, component text,
    target text, message text, fields jsonb, suppressed bigint)";
