import { expect, it } from "vitest";
import { url } from "../src/api/client";
import { oneOf, parseSearch, searchOf, stringifySearch, text, time } from "../src/lib/search";
import { draftOf, EMPTY } from "../src/modules/inventory/draft";
import {
  clampRange,
  rangeOf,
  rangeParams,
  rangeSearch,
  resolveRange,
} from "../src/modules/monitoring/range";

const read = searchOf({ q: text, open: oneOf(["true", "false"]), at: time });

it("search parameters are typed, and what cannot be read is left out", () => {
  const through = (query: string) => read(parseSearch(query));
  expect(through("?q=123&open=true&at=1000")).toEqual({ q: "123", open: "true", at: 1000 });
  expect(through("?q=&open=maybe&at=soon&other=1")).toEqual({});
  expect(through("?at=-5")).toEqual({});
  expect(through("?at=1e400&q=a+b%2Fc")).toEqual({ q: "a b/c" });
  expect(through("?q=first&q=second")).toEqual({ q: "first" });
  // As the router gives them back: typed already.
  expect(read({ at: 1000, open: undefined, q: "x" })).toEqual({ at: 1000, q: "x" });
});

it("the URL is plain text, as it always was", () => {
  expect(stringifySearch({ open: "true", why: "s:a", q: undefined, site: "" })).toBe(
    "?open=true&why=s%3Aa",
  );
  expect(stringifySearch({ q: "true", from: 5 })).toBe("?q=true&from=5");
  expect(stringifySearch({})).toBe("");
  const odd = { if: "Gi0/1 & more", q: '"quoted"' };
  expect(parseSearch(stringifySearch(odd))).toEqual(odd);
});

it("a range survives the URL", () => {
  const readRange = searchOf(rangeSearch);
  const through = (query: string) => rangeOf(readRange(parseSearch(query)));
  expect(through("range=7d")).toEqual({ kind: "relative", ms: 7 * 86_400_000 });
  expect(through("range=nonsense")).toEqual({ kind: "relative", ms: 3_600_000 });
  expect(through("from=2000000&to=1000000")).toEqual({ kind: "relative", ms: 3_600_000 });
  const absolute = through("from=1000000&to=2000000");
  expect(absolute).toEqual({ kind: "absolute", from: 1_000_000, to: 2_000_000 });
  expect(rangeParams(absolute)).toEqual({
    range: undefined,
    from: 1_000_000,
    to: 2_000_000,
  });
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
