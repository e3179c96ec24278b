//! `metric.avsc`.

use super::poll::{device, put_device};
use super::{Binary, Cursor, Flaw, LONG, put_array, put_double, put_long, put_symbol, put_text};
use crate::id::SeriesId;
use crate::records::{Gap, GapReason, MetricBatch};

/// In the schema's order.
const REASONS: [GapReason; 9] = [
    GapReason::First,
    GapReason::Reset,
    GapReason::Discontinuity,
    GapReason::Gap,
    GapReason::Implausible,
    GapReason::Unknown,
    GapReason::Moved,
    GapReason::Wrap,
    GapReason::NotPresent,
];

impl Binary for MetricBatch {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.tenant);
        put_device(out, self.device);
        put_long(out, self.at);
        put_array(out, &self.series, |out, series| put_long(out, series.0));
        put_array(out, &self.at_ms, |out, at| put_long(out, (*at).into()));
        put_array(out, &self.values, |out, value| put_double(out, *value));
        put_array(out, &self.flags, |out, flags| put_long(out, (*flags).into()));
        put_array(out, &self.gaps, |out, gap| {
            put_long(out, gap.series.0);
            put_long(out, gap.at_ms.into());
            put_symbol(out, &REASONS, &gap.reason);
        });
        put_long(out, self.interval_ms);
        put_text(out, &self.connector);
        out.push(self.answered.into());
    }

    fn room(&self) -> usize {
        let sample = LONG + 3 + 8;
        128 + self.series.len() * sample + self.flags.len() + self.gaps.len() * 16
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Flaw> {
        Ok(Self {
            tenant: cursor.text("tenant")?.to_owned(),
            device: device(cursor)?,
            at: cursor.long("at")?,
            series: cursor.array("series", |cursor| cursor.long("series").map(SeriesId))?,
            at_ms: cursor.array("at_ms", |cursor| cursor.int("at_ms"))?,
            values: cursor.array("values", |cursor| cursor.double("values"))?,
            flags: cursor.array("flags", |cursor| cursor.int("flags"))?,
            gaps: cursor.array("gaps", |cursor| {
                Ok(Gap {
                    series: SeriesId(cursor.long("gaps.series")?),
                    at_ms: cursor.int("gaps.at_ms")?,
                    reason: cursor.symbol("gaps.reason", &REASONS)?,
                })
            })?,
            interval_ms: cursor.long("interval_ms")?,
            connector: cursor.text("connector")?.to_owned(),
            answered: cursor.boolean("answered")?,
        })
    }
}
