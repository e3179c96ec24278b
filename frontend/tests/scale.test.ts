import { describe, expect, it } from "vitest";
import { ticks } from "../src/lib/format";
import type { PlotData } from "../src/modules/monitoring/charts/data";
import { heightOf, timeTicks } from "../src/modules/monitoring/charts/scale";

function plot(value: number[], lower?: number, upper?: number): PlotData {
  const all = <T>(each: T) => value.map(() => each);
  return {
    x: value.map((_, i) => i),
    value,
    lower: all(lower),
    upper: all(upper),
    expected: all(undefined),
    min: all(undefined),
    max: all(undefined),
    gaps: [],
    unlimited: { low: -1e9, high: 1e9 },
  };
}
const height = (data: PlotData, metric: string, unit: string) =>
  heightOf(data, metric, unit, 0, data.x.length);

describe("heightOf", () => {
  it("shows loss on 0 to 100 %, whatever it was", () => {
    expect(height(plot([0, 0]), "icmp_loss_ratio", "ratio")).toEqual([0, 1]);
    expect(height(plot([1]), "icmp_loss_ratio", "ratio")).toEqual([0, 1]);
    expect(height(plot([0.02], 0, 0.25), "icmp_loss_ratio", "ratio")).toEqual([0, 1]);
    expect(height(plot([3]), "loss_percent", "percent")).toEqual([0, 100]);
  });

  it("does not let the band of a series without variance paint the plot", () => {
    for (const [value, lower, upper] of [
      [0, 0, 0.4],
      [0, 0, 1e-6],
      [50, 45, 55],
      [-7.4, -9, -6],
    ] as const) {
      const unit = value < 0 ? "dBm" : "packet/s";
      const [low, high] = height(plot([value, value, value], lower, upper), "m", unit);
      const share = (Math.min(upper, high) - Math.max(lower, low)) / (high - low);
      expect(share).toBeLessThan(0.35);
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThan(value);
    }
  });

  it("keeps the line's shape beside a far wider band", () => {
    const [low, high] = height(plot([10, 11, 12], -1000, 1000), "m", "ms");
    expect(2 / (high - low)).toBeGreaterThan(0.1);
  });

  it("leaves no room for a side without a limit", () => {
    const [low, high] = height(plot([10, 11, 12], -1e9, 1e9), "m", "dBm");
    expect(high - low).toBeLessThan(16);
    expect(height(plot([0, 0], 0, 1e9), "m", "ms")[1]).toBeLessThan(2);
  });

  it("goes as high as the highest of a bucket", () => {
    const data = { ...plot([4, 4.3]), max: [5, 6.2], min: [3, 2] };
    const [low, high] = height(data, "if_in_bps", "bit/s");
    expect(high).toBeGreaterThan(6.2);
    expect(low).toBeLessThanOrEqual(2);
  });

  it("stays within what a share can be, and above nothing", () => {
    const [low, high] = height(plot([0.9, 0.99]), "cpu_ratio", "ratio");
    expect(high).toBeLessThanOrEqual(1);
    expect(low).toBeGreaterThanOrEqual(0);
    expect(height(plot([]), "m", "ms")).toEqual([0, 1]);
    expect(height(plot([0, 0]), "if_in_errors_pps", "packet/s")).toEqual([0, 1]);
    const [from, to] = height(plot([5]), "m", "ms");
    expect(to).toBeGreaterThan(from);
  });
});

describe("labels of an axis", () => {
  it("are numbers as they are, none twice", () => {
    expect(ticks([0.995, 0.9975, 1], "ratio")).toEqual(["99.5 %", "99.75 %", "100 %"]);
    expect(ticks([0, 0.025, 0.05, 0.075], "ms")).toEqual([
      "0 ms",
      "0.025 ms",
      "0.05 ms",
      "0.075 ms",
    ]);
    expect(ticks([0, 2.5e9, 5e9], "bps")).toEqual(["0 bit/s", "2.5 Gbit/s", "5 Gbit/s"]);
    expect(ticks([-7.45, -7.4], "dBm")).toEqual(["−7.45 dBm", "−7.4 dBm"]);
  });

  it("are never the same, for any step and place", () => {
    for (const unit of ["bps", "ms", "ratio", "dBm", "s", "packet/s", "1", "celsius"]) {
      for (const base of [0, 1, 99.5, 12_345, 1e6, 4.4e6, 7.3e9]) {
        for (const step of [0.0001, 0.0025, 0.05, 0.5, 1, 2.5, 10, 25, 1000, 3600, 5e8]) {
          if (base / step > 1e9 || (unit === "s" && step < 1)) continue;
          const splits = [0, 1, 2, 3, 4].map((n) => base + n * step);
          const labels = ticks(splits, unit);
          expect(new Set(labels).size, `${unit} ${base} ${step}: ${labels}`).toBe(5);
        }
      }
    }
  });

  it("of time are never the same either", () => {
    const from = 1_795_950_000;
    for (const step of [5, 30, 60, 600, 3600, 21_600, 43_200, 86_400, 30 * 86_400, 180 * 86_400]) {
      const splits = Array.from({ length: 9 }, (_, i) => from - (from % step) + i * step);
      const labels = timeTicks(splits, step);
      expect(new Set(labels).size, `${step}: ${labels}`).toBe(9);
    }
  });
});
