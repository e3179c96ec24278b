// From an answer of the API to what is drawn. Pure, so that gaps and bands can be tested.
import type { Samples } from "../api/types";

/** Columns for uPlot. `null` breaks a line, `undefined` means "not measured at this x". */
export interface PlotData {
  x: number[];
  lower: (number | null | undefined)[];
  upper: (number | null | undefined)[];
  expected: (number | null | undefined)[];
  value: (number | null | undefined)[];
  /** Times (ms) between which nothing is known. */
  gaps: { from: number; to: number }[];
}

/** More than this many steps without a sample is a gap. */
const GAP_STEPS = 2.5;
/** Numbers beyond this stand for "no limit". */
const UNBOUNDED = 1e300;
/** Width of a baseline's bucket where there is but one. */
const BASELINE_MS = 300_000;
const NO_BAND = { expected: null, lower: null, upper: null };

/** States are written on change and once an hour: silence is no gap. */
export const isState = (metric: string): boolean => /_(status|state|speed_bps|mtu)$/.test(metric);

export function stepOf(samples: Samples): number {
  if (samples.bucket_ms) return samples.bucket_ms;
  const steps: number[] = [];
  for (let i = 1; i < samples.at.length; i++) {
    steps.push((samples.at[i] ?? 0) - (samples.at[i - 1] ?? 0));
  }
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 60_000;
}

interface Cell {
  value?: number | null;
  lower?: number | null;
  upper?: number | null;
  expected?: number | null;
}

export function toPlot(samples: Samples): PlotData {
  const cells = new Map<number, Cell>();
  const cell = (at: number): Cell => {
    let found = cells.get(at);
    if (!found) {
      found = {};
      cells.set(at, found);
    }
    return found;
  };
  const gaps: PlotData["gaps"] = [];
  const step = stepOf(samples);
  const longest = isState(samples.series.metric) ? 2 * 3_600_000 : step * GAP_STEPS;
  let before: number | null = null;
  for (const [i, at] of samples.at.entries()) {
    const value = samples.value[i] ?? null;
    if (before !== null && value !== null && at - before > longest) {
      gaps.push({ from: before, to: at });
      cell((before + at) / 2).value = null;
    }
    cell(at).value = value;
    if (value !== null) before = at;
  }
  const bands = bandsOf(samples);
  const width = widthOf(samples);
  // A bucket holds to its end.
  for (const at of samples.baseline.at.flatMap((from) => [from, from + width])) cell(at);
  const x = [...cells.keys()].sort((a, b) => a - b);
  for (const at of x) {
    const i = lastAtOrBefore(samples.baseline.at, at);
    const from = samples.baseline.at[i];
    if (from === undefined) continue;
    // At every x, or a view that begins or ends inside a bucket would show nothing of it.
    Object.assign(cell(at), at <= from + width ? bands[i] : NO_BAND);
  }
  const column = <K extends keyof Cell>(key: K) => x.map((at) => cells.get(at)?.[key]);
  return {
    x: x.map((at) => at / 1000),
    lower: column("lower"),
    upper: column("upper"),
    expected: column("expected"),
    value: column("value"),
    gaps,
  };
}

/** A band far wider than the line is cut, or the line would be flat. */
function bandsOf({ value, baseline }: Samples): Cell[] {
  const sizes = [...value, ...baseline.expected].filter(
    (v): v is number => v !== null && Math.abs(v) < UNBOUNDED,
  );
  if (sizes.length === 0) return [];
  const low = sizes.reduce((a, b) => Math.min(a, b));
  const high = sizes.reduce((a, b) => Math.max(a, b));
  const span = Math.max(high - low, Math.abs(high) * 0.05) * 2;
  // A line that is nothing but zero has no shape to keep.
  const room = span > 0 ? span : 1;
  return baseline.expected.map((expected, i) => ({
    expected,
    lower: Math.max(low - room, baseline.lower[i] ?? low - room),
    upper: Math.min(high + room, baseline.upper[i] ?? high + room),
  }));
}

function widthOf({ baseline }: Samples): number {
  const steps = baseline.at.slice(1).map((at, i) => at - (baseline.at[i] ?? at));
  return steps.reduce((a, b) => Math.min(a, b), steps[0] ?? BASELINE_MS);
}

export interface Reading {
  at: number;
  value: number | null;
  min: number | null;
  max: number | null;
  expected: number | null;
  lower: number | null;
  upper: number | null;
  gap: string | null;
}

/** Index of the last entry not after `at`, or -1. */
export function lastAtOrBefore(times: number[], at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What the chart says at a time; without one, at its newest sample. */
export function readAt(samples: Samples, at: number | null): Reading | null {
  const newest = samples.at.at(-1);
  const time = at ?? newest;
  if (time === undefined) return null;
  const i = nearest(samples.at, time);
  const sampleAt = samples.at[i];
  const known = sampleAt !== undefined && !inGap(samples, time, sampleAt);
  const b = lastAtOrBefore(samples.baseline.at, time);
  const pick = (list: (number | null)[], index: number) => list[index] ?? null;
  return {
    at: known ? sampleAt : time,
    value: known ? pick(samples.value, i) : null,
    min: known ? pick(samples.min, i) : null,
    max: known ? pick(samples.max, i) : null,
    expected: pick(samples.baseline.expected, b),
    lower: pick(samples.baseline.lower, b),
    upper: pick(samples.baseline.upper, b),
    gap: gapAt(samples, time),
  };
}

/** Past the ends by more than a gap, or inside one and not on its rim. */
function inGap(samples: Samples, at: number, nearestAt: number): boolean {
  if (isState(samples.series.metric)) return false;
  const step = stepOf(samples);
  const before = samples.at[lastAtOrBefore(samples.at, at)];
  const after = samples.at[lastAtOrBefore(samples.at, at) + 1];
  const away = Math.abs(nearestAt - at);
  if (before === undefined || after === undefined) return away > step * GAP_STEPS;
  return after - before > step * GAP_STEPS && away > step / 2;
}

function nearest(times: number[], at: number): number {
  const before = lastAtOrBefore(times, at);
  const a = times[before];
  const b = times[before + 1];
  if (a === undefined) return before + 1;
  return b !== undefined && b - at < at - a ? before + 1 : before;
}

function gapAt(samples: Samples, at: number): string | null {
  const reach = stepOf(samples) * 2;
  const near = samples.gaps.filter((gap) => Math.abs(gap.at - at) <= reach);
  return near[0]?.reason ?? null;
}

/** Live samples that the database does not hold yet stay on the chart after a new answer. */
export function keepLive(old: unknown, fresh: unknown): unknown {
  const before = old as Samples | undefined;
  const after = fresh as Samples;
  if (before?.bucket_ms !== 0 || after.bucket_ms !== 0) return after;
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
