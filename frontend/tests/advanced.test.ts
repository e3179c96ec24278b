// @vitest-environment node
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { DeviceDetail } from "../src/api/types";
import { advancedPairs, ECHO, ECHO_FIELDS, echoValue } from "../src/modules/inventory/advanced";
import {
  advancedSet,
  draftOf,
  EMPTY,
  formField,
  typedOf,
  usesEchoes,
} from "../src/modules/inventory/draft";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const detail = {
  name: "edge-1",
  address: "192.0.2.1",
  port: 161,
  profile: "auto",
  credential: "lab",
  tags: [],
  interval_ms: 60_000,
  snmp: true,
  icmp: true,
  enabled: true,
  any_source: false,
  icmp_echoes: null,
  icmp_spacing_ms: null,
  icmp_timeout_ms: null,
} as unknown as DeviceDetail;
const device = (change: Partial<DeviceDetail>): DeviceDetail => ({ ...detail, ...change });
const base = typedOf(detail);

it("the limits are those of api/openapi.json", () => {
  const { properties } = JSON.parse(read("api/openapi.json")).components.schemas.DeviceInput;
  for (const field of ECHO_FIELDS) {
    const { least, most } = ECHO[field];
    expect({ field, least, most }).toEqual({
      field,
      least: properties[field].minimum,
      most: properties[field].maximum,
    });
  }
});

it("the defaults are those of the pollers", () => {
  const config = read("connectors/src/config.rs");
  for (const field of ECHO_FIELDS) {
    const set = new RegExp(`\\b${field}: ([\\d_]+),`).exec(config)?.[1];
    expect(`${field} ${set?.replace("_", "")}`).toBe(`${field} ${ECHO[field].usual}`);
  }
  expect(read("pipeline/config/default.toml")).toContain(`icmp_echoes = ${ECHO.icmp_echoes.usual}`);
});

it("a number is within its limits, or wrong; nothing is the default", () => {
  for (const field of ECHO_FIELDS) {
    const { least, most } = ECHO[field];
    expect(echoValue(field, ` ${least} `)).toBe(least);
    expect(echoValue(field, String(most))).toBe(most);
    expect(echoValue(field, " ")).toBeNull();
    for (const text of [String(least - 1), String(most + 1), "1.5", "0x10", "1e1", "ten", "-1"]) {
      expect(echoValue(field, text), `${field} ${text}`).toBeUndefined();
    }
  }
});

it("an edit sends back what the device has", () => {
  const typed = typedOf(device({ any_source: true, icmp_echoes: 7, icmp_spacing_ms: 0 }));
  expect(advancedSet(typed)).toBe(3);
  expect(draftOf(typed)).toMatchObject({
    wrong: {},
    draft: { any_source: true, icmp_echoes: 7, icmp_spacing_ms: 0, icmp_timeout_ms: null },
  });
  expect(draftOf({ ...typed, icmp_echoes: "", any_source: false }).draft).toMatchObject({
    any_source: false,
    icmp_echoes: null,
  });
});

it("what is out of range is said at its field", () => {
  const wrong = draftOf({ ...base, icmp_echoes: "21", icmp_timeout_ms: "9" }).wrong;
  expect(wrong).toEqual({
    icmp_echoes: "A whole number from 1 to 20.",
    icmp_timeout_ms: "A whole number from 10 to 60000, in ms.",
  });
});

it("without ICMP its settings stay where they are right and stop nobody where they are wrong", () => {
  const typed = { ...base, icmp: false, icmp_echoes: "7", icmp_spacing_ms: "far" };
  expect(draftOf(typed)).toMatchObject({
    wrong: {},
    draft: { icmp: false, icmp_echoes: 7, icmp_spacing_ms: null },
  });
});

it("what belongs to a protocol that is off is not in force", () => {
  expect(usesEchoes(base)).toBe(false);
  expect(usesEchoes({ ...base, icmp_spacing_ms: "0" })).toBe(true);
  expect(usesEchoes({ ...base, icmp_spacing_ms: "0", icmp: false })).toBe(false);
  expect(advancedSet(EMPTY)).toBe(0);
});

it("the device's page names what is set and in force", () => {
  expect(advancedPairs(detail)).toEqual([]);
  const all = { any_source: true, icmp_echoes: 5, icmp_spacing_ms: 0, icmp_timeout_ms: 2500 };
  const echoes = [
    ["Echoes per poll", "5"],
    ["Echo spacing", "0 ms"],
    ["Echo timeout", "2,500 ms"],
  ];
  expect(advancedPairs(device(all))).toEqual([["SNMP answers", "from any source"], ...echoes]);
  expect(advancedPairs(device({ ...all, snmp: false }))).toEqual(echoes);
  expect(advancedPairs(device({ ...all, icmp: false }))).toHaveLength(1);
});

it("a field of the API is marked at the form's field", () => {
  expect(formField("interval_ms")).toBe("interval");
  expect(ECHO_FIELDS.map(formField)).toEqual(ECHO_FIELDS);
});
