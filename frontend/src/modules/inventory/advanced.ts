// How a device is asked, where the usual way does not fit it: limits, defaults, words.
import type { DeviceDetail } from "../../api/types";
import { count } from "../../lib/format";

export type EchoField = "icmp_echoes" | "icmp_spacing_ms" | "icmp_timeout_ms";

export const ECHO_FIELDS: readonly EchoField[] = [
  "icmp_echoes",
  "icmp_spacing_ms",
  "icmp_timeout_ms",
];

/** Least and most that the API takes, and what the pollers use where nothing is set. */
export const ECHO: Record<EchoField, { least: number; most: number; usual: number }> = {
  icmp_echoes: { least: 1, most: 20, usual: 3 },
  icmp_spacing_ms: { least: 0, most: 10_000, usual: 200 },
  icmp_timeout_ms: { least: 10, most: 60_000, usual: 1_000 },
};

/** The number typed; null when nothing is, undefined when it is none that the API takes. */
export function echoValue(field: EchoField, text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === "") return null;
  const value = /^\d+$/.test(typed) ? Number(typed) : Number.NaN;
  return value >= ECHO[field].least && value <= ECHO[field].most ? value : undefined;
}

export function echoRange(field: EchoField): string {
  const { least, most } = ECHO[field];
  return `A whole number from ${least} to ${most}${field.endsWith("_ms") ? ", in ms" : ""}.`;
}

type Settings = Pick<DeviceDetail, EchoField | "any_source" | "snmp" | "icmp">;

/** What is set and in force, as name and value: a protocol that is off uses none of it. */
export function advancedPairs(device: Settings): [string, string][] {
  const pairs: [string, string][] = [];
  const { icmp_echoes, icmp_spacing_ms, icmp_timeout_ms } = device;
  if (device.snmp && device.any_source) pairs.push(["SNMP answers", "from any source"]);
  if (!device.icmp) return pairs;
  if (icmp_echoes !== null) pairs.push(["Echoes per poll", count(icmp_echoes)]);
  if (icmp_spacing_ms !== null) pairs.push(["Echo spacing", `${count(icmp_spacing_ms)} ms`]);
  if (icmp_timeout_ms !== null) pairs.push(["Echo timeout", `${count(icmp_timeout_ms)} ms`]);
  return pairs;
}
