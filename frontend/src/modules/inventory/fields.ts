// What a device is configured with, in words: for its history, and where two change it at once.
import type { EntityField } from "../../entities/fields";
import { duration } from "../../lib/format";
import { ECHO, type EchoField } from "./advanced";

const echo = (name: EchoField, label: string, unit = ""): EntityField => ({
  name,
  label,
  text: (value) =>
    typeof value === "number" ? `${value}${unit}` : `default (${ECHO[name].usual}${unit})`,
});

const text = (none: string) => (value: unknown) => String(value || none);

export const DEVICE_FIELDS: readonly EntityField[] = [
  { name: "name", label: "Name" },
  { name: "address", label: "Address" },
  { name: "site", label: "Site" },
  { name: "tags", label: "Tags" },
  { name: "credential", label: "Credential" },
  { name: "profile", label: "Profile", text: text("auto") },
  { name: "port", label: "SNMP port" },
  {
    name: "interval_ms",
    label: "Poll every",
    text: (value) => (typeof value === "number" ? duration(value) : "none"),
  },
  { name: "enabled", label: "Polling switched on" },
  { name: "snmp", label: "SNMP" },
  { name: "icmp", label: "ICMP" },
  { name: "any_source", label: "SNMP answers from any source" },
  echo("icmp_echoes", "Echo requests per poll"),
  echo("icmp_spacing_ms", "Time between requests", " ms"),
  echo("icmp_timeout_ms", "Wait for the last answer", " ms"),
];
