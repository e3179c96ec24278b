import { describe, expect, it } from "vitest";
import type { Samples } from "../src/api/types";
import { keepLive, readAt, stepOf, toPlot } from "../src/charts/data";
import { toCsv } from "../src/charts/export";
import { withAnomaly, withSample } from "../src/live/live";

const minute = 60_000;
const start = 1_700_000_000_000;

function samples(change: Partial<Samples> = {}): Samples {
  return {
    series: {
      id: "1",
      device: "d",
      device_name: "sw1",
      metric: "if_in_bps",
      instance: "Gi0/1",
      unit: "bps",
    },
    resolution: "raw",
    bucket_ms: 0,
    from: start,
    to: start + 10 * minute,
    at: [0, 1, 2, 6, 7].map((n) => start + n * minute),
    value: [10, 11, 12, 16, 17],
    min: [],
    max: [],
    baseline: {
      at: [start, start + 5 * minute],
      expected: [10, 15],
      lower: [8, 13],
      upper: [12, 17],
    },
    anomalies: [],
    gaps: [{ at: start + 4 * minute, reason: "reset" }],
    interval_ms: minute,
    running_from: null,
    newest_at: start + 7 * minute,
    empty_reason: null,
    gap_spans: [{ from: start + 2 * minute, to: start + 6 * minute, reason: "reset" }],
    no_baseline_reason: null,
    ...change,
  };
}

describe("toPlot", () => {
  it("breaks the line where samples are missing, and only there", () => {
    const data = toPlot(samples());
    expect(data.gaps).toEqual([{ from: start + 2 * minute, to: start + 6 * minute }]);
    expect(data.value.filter((value) => value === null)).toHaveLength(1);
    expect(data.x).toEqual([...data.x].sort((a, b) => a - b));
    expect(toPlot(samples({ at: [start, start + minute], value: [1, 2] })).gaps).toEqual([]);
  });

  it("keeps an explicit null as a gap", () => {
    const data = toPlot(
      samples({
        at: [0, 1, 2, 3, 4, 5].map((n) => start + n * minute),
        value: [1, 2, null, null, null, 6],
      }),
    );
    expect(data.gaps).toHaveLength(1);
    expect(data.value).toContain(null);
  });

  it("does not call the silence of a state a gap", () => {
    const state = samples({
      series: { ...samples().series, metric: "if_oper_status" },
      at: [start, start + minute, start + 60 * minute],
      value: [1, 2, 2],
    });
    expect(toPlot(state).gaps).toEqual([]);
  });

  it("holds the last band to the end of its bucket", () => {
    const data = toPlot(samples());
    const end = data.x.at(-1) ?? 0;
    expect(end * 1000).toBe(start + 10 * minute);
    expect([data.lower.at(-1), data.expected.at(-1), data.upper.at(-1)]).toEqual([13, 15, 17]);
  });

  it("has the band at every x inside a bucket, and none in a hole between buckets", () => {
    const holed = samples();
    holed.baseline.at = [start, start + 5 * minute, start + 20 * minute];
    holed.baseline.expected = [10, 15, 20];
    holed.baseline.lower = [8, 13, 18];
    holed.baseline.upper = [12, 17, 22];
    holed.at = [0, 1, 6, 7, 13, 21].map((n) => start + n * minute);
    const data = toPlot(holed);
    const at = (n: number) => data.lower[data.x.indexOf((start + n * minute) / 1000)];
    expect([0, 1, 5, 6, 7, 10, 13, 20, 21, 25].map(at)).toEqual([
      8,
      8,
      13,
      13,
      13,
      13,
      null,
      18,
      18,
      18,
    ]);
  });

  it("does not cut the band of a line that is nothing but zero", () => {
    const zero = samples({ at: [start, start + minute], value: [0, 0] });
    zero.baseline = { at: [start], expected: [0], lower: [0], upper: [0.25] };
    expect(toPlot(zero).upper[0]).toBe(0.25);
  });

  it("cuts a band without limits, so that the line keeps its shape", () => {
    const wide = samples();
    wide.baseline = { at: [start], expected: [10], lower: [null], upper: [Number.MAX_VALUE] };
    const data = toPlot(wide);
    expect(data.upper[0]).toBeLessThan(100);
    expect(data.lower[0]).toBeGreaterThan(-100);
  });

  it("takes the bucket as the step of roll-ups, the usual distance of raw samples", () => {
    expect(stepOf(samples({ bucket_ms: 300_000 }))).toBe(300_000);
    expect(stepOf(samples())).toBe(minute);
    expect(stepOf(samples({ at: [], value: [] }))).toBe(minute);
  });
});

describe("readAt", () => {
  it("says the newest sample without a cursor", () => {
    expect(readAt(samples(), null)).toMatchObject({
      at: start + 7 * minute,
      value: 17,
      expected: 15,
    });
  });
  it("says no data in a gap, with the reason", () => {
    expect(readAt(samples(), start + 4 * minute)).toMatchObject({ value: null, gap: "reset" });
  });
  it("takes the sample next to the cursor", () => {
    expect(readAt(samples(), start + 1.4 * minute)).toMatchObject({ value: 11, expected: 10 });
  });
  it("is silent without samples", () => {
    expect(readAt(samples({ at: [], value: [] }), null)).toBeNull();
  });
});

describe("live samples", () => {
  it("are appended to raw data, in order only", () => {
    const more = withSample(samples(), start + 8 * minute, 18);
    expect(more.at).toHaveLength(6);
    expect(withSample(more, start + 8 * minute, 99)).toBe(more);
    const rolled = samples({ resolution: "5m", bucket_ms: 300_000 });
    expect(withSample(rolled, start + 8 * minute, 18)).toBe(rolled);
  });
  it("stay when the database does not have them yet", () => {
    const more = withSample(samples(), start + 8 * minute, 18);
    expect(keepLive(more, samples())).toMatchObject({ value: [10, 11, 12, 16, 17, 18] });
    expect(keepLive(undefined, samples())).toEqual(samples());
    const other = samples({ series: { ...samples().series, id: "2" } });
    expect(keepLive(more, other)).toBe(other);
  });
  it("replace an anomaly by its newer self", () => {
    const anomaly = { id: "a", onset_at: 1, cleared_at: null } as Samples["anomalies"][number];
    const open = withAnomaly(samples(), anomaly);
    expect(withAnomaly(open, { ...anomaly, cleared_at: 2 }).anomalies).toMatchObject([
      { id: "a", cleared_at: 2 },
    ]);
  });
});

describe("toCsv", () => {
  it("has a row a sample, with the band that held then", () => {
    const lines = toCsv(samples()).trim().split("\n");
    expect(lines[1]).toBe("time,value,min,max,expected,lower,upper");
    expect(lines).toHaveLength(7);
    expect(lines[2]).toBe("2023-11-14T22:13:20.000Z,10,,,10,8,12");
    expect(lines[6]).toBe("2023-11-14T22:20:20.000Z,17,,,15,13,17");
  });
});
