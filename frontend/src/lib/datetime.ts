// Dates and times as they are typed: `2026-11-30 14:05`, 24 h, in the viewer's zone. Pure.

const two = (n: number) => String(n).padStart(2, "0");
const FULL = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})[ T]+(\d{1,2}):(\d{2})\s*$/;

export const dayText = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

export const clockText = (date: Date): string =>
  `${two(date.getHours())}:${two(date.getMinutes())}`;

export function typedTime(ms: number): string {
  const date = new Date(ms);
  return `${dayText(date)} ${clockText(date)}`;
}

/** In ms since 1970; null where it is no time. An hour that the clocks leave out is the next. */
export function readTime(text: string): number | null {
  const found = FULL.exec(text);
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  const date = new Date(year, month - 1, day, hour, minute);
  const same = date.getFullYear() === year && date.getMonth() === month - 1;
  return same && date.getDate() === day && hour < 24 && minute < 60 ? date.getTime() : null;
}

type Unit = "year" | "month" | "day" | "hour" | "minute";

/** Where each part ends in `2026-11-30 14:05`. */
const ENDS: readonly (readonly [end: number, unit: Unit])[] = [
  [4, "year"],
  [7, "month"],
  [10, "day"],
  [13, "hour"],
  [16, "minute"],
];

export function unitAt(caret: number): Unit {
  return ENDS.find(([end]) => caret <= end)?.[1] ?? "minute";
}

/** The part of the text that a unit is, to select it. */
export function spanOf(unit: Unit): [number, number] {
  const at = ENDS.findIndex(([, each]) => each === unit);
  const end = ENDS[at]?.[0] ?? 16;
  return [at <= 0 ? 0 : end - 2, end];
}

/** One unit later or earlier; the 31st becomes the last day of a shorter month. */
export function stepTime(ms: number, unit: Unit, by: number): number {
  const date = new Date(ms);
  if (unit === "minute") return ms + by * 60_000;
  if (unit === "hour") return ms + by * 3_600_000;
  if (unit === "day") date.setDate(date.getDate() + by);
  else {
    const day = date.getDate();
    date.setDate(1);
    if (unit === "month") date.setMonth(date.getMonth() + by);
    else date.setFullYear(date.getFullYear() + by);
    date.setDate(Math.min(day, daysIn(date)));
  }
  return date.getTime();
}

const daysIn = (date: Date): number =>
  new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate();

/** Six weeks from the Monday before the first of the month, as noons: no clock change moves them. */
export function weeksOf(month: Date): Date[][] {
  const first = new Date(month.getFullYear(), month.getMonth(), 1, 12);
  const monday = 1 - ((first.getDay() + 6) % 7);
  return Array.from({ length: 6 }, (_, week) =>
    Array.from(
      { length: 7 },
      (_, day) => new Date(first.getFullYear(), first.getMonth(), monday + week * 7 + day, 12),
    ),
  );
}

/** The same time of day on another day. */
export function onDay(ms: number, day: Date): number {
  const date = new Date(ms);
  date.setFullYear(day.getFullYear(), day.getMonth(), day.getDate());
  return date.getTime();
}
