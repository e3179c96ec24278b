// From an answer of the API to what is drawn. Pure, so that gaps and bands can be tested.
import type { Samples } from "../../../api/types";
import { STALE_INTERVALS } from "../../../lib/fresh";
import { lastAtOrBefore } from "./base";
import { type Gap, gapsOf, intervalOf, isBucketed, longestSilence } from "./gaps";

type Column = (number | null | undefined)[];

/** Columns for uPlot. `null` breaks a line, `undefined` means "not measured at this x". */
export interface PlotData {
  x: number[];
  lower: Column;
  upper: Column;
  expected: Column;
  /** Extremes of each bucket; all undefined where points are samples. */
  min: Column;
  max: Column;
  value: Column;
  gaps: Gap[];
  /** What stands for a side of the band without a limit: beyond every axis. */
  unlimited: { low: number; high: number };
}

/** Numbers beyond this stand for "no limit". */
const UNBOUNDED = 1e300;
/** Width of a baseline's bucket where there is but one. */
const BASELINE_MS = 300_000;
/** What is expected is written when its bucket is over: until then the last one stands. */
const BAND_HOLDS = 3;
const NO_BAND = { expected: null, lower: null, upper: null };

interface Cell {
  value?: number | null;
  min?: number | null;
  max?: number | null;
  lower?: number | null;
  upper?: number | null;
  expected?: number | null;
}

/** `until` (ms): the end of the view, which moves on while nothing new comes. */
export function toPlot(samples: Samples, until: number = samples.to): PlotData {
  const cells = new Map<number, Cell>();
  const cell = (at: number): Cell => {
    let found = cells.get(at);
    if (!found) {
      found = {};
      cells.set(at, found);
    }
    return found;
  };
  const gaps = gapsOf(samples, until);
  for (const [i, at] of samples.at.entries()) {
    const here = cell(at);
    here.value = samples.value[i] ?? null;
    if (isBucketed(samples)) {
      here.min = samples.min[i] ?? null;
      here.max = samples.max[i] ?? null;
    }
  }
  for (const { from, to } of gaps) {
    // Inside the gap, where no sample is.
    const middle = cell((from + to) / 2);
    middle.value ??= null;
    if (isBucketed(samples)) {
      middle.min ??= null;
      middle.max ??= null;
    }
  }
  const unlimited = unlimitedOf(samples);
  addBands(samples, until, unlimited, cells, cell);
  const x = [...cells.keys()].sort((a, b) => a - b);
  const column = <K extends keyof Cell>(key: K) => x.map((at) => cells.get(at)?.[key]);
  const line = <K extends "value" | "min" | "max">(key: K) => broken(column(key));
  return {
    x: x.map((at) => at / 1000),
    lower: column("lower"),
    upper: column("upper"),
    expected: column("expected"),
    min: line("min"),
    max: line("max"),
    value: line("value"),
    gaps,
    unlimited,
  };
}

/**
 * A break breaks from value to value: uPlot cuts the line no farther than to the next x, and an
 * edge of the band inside a gap is one.
 */
function broken(column: Column): Column {
  const cut = column.slice();
  let from = -1;
  for (let i = 0; i <= cut.length; i += 1) {
    if (i < cut.length && typeof cut[i] !== "number") continue;
    if (cut.slice(from + 1, i).includes(null)) cut.fill(null, from + 1, i);
    from = i;
  }
  return cut;
}

function addBands(
  samples: Samples,
  until: number,
  unlimited: PlotData["unlimited"],
  cells: Map<number, Cell>,
  cell: (at: number) => Cell,
): void {
  const { at: starts } = samples.baseline;
  const bands = bandsOf(samples, unlimited);
  const ends = bandEnds(samples, until);
  // A bucket holds to its end.
  for (const at of [...starts, ...ends]) cell(at);
  for (const at of [...cells.keys()]) {
    const i = lastAtOrBefore(starts, at);
    const end = ends[i];
    if (end === undefined) continue;
    // At every x, or a view that begins or ends inside a bucket would show nothing of it.
    Object.assign(cell(at), at <= end ? bands[i] : NO_BAND);
  }
}

/** Where each bucket of the baseline ends; the last one reaches now while it is fresh. */
export function bandEnds(samples: Samples, until: number): number[] {
  const { at: starts } = samples.baseline;
  const width = widthOf(samples);
  return starts.map((from, i) => {
    const end = from + width;
    const next = starts[i + 1];
    // The server says what still holds by a last point that is no start of a bucket.
    const held = next !== undefined && i === starts.length - 2 && (next - from) % width !== 0;
    const to = held ? next : next === undefined ? until : end;
    return to > end && to - end <= width * BAND_HOLDS ? to : end;
  });
}

/** So many heights of the line away no axis goes (`heightOf`), and a canvas still draws. */
const BEYOND = 100;

function unlimitedOf({ value, baseline }: Samples): PlotData["unlimited"] {
  const limits = [...baseline.lower, ...baseline.upper];
  const sizes = [...value, ...baseline.expected, ...limits].filter(
    (v): v is number => v !== null && Math.abs(v) < UNBOUNDED,
  );
  const low = sizes.reduce((a, b) => Math.min(a, b), 0);
  const high = sizes.reduce((a, b) => Math.max(a, b), 0);
  const room = (high - low || 1) * BEYOND;
  return { low: low - room, high: high + room };
}

function bandsOf({ baseline }: Samples, unlimited: PlotData["unlimited"]): Cell[] {
  const within = (limit: number | null | undefined, none: number) =>
    limit === null || limit === undefined || Math.abs(limit) >= UNBOUNDED ? none : limit;
  return baseline.expected.map((expected, i) => ({
    expected,
    lower: within(baseline.lower[i], unlimited.low),
    upper: within(baseline.upper[i], unlimited.high),
  }));
}

/** Of the baseline's buckets: its own, or as coarse as what is shown. The last one may be short. */
function widthOf({ baseline, bucket_ms, resolution }: Samples): number {
  const steps = baseline.at.slice(1).map((at, i) => at - (baseline.at[i] ?? at));
  steps.sort((a, b) => a - b);
  const usual = steps[Math.floor((steps.length - 1) / 2)] ?? 0;
  return Math.max(BASELINE_MS, resolution === "raw" ? 0 : bucket_ms, usual);
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

/** What the chart says at a time; without one, at its newest sample. */
export function readAt(samples: Samples, at: number | null): Reading | null {
  const newest = samples.at.at(-1);
  const time = at ?? newest;
  if (time === undefined) return null;
  const i = nearest(samples, time);
  const sampleAt = samples.at[i];
  const known = sampleAt !== undefined && !inGap(samples, time);
  const b = lastAtOrBefore(samples.baseline.at, time);
  const end = bandEnds(samples, Math.max(samples.to, time))[b];
  const pick = (list: (number | null)[], index: number) => list[index] ?? null;
  const band = (list: (number | null)[]) =>
    end !== undefined && time <= end ? pick(list, b) : null;
  return {
    at: known ? sampleAt : time,
    value: known ? pick(samples.value, i) : null,
    min: known ? pick(samples.min, i) : null,
    max: known ? pick(samples.max, i) : null,
    expected: band(samples.baseline.expected),
    lower: band(samples.baseline.lower),
    upper: band(samples.baseline.upper),
    gap: gapAt(samples, time),
  };
}

/** Inside a gap, or before the first sample. */
function inGap(samples: Samples, at: number): boolean {
  const first = samples.at[0] ?? at;
  if (at < first) return first - at > longestSilence(samples);
  return gapsOf(samples, Math.max(samples.to, at)).some((gap) => at > gap.from && at < gap.to);
}

/** Index of the point that stands for a time: the bucket it is in, or the sample next to it. */
function nearest(samples: Samples, at: number): number {
  const times = samples.at;
  const before = lastAtOrBefore(times, at);
  const a = times[before];
  const b = times[before + 1];
  if (a === undefined) return before + 1;
  if (isBucketed(samples) && at < a + samples.bucket_ms) return before;
  return b !== undefined && b - at < at - a ? before + 1 : before;
}

function gapAt(samples: Samples, at: number): string | null {
  const span = gapsOf(samples, samples.to).find((gap) => at >= gap.from && at <= gap.to);
  if (span?.reason) return span.reason;
  const reach = Math.max(samples.bucket_ms, intervalOf(samples)) * 2;
  const near = samples.gaps.filter((gap) => Math.abs(gap.at - at) <= reach);
  return near[0]?.reason ?? null;
}

/** When the newest point with a value ends, if that is longer ago than three intervals. */
export function staleSince(samples: Samples, now: number): number | null {
  let i = samples.at.length - 1;
  while (i >= 0 && (samples.value[i] ?? null) === null) i -= 1;
  const at = samples.at[i];
  if (at === undefined) return null;
  const end = at + samples.bucket_ms;
  const most = Math.max(STALE_INTERVALS * intervalOf(samples), longestSilence(samples));
  return now - end > most ? end : null;
}
