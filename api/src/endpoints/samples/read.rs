//! The queries behind a chart, and the breaks in its line.

use chrono::{DateTime, Utc};
use schemas::SeriesId;
use sqlx::PgPool;
use uuid::Uuid;

use super::gaps::{Intervals, Line, break_line};
use super::resolution::{HOUR_MS, Resolution};
use super::{Band, GapItem, MAX_MARKS, MAX_POINTS};
use crate::endpoints::{ms, now_ms, time};
use crate::http::ApiError;

/// Raw samples may be denser than the device's interval of today says; at most so many times.
const RAW_SLACK: i64 = 2;

/// How far back the running bucket is made of samples: what is older has been closed.
const RAW_TAIL_MS: i64 = 2 * HOUR_MS;

/// How long the last band is held after its bucket: bands are written when a bucket closes.
const BAND_HELD_MS: i64 = 15 * 60_000;

/// A range that ends so long ago still reaches the present.
const PRESENT_MS: i64 = 60_000;

/// Changes of the interval that are looked at; the newest.
const MAX_INTERVALS: i64 = 1_000;

#[derive(sqlx::FromRow)]
pub(super) struct SeriesRow {
    id: i64,
    pub(super) device: Uuid,
    pub(super) device_name: String,
    pub(super) metric: String,
    pub(super) instance: String,
    pub(super) unit: String,
    pub(super) state: bool,
    interval_ms: i64,
}

pub(super) async fn series(pool: &PgPool, id: SeriesId) -> Result<SeriesRow, ApiError> {
    sqlx::query_as(
        "SELECT s.id, s.device, coalesce(d.name, s.device::text) AS device_name, s.metric, \
            s.instance, s.unit, s.state, coalesce(d.interval_ms, 60000) AS interval_ms \
         FROM series s LEFT JOIN device d ON d.id = s.device WHERE s.id = $1",
    )
    .bind(id.0)
    .fetch_optional(pool)
    .await?
    .ok_or_else(|| ApiError::NotFound { what: "series", id: id.to_string() })
}

/// How far apart the polls of a series were, by their own word; what the inventory says where
/// they have not said it. States are kept on change and once an hour.
pub(super) async fn intervals(
    pool: &PgPool,
    series: &SeriesRow,
    to: i64,
) -> Result<Intervals, ApiError> {
    let rows: Vec<(DateTime<Utc>, i64)> = sqlx::query_as(
        "SELECT since, interval_ms FROM device_interval WHERE device = $1 AND since < $2 \
         ORDER BY since DESC LIMIT $3",
    )
    .bind(series.device)
    .bind(time(to))
    .bind(MAX_INTERVALS)
    .fetch_all(pool)
    .await?;
    let least = if series.state { HOUR_MS } else { 1 };
    let rows = rows.into_iter().rev().map(|(since, interval)| (ms(since), interval)).collect();
    Ok(Intervals::new(rows, series.interval_ms, least))
}

/// When the series was measured last; none: never, as far as is kept.
pub(super) async fn newest(pool: &PgPool, series: SeriesId) -> Result<Option<i64>, ApiError> {
    let newest: Option<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT greatest( \
            (SELECT ts FROM sample WHERE series_id = $1 ORDER BY ts DESC LIMIT 1), \
            (SELECT bucket FROM rollup_1h WHERE series_id = $1 ORDER BY bucket DESC LIMIT 1), \
            (SELECT bucket FROM rollup_1d WHERE series_id = $1 ORDER BY bucket DESC LIMIT 1))",
    )
    .bind(series.0)
    .fetch_one(pool)
    .await?;
    Ok(newest.map(ms))
}

/// A range in points.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) points: i64,
}

/// The finest line that fits.
pub(super) async fn line(
    pool: &PgPool,
    series: &SeriesRow,
    range: Range,
    intervals: &Intervals,
    marks: &[GapItem],
) -> Result<Line, ApiError> {
    let Range { from, to, points } = range;
    let interval_ms = intervals.at(to);
    let end = to.min(now_ms());
    let chosen = Resolution::choose(to - from, interval_ms, points);
    let mut resolution = chosen;
    loop {
        let width = resolution.width_ms(to - from, interval_ms, points);
        let mut rows = points_of(pool, series.id, resolution, width, from, to).await?;
        let mut running_from = None;
        if resolution != Resolution::Raw {
            let closed = rows.last().map_or(align(from, width), |row| ms(row.0) + width);
            let tail = tail(pool, series.id, width, closed, to).await?;
            running_from = tail.first().map(|row| ms(row.0));
            rows.extend(tail);
        }
        // Denser than the interval of today says, or older than what is kept so fine.
        let fits = !rows.is_empty() && rows.len() as i64 <= points * RAW_SLACK;
        match resolution.coarser() {
            Some(coarser) if !fits => resolution = coarser,
            _ => {
                let (resolution, width) =
                    if rows.is_empty() { (chosen, 0) } else { (resolution, width) };
                let line = Line { running_from, ..Line::new(resolution, width) };
                return Ok(break_line(line, intervals, end, &rows, marks));
            }
        }
    }
}

/// Time, value, smallest, largest.
pub(super) type Point = (DateTime<Utc>, f64, f64, f64);

const RAW: &str = "SELECT ts, value, value, value FROM sample \
    WHERE series_id = $1 AND ts >= $2 AND ts < $3 ORDER BY ts LIMIT $4";

const THINNED: &str = "SELECT date_bin($5 * interval '1 ms', ts, 'epoch') AS at, \
        avg(value), min(value), max(value) FROM sample \
    WHERE series_id = $1 AND ts >= $2 AND ts < $3 GROUP BY 1 ORDER BY 1 LIMIT $4";

macro_rules! rollup {
    ($table:literal) => {
        concat!(
            "SELECT bucket, sum / greatest(count, 1), min, max FROM ",
            $table,
            " WHERE series_id = $1 AND bucket >= $2 AND bucket < $3 ORDER BY bucket LIMIT $4"
        )
    };
}

async fn points_of(
    pool: &PgPool,
    series: i64,
    resolution: Resolution,
    width_ms: i64,
    from: i64,
    to: i64,
) -> Result<Vec<Point>, ApiError> {
    let sql = match resolution {
        Resolution::Raw if width_ms > 0 => THINNED,
        Resolution::Raw => RAW,
        Resolution::FiveMinutes => rollup!("rollup_5m"),
        Resolution::Hour => rollup!("rollup_1h"),
        Resolution::Day => rollup!("rollup_1d"),
    };
    let mut query = sqlx::query_as(sql)
        .bind(series)
        // The bucket that the range begins in belongs to it.
        .bind(time(align(from, width_ms)))
        .bind(time(to))
        .bind(MAX_POINTS * RAW_SLACK + 1);
    if sql == THINNED {
        query = query.bind(width_ms);
    }
    Ok(query.fetch_all(pool).await?)
}

fn align(at: i64, step: i64) -> i64 {
    if step > 0 { at - at.rem_euclid(step) } else { at }
}

/// Buckets that have not closed yet, from the widths below and the samples after those.
const TAIL: &str = "\
    WITH hours AS ( \
        SELECT bucket, count, sum, min, max FROM rollup_1h \
        WHERE series_id = $1 AND bucket >= $2 AND bucket < $3 AND $4 > 3600000), \
    fives AS ( \
        SELECT bucket, count, sum, min, max FROM rollup_5m \
        WHERE series_id = $1 AND bucket < $3 AND $4 > 300000 \
          AND bucket >= coalesce((SELECT max(bucket) + interval '1 hour' FROM hours), $2)), \
    samples AS ( \
        SELECT ts AS bucket, 1 AS count, value AS sum, value AS min, value AS max FROM sample \
        WHERE series_id = $1 AND ts >= $5 AND ts < $3 \
          AND ts >= coalesce((SELECT max(bucket) + interval '5 minutes' FROM fives), \
                             (SELECT max(bucket) + interval '1 hour' FROM hours), $2)) \
    SELECT date_bin($4 * interval '1 ms', bucket, 'epoch') AS at, \
        sum(sum) / greatest(sum(count), 1), min(min), max(max) \
    FROM (TABLE hours UNION ALL TABLE fives UNION ALL TABLE samples) finer \
    GROUP BY 1 ORDER BY 1 LIMIT $6";

async fn tail(
    pool: &PgPool,
    series: i64,
    width_ms: i64,
    closed: i64,
    to: i64,
) -> Result<Vec<Point>, ApiError> {
    if closed >= to {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as(TAIL)
        .bind(series)
        .bind(time(closed))
        .bind(time(to))
        .bind(width_ms)
        .bind(time(closed.max(to - RAW_TAIL_MS)))
        .bind(MAX_POINTS)
        .fetch_all(pool)
        .await?)
}

/// The band at the line's step; the baseline's own step is 5 minutes.
pub(super) async fn band(
    pool: &PgPool,
    series: SeriesId,
    from: i64,
    to: i64,
    resolution: Resolution,
) -> Result<Band, ApiError> {
    // Rare samples are shown raw over long ranges: the band must still be bounded.
    let step = Resolution::choose(to - from, Resolution::FiveMinutes.bucket_ms(), MAX_POINTS);
    let width = resolution.bucket_ms().max(step.bucket_ms());
    let rows: Vec<Point> = if width <= Resolution::FiveMinutes.bucket_ms() {
        sqlx::query_as(
            "SELECT bucket, expected, lower, upper FROM baseline \
             WHERE series_id = $1 AND bucket >= $2 AND bucket < $3 ORDER BY bucket LIMIT $4",
        )
        .bind(series.0)
        .bind(time(align(from, Resolution::FiveMinutes.bucket_ms())))
    } else {
        sqlx::query_as(
            "SELECT date_bin($5 * interval '1 ms', bucket, 'epoch') AS at, \
                avg(expected), avg(lower), avg(upper) FROM baseline \
             WHERE series_id = $1 AND bucket >= $2 AND bucket < $3 \
             GROUP BY 1 ORDER BY 1 LIMIT $4",
        )
        .bind(series.0)
        .bind(time(align(from, width)))
    }
    .bind(time(to))
    .bind(MAX_POINTS * RAW_SLACK)
    .bind(width)
    .fetch_all(pool)
    .await?;
    let mut band = Band::default();
    let finite = |value: f64| value.is_finite().then_some(value);
    for (at, expected, lower, upper) in rows {
        // A range without an expectation is a hole in the band.
        let Some(expected) = finite(expected) else { continue };
        band.at.push(ms(at));
        band.expected.push(expected);
        band.lower.push(finite(lower));
        band.upper.push(finite(upper));
    }
    hold_band(&mut band, to, now_ms(), width);
    Ok(band)
}

/// Holds the last band up to the present, where the range reaches it.
fn hold_band(band: &mut Band, to: i64, now: i64, width_ms: i64) {
    let end = to.min(now);
    let (Some(last), Some(expected)) = (band.at.last(), band.expected.last()) else { return };
    let (lower, upper) = (band.lower.last().copied(), band.upper.last().copied());
    let held = width_ms.max(Resolution::FiveMinutes.bucket_ms()) + BAND_HELD_MS;
    if to + PRESENT_MS < now || end <= *last || end - last > held {
        return;
    }
    let expected = *expected;
    band.at.push(end);
    band.expected.push(expected);
    band.lower.push(lower.flatten());
    band.upper.push(upper.flatten());
}

/// Why samples are missing, oldest first.
pub(super) async fn gaps(
    pool: &PgPool,
    series: SeriesId,
    from: i64,
    to: i64,
) -> Result<Vec<GapItem>, ApiError> {
    let rows: Vec<(DateTime<Utc>, String)> = sqlx::query_as(
        "SELECT ts, reason FROM sample_gap WHERE series_id = $1 AND ts >= $2 AND ts < $3 \
         ORDER BY ts DESC LIMIT $4",
    )
    .bind(series.0)
    .bind(time(from))
    .bind(time(to))
    .bind(MAX_MARKS)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().rev().map(|(at, reason)| GapItem { at: ms(at), reason }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_band_is_held_to_the_present() {
        let check = |to: i64, now: i64, expected: &[i64]| {
            let mut band = Band {
                at: vec![0, 300_000],
                expected: vec![1.0, 2.0],
                lower: vec![None, Some(1.0)],
                upper: vec![None, Some(3.0)],
            };
            hold_band(&mut band, to, now, 0);
            assert_eq!(band.at, expected, "{to} {now}");
            assert_eq!((band.expected.len(), band.lower.len()), (band.at.len(), band.at.len()));
        };
        check(900_000, 900_000, &[0, 300_000, 900_000]);
        check(2_000_000, 900_000, &[0, 300_000, 900_000]);
        // A range of the past, and a band that is no longer written.
        check(600_000, 9_000_000, &[0, 300_000]);
        check(9_000_000, 9_000_000, &[0, 300_000]);
    }
}
