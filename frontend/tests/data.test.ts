import { describe, expect, it } from "vitest";
import type { Samples } from "../src/api/types";
import { bandEnds, readAt, staleSince, toPlot } from "../src/modules/monitoring/charts/data";
import { toCsv } from "../src/modules/monitoring/charts/export";
import { withInterval } from "../src/modules/monitoring/charts/gaps";
import {
  keepLive,
  takesLive,
  withAnomaly,
  withSample,
} from "../src/modules/monitoring/charts/live";

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
    const data = toPlot(samples(), start + 11 * minute);
    const [first, last] = data.gaps;
    expect(first).toEqual({ from: start + 2 * minute, to: start + 6 * minute, reason: "reset" });
    // Since then nothing came: four minutes at one a minute.
    expect(last).toMatchObject({ from: start + 7 * minute, to: start + 11 * minute });
    expect(data.x).toEqual([...data.x].sort((a, b) => a - b));
    const whole = samples({ at: [start, start + minute], value: [1, 2], to: start + 2 * minute });
    expect(toPlot({ ...whole, gap_spans: [] }).gaps).toEqual([]);
  });

  it("breaks from value to value, also where the band has an edge inside", () => {
    const holed = samples();
    holed.baseline.at = [start, start + 5 * minute];
    const data = toPlot(holed);
    const inside = data.x
      .map((x, i) => [x * 1000 - start, data.value[i]] as const)
      .filter(([at]) => at > 2 * minute && at < 6 * minute);
    expect(inside.length).toBeGreaterThan(1);
    expect(inside.every(([, value]) => value === null)).toBe(true);
  });

  it("keeps an explicit null as a gap", () => {
    const data = toPlot(
      samples({
        at: [0, 1, 2, 3, 4, 5].map((n) => start + n * minute),
        value: [1, 2, null, null, null, 6],
        to: start + 6 * minute,
        gap_spans: [],
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
      to: start + 61 * minute,
      gap_spans: [],
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

  it("draws a side without a limit beyond every axis", () => {
    const wide = samples();
    wide.baseline = { at: [start], expected: [10], lower: [null], upper: [Number.MAX_VALUE] };
    const data = toPlot(wide);
    expect(data.upper[0]).toBe(data.unlimited.high);
    expect(data.lower[0]).toBe(data.unlimited.low);
    expect(data.unlimited.high).toBeLessThan(1e6);
  });
});

describe("gaps", () => {
  /** Samples every 10 s for 15 min, then every minute for 10. */
  const slower = (change: Partial<Samples> = {}) => {
    const fast = Array.from({ length: 90 }, (_, i) => start + i * 10_000);
    const slow = Array.from({ length: 10 }, (_, i) => start + 15 * minute + i * minute);
    const at = [...fast, ...slow];
    return samples({
      at,
      value: at.map(() => 1),
      to: start + 25 * minute,
      interval_ms: minute,
      gap_spans: [],
      ...change,
    });
  };

  it("are none after a change of interval, either way", () => {
    expect(toPlot(slower()).gaps).toEqual([]);
    const times = slower().at;
    const faster = slower({
      at: times.map((at) => 2 * start + 24 * minute - at).reverse(),
      interval_ms: 10_000,
      to: start + 24 * minute,
    });
    expect(toPlot(faster).gaps).toEqual([]);
  });

  it("are what the server names, however far apart samples are", () => {
    const span = { from: start + 60_000, to: start + 95_000, reason: "no_answer" };
    const at = slower().at.filter((time) => time <= span.from || time >= span.to);
    const data = toPlot(slower({ at, value: at.map(() => 1), gap_spans: [span] }));
    expect(data.gaps).toEqual([span]);
    const inside = data.x.findIndex((x) => x * 1000 > span.from && x * 1000 < span.to);
    expect(data.value[inside]).toBeNull();
  });

  it("go on to now while nothing comes, and end with the next live sample", () => {
    const frozen = slower({
      gap_spans: [{ from: start + 24 * minute, to: start + 40 * minute, reason: "no_answer" }],
      to: start + 40 * minute,
    });
    const later = start + 41 * minute;
    expect(toPlot(frozen, later).gaps).toEqual([
      { from: start + 24 * minute, to: later, reason: "no_answer" },
    ]);
    const back = withSample(frozen, start + 40.5 * minute, 3);
    expect(toPlot(back, later).gaps.at(-1)).toMatchObject({ to: start + 40.5 * minute });
  });

  it("are seen in live samples since the answer, by its interval", () => {
    const then = slower();
    const one = withSample(then, start + 25 * minute, 2);
    const far = withSample(one, start + 28 * minute, 2);
    expect(toPlot(one, start + 26 * minute).gaps).toEqual([]);
    expect(toPlot(far, start + 28 * minute).gaps).toMatchObject([
      { from: start + 25 * minute, to: start + 28 * minute },
    ]);
  });

  it("wait for a longer interval that the inventory asks for already", () => {
    const fast = slower({ at: [start, start + 10_000], value: [1, 1], interval_ms: 10_000 });
    const then = { ...fast, to: start + 20_000 };
    expect(toPlot(then, start + 50_000).gaps).toHaveLength(1);
    expect(toPlot(withInterval(then, minute), start + 50_000).gaps).toEqual([]);
    expect(withInterval(then, 5000)).toBe(then);
  });

  it("of roll-ups begin where the last bucket ends", () => {
    const rolled = samples({
      resolution: "5m",
      bucket_ms: 5 * minute,
      at: [0, 5, 10, 20].map((n) => start + n * minute),
      value: [1, 2, null, 3],
      min: [0, 1, null, 2],
      max: [2, 3, null, 4],
      to: start + 25 * minute,
      gap_spans: [],
    });
    const data = toPlot(rolled);
    expect(data.gaps).toMatchObject([{ from: start + 10 * minute, to: start + 20 * minute }]);
    expect(data.max.filter((value) => typeof value === "number")).toEqual([2, 3, 4]);
    expect(data.min.filter((value) => typeof value === "number")).toEqual([0, 1, 2]);
  });
});

describe("the band", () => {
  const ending = (minutes: number) => samples({ to: start + minutes * minute });
  it("reaches now while its next bucket is not written", () => {
    const data = toPlot(ending(14), start + 14 * minute);
    expect((data.x.at(-1) ?? 0) * 1000).toBe(start + 14 * minute);
    expect(data.upper.at(-1)).toBe(17);
    expect(readAt(ending(14), start + 14 * minute)).toMatchObject({ expected: 15, upper: 17 });
  });
  it("ends when nothing has been expected for long", () => {
    expect(bandEnds(ending(60), start + 60 * minute).at(-1)).toBe(start + 10 * minute);
    expect(readAt(ending(60), start + 60 * minute)).toMatchObject({ expected: null, upper: null });
  });
  it("is held to a last point that stands for now", () => {
    const now = start + 13.4 * minute;
    const held = samples({ to: now });
    held.baseline.at = [start, start + 5 * minute, now];
    held.baseline.expected = [10, 15, 15];
    held.baseline.lower = [8, 13, 13];
    held.baseline.upper = [12, 17, 17];
    expect(bandEnds(held, now)[1]).toBe(now);
    expect(readAt(held, start + 11 * minute)).toMatchObject({ expected: 15 });
    const data = toPlot(held, now);
    expect(data.upper.every((edge) => typeof edge === "number")).toBe(true);
  });

  it("keeps its width when the last point is now", () => {
    const short = samples();
    short.baseline.at = [start, start + 5 * minute, start + 5.2 * minute];
    short.baseline.expected = [1, 2, 2];
    short.baseline.lower = [0, 1, 1];
    short.baseline.upper = [2, 3, 3];
    const data = toPlot(short);
    expect(data.upper[data.x.indexOf((start + minute) / 1000)]).toBe(2);
  });
});

describe("staleness", () => {
  it("counts from the newest value, by the interval", () => {
    expect(staleSince(samples(), start + 9 * minute)).toBeNull();
    expect(staleSince(samples(), start + 11 * minute)).toBe(start + 7 * minute);
    expect(staleSince(samples({ at: [], value: [] }), start)).toBeNull();
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
    // Nor to a roll-up that holds nothing yet, whatever its width says.
    const empty = samples({ resolution: "1h", bucket_ms: 0, at: [], value: [] });
    expect(withSample(empty, start + 8 * minute, 18)).toBe(empty);
    expect(takesLive(empty)).toBe(false);
    expect(keepLive(more, empty)).toBe(empty);
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
    const late = samples({ at: [start + 60 * minute], value: [1], to: start + 61 * minute });
    expect(toCsv(late).trim().split("\n")[2]).toBe("2023-11-14T23:13:20.000Z,1,,,,,");
  });
});
