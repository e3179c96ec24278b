//! GET /monitoring/v1/series/{id}/samples

mod gaps;
mod read;
mod resolution;

use axum::Json;
use axum::extract::State;
use schemas::SeriesId;
use serde::Serialize;
use utoipa::ToSchema;

use self::resolution::{DAY_MS, HOUR_MS, Resolution};
use super::{anomalies, now_ms, read_time, time};
use crate::http::{ApiError, Fields, FromFields, Id, Query};
use crate::model::AnomalyItem;
use crate::state::ApiState;

/// Most points of a line.
pub(crate) const MAX_POINTS: i64 = 2_000;
const MIN_POINTS: i64 = 10;
/// Most anomalies and gaps returned for one range; the newest.
const MAX_MARKS: i64 = 500;
/// Longest range: so many days are so many points at the coarsest resolution.
const MAX_RANGE_MS: i64 = MAX_POINTS * DAY_MS;

/// Whose samples these are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesRef {
    /// Series id, 16 hexadecimal digits.
    id: String,
    /// Device id.
    #[schema(format = Uuid)]
    device: String,
    /// Its display name.
    device_name: String,
    /// E.g. `if_in_bps`.
    metric: String,
    /// E.g. a port's name; empty for the device itself.
    instance: String,
    /// Unit of all values.
    unit: String,
}

/// What was expected, on the same step as the samples or the baseline's own, whichever is coarser.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Band {
    /// Start of the bucket, ms since the epoch.
    at: Vec<i64>,
    /// Expected value.
    expected: Vec<f64>,
    /// Lower edge of the band; null: none.
    lower: Vec<Option<f64>>,
    /// Upper edge of the band; null: none.
    upper: Vec<Option<f64>>,
}

/// A sample missing on purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GapItem {
    /// ms since the epoch.
    at: i64,
    /// first, reset, discontinuity, gap, implausible, moved, wrap, not_present or unknown.
    reason: String,
}

/// A time without samples.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct GapSpan {
    /// Begin, ms since the epoch.
    from: i64,
    /// End, ms since the epoch.
    to: i64,
    /// Why, as in the gaps; no_answer where no poll gave anything.
    reason: String,
}

/// A series over a range.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Samples {
    /// Whose.
    series: SeriesRef,
    /// How fine.
    resolution: Resolution,
    /// Width of a bucket; for raw 0, or what one point is the mean of where samples are denser than
    /// the points wanted.
    bucket_ms: i64,
    /// Begin of the range, included, ms since the epoch.
    from: i64,
    /// End of the range, excluded, ms since the epoch.
    to: i64,
    /// Time between two polls at the end of the range, as the polls said.
    interval_ms: i64,
    /// Begin of the first bucket that has not closed, ms since the epoch: from there on points are
    /// made of finer data and still change. Null where there is none.
    running_from: Option<i64>,
    /// Newest sample of the series, ms since the epoch; null when there is none.
    newest_at: Option<i64>,
    /// Why there is no point, and the remedy; null when there are points.
    empty_reason: Option<String>,
    /// Time of each point (raw), start of each bucket else, ms since the epoch, ascending.
    at: Vec<i64>,
    /// Value or mean; null: the line breaks here.
    value: Vec<Option<f64>>,
    /// Smallest in each bucket; empty where points are samples.
    min: Vec<Option<f64>>,
    /// Largest in each bucket; empty where points are samples.
    max: Vec<Option<f64>>,
    /// What was expected.
    baseline: Band,
    /// Anomalies of the series that overlap the range, oldest first; the newest 500.
    anomalies: Vec<AnomalyItem>,
    /// Why samples are missing, oldest first; the newest 500.
    gaps: Vec<GapItem>,
    /// Where nothing was measured, oldest first, by the interval in effect then. Each has a null
    /// among the values, but for one that reaches the end.
    gap_spans: Vec<GapSpan>,
    /// Why the baseline is empty; null when it is not.
    no_baseline_reason: Option<String>,
}

pub(crate) struct SamplesQuery {
    from: Option<i64>,
    to: Option<i64>,
    points: i64,
}

impl FromFields for SamplesQuery {
    fn read(fields: &mut Fields) -> Self {
        let query = Self {
            from: read_time(fields, "from"),
            to: read_time(fields, "to"),
            points: fields.integer("points", MIN_POINTS, MAX_POINTS).unwrap_or(MAX_POINTS),
        };
        let (from, to) = query.range(now_ms());
        if from >= to {
            fields.wrong("to", "must be after from; without it, it is now");
        } else if to - from > MAX_RANGE_MS {
            let days = MAX_RANGE_MS / DAY_MS;
            fields.wrong("from", format!("must be at most {days} days before to"));
        }
        query
    }
}

impl SamplesQuery {
    /// Without limits: the last hour; with an end only: the hour before it.
    fn range(&self, now: i64) -> (i64, i64) {
        let to = self.to.unwrap_or_else(|| now.max(1));
        (self.from.unwrap_or((to - HOUR_MS).max(0)), to)
    }
}

/// Samples of a series with what was expected
///
/// Takes the finest of raw, 5m, 1h, 1d that needs no more than `points` for the range; over two
/// hours or less raw samples that are more are thinned to means.
#[utoipa::path(get, path = "/monitoring/v1/series/{id}/samples", tag = "monitoring",
    operation_id = "getSamples",
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$", description = "Series id"),
        ("from" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "Begin, ms since the epoch; an hour before `to` when left out"),
        ("to" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "End, ms since the epoch; now when left out"),
        ("points" = Option<i64>, Query, minimum = 10, maximum = 2000,
            description = "Most points wanted; 2000 when left out")),
    responses((status = 200, description = "The series over the range", body = Samples)))]
pub(crate) async fn read(
    State(state): State<ApiState>,
    Id(id): Id<SeriesId>,
    Query(query): Query<SamplesQuery>,
) -> Result<Json<Samples>, ApiError> {
    let (from, to) = query.range(now_ms());
    let series = read::series(&state.pool, id).await?;
    let (intervals, gaps, newest_at) = tokio::try_join!(
        read::intervals(&state.pool, &series, to),
        read::gaps(&state.pool, id, from, to),
        read::newest(&state.pool, id),
    )?;
    let range = read::Range { from, to, points: query.points };
    let line = read::line(&state.pool, &series, range, &intervals, &gaps).await?;
    let (baseline, anomalies) = tokio::try_join!(
        read::band(&state.pool, id, from, to, line.resolution),
        anomalies::overlapping(&state.pool, id, from, to, MAX_MARKS),
    )?;
    let empty_reason =
        line.at.is_empty().then(|| empty_reason(line.resolution, newest_at, from, to));
    let no_baseline_reason = baseline.at.is_empty().then(|| {
        if series.state {
            "states have no baseline".to_owned()
        } else {
            "none stored for this range: what is expected is written every 5 minutes, after the \
             first samples, and not kept for ever"
                .to_owned()
        }
    });
    Ok(Json(Samples {
        series: SeriesRef {
            id: id.to_string(),
            device: series.device.to_string(),
            device_name: series.device_name,
            metric: series.metric,
            instance: series.instance,
            unit: series.unit,
        },
        resolution: line.resolution,
        bucket_ms: line.width_ms,
        from,
        to,
        interval_ms: intervals.at(to),
        running_from: line.running_from,
        newest_at,
        empty_reason,
        at: line.at,
        value: line.value,
        min: line.min,
        max: line.max,
        baseline,
        anomalies,
        gaps,
        gap_spans: line.spans,
        no_baseline_reason,
    }))
}

/// Why a range is empty, and what to do about it.
fn empty_reason(resolution: Resolution, newest: Option<i64>, from: i64, to: i64) -> String {
    let what = match resolution {
        Resolution::Raw => "samples as measured",
        Resolution::FiveMinutes => "buckets of 5 minutes",
        Resolution::Hour => "buckets of an hour",
        Resolution::Day => "buckets of a day",
    };
    let at = |at: i64| time(at).format("%Y-%m-%d %H:%M:%S UTC").to_string();
    match newest {
        None => "this series has no sample yet".to_owned(),
        Some(newest) if newest < from => format!(
            "no {what} in this range, nor anything coarser: the newest sample is of {}; choose an \
             earlier range",
            at(newest)
        ),
        Some(newest) if newest >= to => format!(
            "no {what} in this range, nor anything coarser: it was not measured then, or what was \
             is no longer kept; choose a range that ends later, the newest sample is of {}",
            at(newest)
        ),
        Some(_) => format!("no {what} in this range that could be shown; choose a shorter range"),
    }
}
