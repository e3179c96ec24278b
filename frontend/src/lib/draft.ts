// Between what is typed into the device form and what the API takes.
import type { DeviceDetail, DeviceDraft } from "../api/types";

/** What the form does not show: a device keeps it when the rest is changed. */
type Kept = Pick<DeviceDraft, "any_source" | "icmp_echoes" | "icmp_spacing_ms" | "icmp_timeout_ms">;

export interface Typed {
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
  kept: Kept;
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
  kept: { any_source: false },
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
  kept: {
    any_source: device.any_source,
    icmp_echoes: device.icmp_echoes,
    icmp_spacing_ms: device.icmp_spacing_ms,
    icmp_timeout_ms: device.icmp_timeout_ms,
  },
});

/** SNMP asks with a credential: without one there is none, whatever was ticked. */
export const asksSnmp = (typed: Typed): boolean => typed.snmp && typed.credential !== "";

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
    ...typed.kept,
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
  };
  const name = typed.name.trim();
  if (name) draft.name = name;
  return { draft, wrong };
}
