import { expect, it } from "vitest";
import type { DeviceGroup, DeviceSummary } from "../src/api/types";
import { draftOf, EMPTY, formField, ruleOf, typedOf } from "../src/modules/groups/draft";
import { verdictOf } from "../src/modules/groups/verdict";

const now = 1_000_000_000;
const device = (state: string, more: Partial<DeviceSummary> = {}) =>
  ({ state, enabled: true, interval_ms: 60_000, last_answer_at: now, ...more }) as DeviceSummary;

it("the verdict says what is wrong among how many", () => {
  const rows = [device("down"), device("degraded"), device("up")];
  expect(verdictOf(rows, 3, now)).toBe("1 down, 1 degraded of 3 devices");
  expect(verdictOf([device("up")], 1, now)).toBe("All up: 1 device");
  expect(verdictOf([], 0, now)).toBe("No device belongs to it");
});

it("what no longer answers is not called up", () => {
  const old = device("up", { last_answer_at: now - 3_600_000 });
  expect(verdictOf([old, device("up")], 2, now)).toBe("1 no longer answering of 2 devices");
  const off = device("unknown", { enabled: false });
  expect(verdictOf([off], 1, now)).toBe("1 not polled of 1 device");
});

it("of a list that is not whole it says no more than is known", () => {
  const down = [device("down"), device("down")];
  expect(verdictOf(down, 500, now)).toBe("At least 2 down of 500 devices");
  expect(verdictOf([...down, device("up")], 500, now)).toBe("2 down of 500 devices");
  expect(verdictOf([device("up")], 500, now)).toBe("None down among 500 devices");
});

it("the rule of a group in words", () => {
  expect(ruleOf({ site: null, tags: [] })).toBeNull();
  expect(ruleOf({ site: "ber-1", tags: [] })).toBe("site ber-1");
  expect(ruleOf({ site: "ber-1", tags: ["core"] })).toBe("site ber-1 and tag core");
  expect(ruleOf({ site: null, tags: ["core", "edge"] })).toBe("tags core, edge");
});

it("a form without a name is not sent, and goes there and back unchanged", () => {
  expect(draftOf(EMPTY).wrong).toEqual({ name: "A name is needed." });
  const group = {
    name: "Core",
    description: "a\nb",
    site: "ber-1",
    tags: ["x", "y"],
    devices: ["1"],
  } as DeviceGroup;
  expect(draftOf(typedOf(group))).toEqual({ draft: group, wrong: {} });
  expect(draftOf({ ...EMPTY, name: " A " }).draft).toMatchObject({
    name: "A",
    site: null,
    tags: [],
  });
});

it("what is wrong with one of a list is said at the list", () => {
  expect(formField("devices[12]")).toBe("devices");
  expect(formField("name")).toBe("name");
});
