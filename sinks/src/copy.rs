//! Binary COPY, encoded here into large pieces.
//!
//! Format: <https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT>

use sqlx::PgConnection;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &(-1i16).to_be_bytes();
/// A piece is sent when it has grown to this size.
const PIECE_BYTES: usize = 256 * 1024;
/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH_US: i64 = 946_684_800_000_000;

/// A sample as the table holds it; the time in ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SampleRow {
    pub(crate) series: i64,
    pub(crate) ts_ms: i64,
    pub(crate) value: f64,
    pub(crate) flags: i16,
}

fn put_sample(buffer: &mut Vec<u8>, row: &SampleRow) {
    let mut bytes = [0u8; 44];
    let time_us = row.ts_ms.saturating_mul(1000).saturating_sub(EPOCH_US);
    bytes[0..2].copy_from_slice(&4i16.to_be_bytes());
    bytes[2..6].copy_from_slice(&8i32.to_be_bytes());
    bytes[6..14].copy_from_slice(&row.series.to_be_bytes());
    bytes[14..18].copy_from_slice(&8i32.to_be_bytes());
    bytes[18..26].copy_from_slice(&time_us.to_be_bytes());
    bytes[26..30].copy_from_slice(&8i32.to_be_bytes());
    bytes[30..38].copy_from_slice(&row.value.to_be_bytes());
    bytes[38..42].copy_from_slice(&2i32.to_be_bytes());
    bytes[42..44].copy_from_slice(&row.flags.to_be_bytes());
    buffer.extend_from_slice(&bytes);
}

/// Copies samples by `statement` (`COPY … (series_id, ts, value, flags) FROM STDIN BINARY`).
///
/// The copy is always finished, so the connection stays usable after the database's refusal. A
/// future that is dropped half-way leaves it unusable: whoever drops it drops the connection too.
pub(crate) async fn copy_samples(
    conn: &mut PgConnection,
    statement: &str,
    rows: impl Iterator<Item = SampleRow>,
) -> Result<u64, sqlx::Error> {
    let mut copy = conn.copy_in_raw(statement).await?;
    let mut buffer = Vec::with_capacity(PIECE_BYTES + 64);
    buffer.extend_from_slice(HEADER);
    for row in rows {
        put_sample(&mut buffer, &row);
        if buffer.len() >= PIECE_BYTES {
            copy.send(&buffer[..]).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(TRAILER);
    copy.send(&buffer[..]).await?;
    copy.finish().await
}
