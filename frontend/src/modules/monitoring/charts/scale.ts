// How high a chart is. Pure, because a wrong axis is a wrong chart.
import { lastAtOrBefore } from "./base";
import type { PlotData } from "./data";

/** A band may take this share of the height, and this where the line does not move at all. */
const MOST_SHARE = 0.6;
const FLAT_SHARE = 0.25;
/** A line that moves by less than this share of its band is flat. */
const FLAT = 0.05;
/** The band is followed so many heights of the line beyond the line. */
const REACH = 3;
const MARGIN = 0.08;

const hasNegatives = (unit: string): boolean => /^dbm?$|celsius|^cel$|°c/i.test(unit);
/** The most a value of this unit can be, as it stands in the samples. */
const wholeOf = (unit: string): number | null =>
  unit === "ratio" ? 1 : /^(percent|%)$/.test(unit) ? 100 : null;
const isLoss = (metric: string): boolean => /(^|_)loss(_|$)/.test(metric);

interface Extent {
  low: number;
  high: number;
}

function extend(extent: Extent | null, value: number | null | undefined): Extent | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return extent;
  if (!extent) return { low: value, high: value };
  return { low: Math.min(extent.low, value), high: Math.max(extent.high, value) };
}

/** The lines and the band in view (x in seconds). */
function extents(data: PlotData, from: number, to: number) {
  let lines: Extent | null = null;
  let band: Extent | null = null;
  let open = false;
  const first = Math.max(0, lastAtOrBefore(data.x, from));
  for (let i = first; i < data.x.length && (data.x[i] ?? 0) <= to; i += 1) {
    for (const column of [data.value, data.expected, data.min, data.max])
      lines = extend(lines, column[i]);
    const [lower, upper] = [data.lower[i], data.upper[i]];
    if (lower !== data.unlimited.low) band = extend(band, lower);
    else open = true;
    if (upper !== data.unlimited.high) band = extend(band, upper);
    else open = true;
  }
  return { lines, band, open };
}

/** Lowest and highest number of the axis for what is in view. */
export function heightOf(
  data: PlotData,
  metric: string,
  unit: string,
  from: number,
  to: number,
): [number, number] {
  const whole = wholeOf(unit);
  if (whole !== null && isLoss(metric)) return [0, whole];
  const { lines, band, open } = extents(data, from, to);
  const shown = lines ?? band;
  if (!shown) return [0, whole ?? 1];
  const span = shown.high - shown.low;
  // A line that does not move has no shape to lose beside its band.
  const reach = span > 0 ? span * REACH : Number.POSITIVE_INFINITY;
  let low = Math.min(shown.low, Math.max(band?.low ?? shown.low, shown.low - reach));
  let high = Math.max(shown.high, Math.min(band?.high ?? shown.high, shown.high + reach));
  const floor = !hasNegatives(unit) && shown.low >= 0 ? 0 : Number.NEGATIVE_INFINITY;
  low = Math.max(low, floor);
  // A band whose edges are out of reach needs no room beside it.
  const edges = band && !open && band.low >= low && band.high <= high;
  const wide = edges ? band.high - Math.max(band.low, floor) : 0;
  const share = span < wide * FLAT ? FLAT_SHARE : MOST_SHARE;
  const more = Math.max(0, wide / share - (high - low));
  // Room on both sides, and above where there is nothing below.
  const below = Math.min(more / 2, low - floor);
  low -= below;
  high += more - below;
  if (high === 0 && low === 0) return [0, whole ?? 1];
  const height = high - low || Math.abs(high) * 0.1;
  if (floor === 0 && low < high * 0.6 && low - height * MARGIN < high * 0.4) low = 0;
  else low = Math.max(floor, low - height * MARGIN);
  high += height * MARGIN;
  if (whole !== null && shown.high <= whole) high = Math.min(high, whole);
  return [low, high > low ? high : low + 1];
}

const day = 86_400;
const two = (n: number) => String(n).padStart(2, "0");
const dates = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });
const months = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric" });
const weekdays = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const zones = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", timeZoneName: "short" });
const full = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "2-digit" });

function timeLabel(seconds: number, step: number): string {
  const date = new Date(seconds * 1000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= 28 * day) return months.format(date);
  if (step >= day || (clock === "00:00" && date.getSeconds() === 0)) return dates.format(date);
  return step < 60 ? `${clock}:${two(date.getSeconds())}` : clock;
}

/** Labels of a time axis (splits and step in seconds), no two of them the same. */
export function timeTicks(splits: readonly number[], step: number): string[] {
  const plain = splits.map((seconds) => timeLabel(seconds, step));
  const twice = (label: string) => plain.indexOf(label) !== plain.lastIndexOf(label);
  return splits.map((seconds, i) => {
    const label = plain[i] ?? "";
    if (!twice(label)) return label;
    const date = new Date(seconds * 1000);
    if (step >= day || !label.includes(":")) return full.format(date);
    // The same time of two days, or of the two hours when clocks go back.
    const near = (other: number) => other !== seconds && Math.abs(other - seconds) < day / 2;
    const same = splits.some((other) => near(other) && timeLabel(other, step) === label);
    const name = zones.formatToParts(date).find((part) => part.type === "timeZoneName")?.value;
    return same ? `${label} ${name}` : `${weekdays.format(date)} ${label}`;
  });
}
