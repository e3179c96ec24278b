import { expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import type { HistoryItem } from "../src/api/types";
import {
  canMerge,
  changesOf,
  differences,
  type EntityField,
  merged,
  moves,
  same,
  textOf,
} from "../src/entities/fields";
import { steps } from "../src/entities/queries";
import { isConflict, outcomeOf, personName } from "../src/entities/words";
import { DEVICE_FIELDS } from "../src/modules/inventory/fields";

const List = () => null;
const FIELDS: readonly EntityField[] = [
  { name: "site", label: "Site" },
  { name: "tags", label: "Tags" },
  { name: "devices", label: "Devices", Item: List },
];

it("nothing is nothing however it is written, and a list has no order", () => {
  for (const none of [null, undefined, "", []]) expect(same(none, null)).toBe(true);
  expect(same(["b", "a"], ["a", "b"])).toBe(true);
  expect(same(["a"], ["a", "b"])).toBe(false);
  expect(same(false, null)).toBe(false);
  expect(same(0, null)).toBe(false);
});

it("a change names what it was and what it is; what nobody sets by hand is left out", () => {
  const before = { id: "1", updated_at: 1, site: null, tags: ["a"] };
  const after = { id: "1", updated_at: 2, site: "ber-1", tags: ["a"] };
  expect(changesOf(FIELDS, before, after)).toEqual([
    { field: FIELDS[0], before: null, after: "ber-1" },
  ]);
});

it("a field of another release is shown by its name", () => {
  const [change] = changesOf(FIELDS, { serial_number: "A1" }, { serial_number: "A2" });
  expect(change?.field.label).toBe("Serial number");
  expect(change).toMatchObject({ before: "A1", after: "A2" });
});

it("values are said in words", () => {
  const text = (name: string, value: unknown) =>
    textOf(DEVICE_FIELDS.find((field) => field.name === name) as EntityField, value);
  expect(text("interval_ms", 300_000)).toBe("5 min");
  expect(text("snmp", true)).toBe("yes");
  expect(text("icmp", false)).toBe("no");
  expect(text("credential", null)).toBe("none");
  expect(text("tags", ["a", "b"])).toBe("a, b");
  expect(text("icmp_spacing_ms", 500)).toBe("500 ms");
  expect(text("icmp_echoes", null)).toBe("default (3)");
});

const base = { site: "x", tags: ["a"], devices: ["1", "2"] };

it("of two versions each difference says who made it", () => {
  const found = differences(
    FIELDS,
    base,
    { ...base, site: "mine", tags: ["m"] },
    { ...base, site: "theirs", devices: ["1"] },
  );
  expect(found.map(({ field, by }) => [field.name, by])).toEqual([
    ["site", "both"],
    ["tags", "me"],
    ["devices", "them"],
  ]);
  expect(canMerge(found)).toBe(false);
});

it("both changed it to the same: no difference", () => {
  expect(differences(FIELDS, base, { ...base, site: "y" }, { ...base, site: "y" })).toEqual([]);
});

it("changes of different fields are merged", () => {
  const mine = { ...base, site: "mine" };
  const theirs = { ...base, tags: ["t"] };
  const found = differences(FIELDS, base, mine, theirs);
  expect(canMerge(found)).toBe(true);
  expect(merged(found, mine, theirs)).toEqual({ ...base, site: "mine", tags: ["t"] });
});

it("a list to which both added and from which both removed has all of it", () => {
  const mine = { ...base, devices: ["2", "3"] };
  const theirs = { ...base, devices: ["1", "2", "4"] };
  const found = differences(FIELDS, base, mine, theirs);
  expect(found[0]?.by).toBe("both");
  expect(canMerge(found)).toBe(true);
  expect([...merged(found, mine, theirs).devices].sort()).toEqual(["2", "3", "4"]);
});

it("only one of them changed something: there is nothing to merge", () => {
  expect(canMerge(differences(FIELDS, base, base, { ...base, site: "t" }))).toBe(false);
  expect(canMerge(differences(FIELDS, base, { ...base, site: "m" }, base))).toBe(false);
});

it("what came into a list and what left it", () => {
  expect(moves(["a", "b"], ["b", "c"])).toEqual({ added: ["c"], removed: ["a"] });
  expect(moves(null, ["a"])).toEqual({ added: ["a"], removed: [] });
});

it("the last version that is loaded waits for the one before", () => {
  const item = (revision: number) => ({ revision }) as HistoryItem;
  const all = [item(3), item(2), item(1)];
  expect(steps(all, false).map(({ before }) => before?.revision)).toEqual([2, 1, undefined]);
  expect(steps(all, true).map(({ item: { revision } }) => revision)).toEqual([3, 2]);
});

it("what may have been done is not called undone", () => {
  const failed = (status: number) => new ApiError({ title: "T", status, detail: "why" });
  expect(outcomeOf(failed(422), "saved")).toBe("Not saved: why");
  expect(outcomeOf(failed(500), "saved")).toBe("Not saved: why");
  for (const status of [0, 502, 503, 504]) {
    expect(outcomeOf(failed(status), "deleted")).toBe(
      "It is not known whether it was deleted: why",
    );
  }
  expect(isConflict(failed(412))).toBe(true);
  expect(isConflict(failed(409))).toBe(false);
});

it("who is no user has a name for people", () => {
  expect(personName("anna")).toBe("anna");
  expect(personName("token")).toBe("the command line");
  expect(personName("file")).toBe("the inventory file");
  expect(personName("")).toBe("an unnamed user");
});
