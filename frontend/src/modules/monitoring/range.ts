// The time range of a page, as it stands in the URL: `range=6h` or `from=…&to=…` (ms, UTC).
import { oneOf, time } from "../../lib/search";

export type Range =
  | { kind: "relative"; ms: number }
  | { kind: "absolute"; from: number; to: number };

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const RELATIVE = [
  { label: "15 min", name: "15m", ms: 15 * minute },
  { label: "1 h", name: "1h", ms: hour },
  { label: "6 h", name: "6h", ms: 6 * hour },
  { label: "24 h", name: "24h", ms: day },
  { label: "7 d", name: "7d", ms: 7 * day },
  { label: "30 d", name: "30d", ms: 30 * day },
] as const;

export const DEFAULT_RANGE: Range = { kind: "relative", ms: hour };
/** Nothing is asked for that is longer than this, or shorter than a minute. */
const longest = 1999 * day;
const shortest = minute;

export type RangeName = (typeof RELATIVE)[number]["name"];

/** The parameters of a URL that say a range. */
export interface RangeSearch {
  range?: RangeName | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export const rangeSearch = {
  range: oneOf(RELATIVE.map(({ name }) => name)),
  from: time,
  to: time,
};

export function rangeOf({ range, from, to }: RangeSearch): Range {
  if (from !== undefined && to !== undefined && to > from) {
    return { kind: "absolute", ...clampRange(from, to) };
  }
  const known = RELATIVE.find(({ name }) => name === range);
  return known ? { kind: "relative", ms: known.ms } : DEFAULT_RANGE;
}

export function clampRange(from: number, to: number): { from: number; to: number } {
  const span = Math.min(longest, Math.max(shortest, to - from));
  const middle = (from + to) / 2;
  return { from: Math.round(middle - span / 2), to: Math.round(middle + span / 2) };
}

export function resolveRange(range: Range, now: number): { from: number; to: number } {
  return range.kind === "relative"
    ? { from: now - range.ms, to: now }
    : { from: range.from, to: range.to };
}

/** The URL parameters that say this range. */
export function rangeParams(range: Range): RangeSearch {
  if (range.kind === "absolute") return { range: undefined, from: range.from, to: range.to };
  const known = RELATIVE.find((item) => item.ms === range.ms);
  return { range: known?.name ?? "1h", from: undefined, to: undefined };
}
