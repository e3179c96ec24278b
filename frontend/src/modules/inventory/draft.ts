// Between what is typed into the device form and what the API takes.
import type { DeviceDetail, DeviceDraft } from "../../api/types";
import { ECHO_FIELDS, type EchoField, echoRange, echoValue } from "./advanced";

export interface Typed extends Record<EchoField, string> {
  address: string;
  name: string;
  port: string;
  profile: string;
  credential: string;
  site: string;
  tags: string;
  interval: string;
  snmp: boolean;
  icmp: boolean;
  enabled: boolean;
  any_source: boolean;
}

export const EMPTY: Typed = {
  address: "",
  name: "",
  port: "161",
  profile: "auto",
  credential: "",
  site: "",
  tags: "",
  interval: "60",
  snmp: true,
  icmp: true,
  enabled: true,
  any_source: false,
  icmp_echoes: "",
  icmp_spacing_ms: "",
  icmp_timeout_ms: "",
};

export const typedOf = (device: DeviceDetail): Typed => ({
  address: device.address,
  name: device.name,
  port: String(device.port),
  profile: device.profile,
  credential: device.credential ?? "",
  site: device.site ?? "",
  tags: device.tags.join(", "),
  interval: String(device.interval_ms / 1000),
  snmp: device.snmp,
  icmp: device.icmp,
  enabled: device.enabled,
  any_source: device.any_source,
  icmp_echoes: String(device.icmp_echoes ?? ""),
  icmp_spacing_ms: String(device.icmp_spacing_ms ?? ""),
  icmp_timeout_ms: String(device.icmp_timeout_ms ?? ""),
});

/** SNMP asks with a credential: without one there is none, whatever was ticked. */
export const asksSnmp = (typed: Typed): boolean => typed.snmp && typed.credential !== "";

const echoesSet = (typed: Typed): number =>
  ECHO_FIELDS.filter((field) => typed[field].trim() !== "").length;

/** How many of the advanced settings are set, in force or not. */
export const advancedSet = (typed: Typed): number => Number(typed.any_source) + echoesSet(typed);

/** Whether any setting of the echo requests is in force. */
export const usesEchoes = (typed: Typed): boolean => typed.icmp && echoesSet(typed) > 0;

/** The form's name of a field of the API; of a list, also of one in it (`tags[2]`). */
export function formField(field: string): string {
  const name = field.replace(/\[.*$/, "");
  return name === "interval_ms" ? "interval" : name;
}

export type Wrong = Partial<Record<keyof Typed, string>>;

/** The draft, and what is wrong by field. The server has the last word on everything. */
export function draftOf(typed: Typed): { draft: DeviceDraft; wrong: Wrong } {
  const wrong: Wrong = {};
  const address = typed.address.trim();
  const port = Number(typed.port);
  const interval = Number(typed.interval);
  if (!address) wrong.address = "An address is needed.";
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    wrong.port = "A port is a number from 1 to 65535.";
  }
  if (!Number.isFinite(interval) || interval < 1) wrong.interval = "At least 1 second.";
  const draft: DeviceDraft = {
    address,
    port,
    profile: typed.profile.trim() || "auto",
    credential: typed.credential || null,
    site: typed.site.trim() || null,
    tags: typed.tags
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean),
    interval_ms: Math.round(interval * 1000),
    snmp: asksSnmp(typed),
    icmp: typed.icmp,
    enabled: typed.enabled,
    any_source: typed.any_source,
  };
  for (const field of ECHO_FIELDS) {
    const value = echoValue(field, typed[field]);
    // Its field is disabled while ICMP is off; what is valid stays for when it is on again.
    if (value === undefined && typed.icmp) wrong[field] = echoRange(field);
    draft[field] = value ?? null;
  }
  const name = typed.name.trim();
  if (name) draft.name = name;
  return { draft, wrong };
}
