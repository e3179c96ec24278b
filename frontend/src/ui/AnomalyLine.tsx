// One anomaly in one line: what, where, how far off, since when, and "Why?".
import { useState } from "react";
import type { AnomalyEvidence, AnomalyItem } from "../api/types";
import { useNow } from "../lib/clock";
import { evidenceOf } from "../lib/evidence";
import { absolute, bandText, duration, metricName, quantity, shownUnit, zone } from "../lib/format";
import { Link, withParams } from "../lib/router";

export const whyKey = (item: { series: string; id: string }): string => `${item.series}:${item.id}`;

export function AnomalyAge({ item }: { item: AnomalyItem }) {
  const now = useNow();
  const title = `since ${absolute(item.onset_at)} ${zone(now)}`;
  return item.cleared_at === null ? (
    <span title={title}>
      <span className="alarm">▲ open</span> for {duration(now - item.onset_at)}
    </span>
  ) : (
    <span className="muted" title={title}>
      ✓ cleared {duration(now - item.cleared_at)} ago, lasted{" "}
      {duration(item.cleared_at - item.onset_at)}
    </span>
  );
}

/** `In traffic of Gi0/1` */
export const what = (item: { metric: string; instance: string }): string =>
  item.instance ? `${metricName(item.metric)} of ${item.instance}` : metricName(item.metric);

/** `82.9, expected 36.4 Mbit/s` */
const withExpected = ({ value, expected }: AnomalyEvidence, unit: string): string =>
  bandText(value, expected, unit).replace(" … ", ", expected ");

/** What began this short a time ago lights up once. */
const FRESH_MS = 10_000;

export function AnomalyLine({ item, device = true }: { item: AnomalyItem; device?: boolean }) {
  const unit = shownUnit(item.metric, item.unit);
  const { onset, peak, clear } = evidenceOf(item);
  const [fresh] = useState(() => Date.now() - item.onset_at < FRESH_MS);
  return (
    <li className={fresh ? "line fresh" : "line"} data-anomaly={item.id}>
      <span className="line-age">
        <AnomalyAge item={item} />
      </span>
      <span className="line-what">
        {device && (
          <>
            <Link to={`/devices/${encodeURIComponent(item.device)}`}>{item.device_name}</Link>{" "}
          </>
        )}
        <span>{what(item)}</span>
      </span>
      <span className="line-value">
        <b>{quantity(peak.value, unit)}</b>{" "}
        <span className="muted">expected {quantity(peak.expected, unit)}</span>
        {(clear || peak.at !== onset.at) && (
          <small className="muted">
            <span>began at {withExpected(onset, unit)}</span>
            {clear && <span>cleared at {withExpected(clear, unit)}</span>}
          </small>
        )}
      </span>
      <Link
        className="button small"
        to={withParams({ why: whyKey(item) })}
        data-step=""
        aria-label={`Why? ${item.device_name} ${what(item)}`}
      >
        Why?
      </Link>
    </li>
  );
}
