//! The queries behind a chart, and the breaks in its line.

use chrono::{DateTime, Utc};
use schemas::SeriesId;
use sqlx::PgPool;
use uuid::Uuid;

use super::resolution::{HOUR_MS, Resolution};
use super::{Band, GapItem, MAX_MARKS, MAX_POINTS};
use crate::endpoints::{ms, time};
use crate::rim::ApiError;

/// Raw samples may be denser than the device's interval of today says; at most so many times.
const RAW_SLACK: i64 = 2;

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

impl SeriesRow {
    /// States are kept on change and once an hour.
    fn interval_ms(&self) -> i64 {
        if self.state { self.interval_ms.max(HOUR_MS) } else { self.interval_ms }
    }
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

/// A line with its breaks.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) resolution: Resolution,
    /// Width of what a point stands for; 0 for a sample.
    pub(super) width_ms: i64,
    pub(super) at: Vec<i64>,
    pub(super) value: Vec<Option<f64>>,
    pub(super) min: Vec<Option<f64>>,
    pub(super) max: Vec<Option<f64>>,
}

/// The finest line that fits.
pub(super) async fn line(
    pool: &PgPool,
    series: &SeriesRow,
    from: i64,
    to: i64,
    points: i64,
) -> Result<Line, ApiError> {
    let interval_ms = series.interval_ms();
    let chosen = Resolution::choose(to - from, interval_ms, points);
    let mut resolution = chosen;
    loop {
        let width = resolution.width_ms(to - from, interval_ms, points);
        let rows = points_of(pool, series.id, resolution, width, from, to).await?;
        // Denser than the interval of today says, or older than what is kept so fine.
        let fits = !rows.is_empty() && rows.len() as i64 <= points * RAW_SLACK;
        match resolution.coarser() {
            Some(coarser) if !fits => resolution = coarser,
            _ if rows.is_empty() => return Ok(break_line(chosen, 0, interval_ms, &rows)),
            _ => return Ok(break_line(resolution, width, interval_ms, &rows)),
        }
    }
}

/// Time, value, smallest, largest.
type Point = (DateTime<Utc>, f64, f64, f64);

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

/// Puts a null where points are too far apart, so that no chart draws a line over a gap.
fn break_line(resolution: Resolution, width_ms: i64, interval_ms: i64, rows: &[Point]) -> Line {
    let bucketed = width_ms > 0;
    // Thinned samples are samples that come more rarely.
    let interval_ms =
        if resolution == Resolution::Raw { interval_ms.max(width_ms) } else { interval_ms };
    let (limit, step) = (resolution.break_ms(interval_ms), resolution.step_ms(interval_ms));
    let mut line =
        Line { resolution, width_ms, at: vec![], value: vec![], min: vec![], max: vec![] };
    let mut push = |at: i64, value: Option<f64>, min: Option<f64>, max: Option<f64>| {
        line.at.push(at);
        line.value.push(value);
        if bucketed {
            line.min.push(min);
            line.max.push(max);
        }
    };
    let finite = |value: f64| value.is_finite().then_some(value);
    let mut before: Option<i64> = None;
    for (at, value, min, max) in rows {
        let at = ms(*at);
        if let Some(before) = before.filter(|before| at - before > limit) {
            push(before + step.min((at - before) / 2), None, None, None);
        }
        push(at, finite(*value), finite(*min), finite(*max));
        before = Some(at);
    }
    line
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
    Ok(band)
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

    fn check(resolution: Resolution, minutes: &[i64], expected: &[(i64, bool)]) {
        let rows: Vec<Point> =
            minutes.iter().map(|minute| (time(minute * 60_000), 1.0, 0.5, 2.0)).collect();
        let line = break_line(resolution, resolution.bucket_ms(), 60_000, &rows);
        let seen: Vec<(i64, bool)> =
            line.at.iter().zip(&line.value).map(|(at, v)| (at / 60_000, v.is_some())).collect();
        assert_eq!(seen, expected);
        let bucketed = resolution.bucket_ms() > 0;
        assert_eq!(line.min.len(), if bucketed { line.at.len() } else { 0 });
    }

    #[test]
    fn a_line_breaks_at_a_gap() {
        check(
            Resolution::Raw,
            &[0, 1, 3, 7],
            &[(0, true), (1, true), (3, true), (4, false), (7, true)],
        );
        check(
            Resolution::FiveMinutes,
            &[0, 5, 15],
            &[(0, true), (5, true), (10, false), (15, true)],
        );
        check(Resolution::Raw, &[], &[]);
    }
}
