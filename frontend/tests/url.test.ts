import { beforeEach, expect, it } from "vitest";
import { url } from "../src/api/client";
import { draftOf, EMPTY } from "../src/lib/draft";
import { clampRange, parseRange, rangeParams, resolveRange } from "../src/lib/range";
import { match, navigate, withParams } from "../src/lib/router";
import { visibleSpan } from "../src/ui/windowed";

beforeEach(() => history.replaceState(null, "", "/"));

it("match takes parameters out of a path", () => {
  expect(match("/devices/:id", "/devices/a%2Fb")).toEqual({ id: "a/b" });
  expect(match("/devices/:id", "/devices/a/edit")).toBeNull();
  expect(match("/", "/")).toEqual({});
  expect(match("/devices/:id", "/devices/%E0%A4%A")).toBeNull();
});

it("state lives in the URL and goes with Back", () => {
  navigate("/anomalies?open=true&device=d1");
  expect(withParams({ device: null, why: "s:a" })).toBe("/anomalies?open=true&why=s%3Aa");
  navigate(withParams({ device: null }), { replace: true });
  expect(location.search).toBe("?open=true");
});

it("a range survives the URL", () => {
  const through = (text: string) => parseRange(new URLSearchParams(text));
  expect(through("range=7d")).toEqual({ kind: "relative", ms: 7 * 86_400_000 });
  expect(through("range=nonsense")).toEqual({ kind: "relative", ms: 3_600_000 });
  expect(through("from=2000000&to=1000000")).toEqual({ kind: "relative", ms: 3_600_000 });
  const absolute = through("from=1000000&to=2000000");
  expect(absolute).toEqual({ kind: "absolute", from: 1_000_000, to: 2_000_000 });
  expect(rangeParams(absolute)).toEqual({ range: null, from: "1000000", to: "2000000" });
  expect(resolveRange({ kind: "relative", ms: 10 }, 100)).toEqual({ from: 90, to: 100 });
});

it("a zoom is never shorter than a minute", () => {
  const { from, to } = clampRange(1_000_000, 1_000_001);
  expect(to - from).toBe(60_000);
});

it("url leaves out what is not said", () => {
  expect(url("/a", { q: "x y", state: "", limit: 5, cursor: null })).toBe("/a?q=x+y&limit=5");
  expect(url("/a")).toBe("/a");
});

it("visibleSpan draws what is near the view, also at the ends", () => {
  expect(visibleSpan(10_000, 36, 300, 900)).toEqual({ start: 0, end: 29 });
  const middle = visibleSpan(10_000, 36, -180_000, 900);
  expect(middle.start).toBe(5000 - 12);
  expect(middle.end).toBe(5025 + 12);
  expect(visibleSpan(10, 36, -100_000, 900)).toEqual({ start: 9, end: 10 });
  expect(visibleSpan(0, 36, 0, 900)).toEqual({ start: 0, end: 0 });
});

it("the device form says what is wrong at the field", () => {
  expect(Object.keys(draftOf({ ...EMPTY, port: "0x", interval: "" }).wrong)).toEqual([
    "address",
    "port",
    "interval",
  ]);
  const { draft, wrong } = draftOf({
    ...EMPTY,
    address: " 192.0.2.1 ",
    tags: "a, b,,",
    interval: "30",
  });
  expect(wrong).toEqual({});
  expect(draft).toMatchObject({
    address: "192.0.2.1",
    tags: ["a", "b"],
    interval_ms: 30_000,
    credential: null,
  });
  expect(draft).not.toHaveProperty("name");
});

it("SNMP is not asked without a credential", () => {
  expect(draftOf({ ...EMPTY, address: "192.0.2.1" }).draft.snmp).toBe(false);
  expect(draftOf({ ...EMPTY, address: "192.0.2.1", credential: "lab" }).draft.snmp).toBe(true);
});
