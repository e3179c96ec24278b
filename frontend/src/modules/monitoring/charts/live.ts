// Live samples on a chart. Apart from the rest of the charts: it is needed before one is opened.
import type { AnomalyItem, Samples } from "../../../api/types";
import { lastAtOrBefore } from "./base";

/** Most points a chart grows to by live samples before it is asked for afresh. */
const MOST_POINTS = 6000;

/** Whether live samples belong to this line: to samples as measured, not to means. */
export const takesLive = (samples: Samples): boolean =>
  samples.resolution === "raw" && samples.bucket_ms === 0;

/** Live samples that the database does not hold yet stay on the chart after a new answer. */
export function keepLive(old: unknown, fresh: unknown): unknown {
  const before = old as Samples | undefined;
  const after = fresh as Samples;
  if (!before || !takesLive(before) || !takesLive(after)) return after;
  if (before.series.id !== after.series.id || after.at.length === 0) return after;
  const last = after.at.at(-1) ?? 0;
  const first = lastAtOrBefore(before.at, last) + 1;
  if (first >= before.at.length || (before.at[first] ?? 0) > after.to + 60_000) return after;
  return {
    ...after,
    at: [...after.at, ...before.at.slice(first)],
    value: [...after.value, ...before.value.slice(first)],
  };
}

/** Appends a live sample to samples as measured; means and roll-ups are asked for again. */
export function withSample(old: Samples, at: number, value: number | null): Samples {
  const last = old.at.at(-1) ?? 0;
  if (!takesLive(old) || at <= last || old.at.length >= MOST_POINTS) return old;
  return { ...old, at: [...old.at, at], value: [...old.value, value] };
}

export function withAnomaly(old: Samples, anomaly: AnomalyItem): Samples {
  const others = old.anomalies.filter((item) => item.id !== anomaly.id);
  return { ...old, anomalies: [...others, anomaly] };
}
