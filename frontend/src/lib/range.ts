// The time range of a page, as it stands in the URL: `range=6h` or `from=…&to=…` (ms, UTC).

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

export function parseRange(params: URLSearchParams): Range {
  const from = Number(params.get("from"));
  const to = Number(params.get("to"));
  if (Number.isFinite(from) && Number.isFinite(to) && from > 0 && to > from) {
    return { kind: "absolute", ...clampRange(from, to) };
  }
  const known = RELATIVE.find((range) => range.name === params.get("range"));
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

/** The URL parameters that say this range; null removes one. */
export function rangeParams(range: Range): Record<"range" | "from" | "to", string | null> {
  if (range.kind === "absolute") {
    return { range: null, from: String(range.from), to: String(range.to) };
  }
  const known = RELATIVE.find((item) => item.ms === range.ms);
  return { range: known?.name ?? "1h", from: null, to: null };
}

/** For `<input type="datetime-local">`, in the viewer's zone. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

export const fromLocalInput = (text: string): number => new Date(text).getTime();
