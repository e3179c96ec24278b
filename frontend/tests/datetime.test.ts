import { describe, expect, it } from "vitest";
import {
  dayText,
  onDay,
  readTime,
  spanOf,
  stepTime,
  typedTime,
  unitAt,
  weeksOf,
} from "../src/lib/datetime";

const at = (text: string): number => {
  const ms = readTime(text);
  if (ms === null) throw new Error(`${text} is no time`);
  return ms;
};

describe("typed times", () => {
  it("go there and back", () => {
    expect(typedTime(at("2026-11-30 14:05"))).toBe("2026-11-30 14:05");
    expect(typedTime(at(" 2026-2-3T4:05 "))).toBe("2026-02-03 04:05");
  });
  it("are refused where there is no such time", () => {
    for (const text of [
      "",
      "soon",
      "2026-11-31 10:00",
      "2026-13-01 10:00",
      "2026-02-29 10:00",
      "2026-11-30 24:00",
      "2026-11-30 10:60",
      "2026-11-30",
      "30.11.2026 10:00",
    ]) {
      expect(readTime(text), text).toBeNull();
    }
    expect(readTime("2028-02-29 10:00")).not.toBeNull();
  });
});

describe("arrow keys", () => {
  it("step the part under the caret", () => {
    expect([0, 4, 5, 10, 11, 16].map(unitAt)).toEqual([
      "year",
      "year",
      "month",
      "day",
      "hour",
      "minute",
    ]);
    expect(spanOf("year")).toEqual([0, 4]);
    expect(spanOf("hour")).toEqual([11, 13]);
  });
  it("carry over, and keep to the end of shorter months", () => {
    const step = (text: string, unit: Parameters<typeof stepTime>[1], by: number) =>
      typedTime(stepTime(at(text), unit, by));
    expect(step("2026-12-31 23:59", "minute", 1)).toBe("2027-01-01 00:00");
    expect(step("2026-01-31 10:00", "month", 1)).toBe("2026-02-28 10:00");
    expect(step("2028-02-29 10:00", "year", 1)).toBe("2029-02-28 10:00");
    expect(step("2026-03-01 10:00", "day", -1)).toBe("2026-02-28 10:00");
  });
});

it("a month is shown as six weeks from a Monday", () => {
  const weeks = weeksOf(new Date(2026, 10, 15));
  expect(weeks.map((week) => week.length)).toEqual([7, 7, 7, 7, 7, 7]);
  expect(weeks.flat().map(dayText).slice(0, 7)).toEqual([
    "2026-10-26",
    "2026-10-27",
    "2026-10-28",
    "2026-10-29",
    "2026-10-30",
    "2026-10-31",
    "2026-11-01",
  ]);
  expect(new Set(weeks.flat().map(dayText)).size).toBe(42);
});

it("another day keeps the time of day", () => {
  expect(typedTime(onDay(at("2026-11-30 14:05"), new Date(2026, 1, 3, 12)))).toBe(
    "2026-02-03 14:05",
  );
});
