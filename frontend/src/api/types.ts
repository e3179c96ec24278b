// The shapes the pages speak of: those of the API by their names, and what live events carry.
import type { components } from "./generated";

type Schemas = components["schemas"];

export type DeviceState = Schemas["State"];
export type Session = Schemas["Session"];
export type DeviceSummary = Schemas["DeviceSummary"] & {
  last_answer_at?: number | null;
  snmp_answer_at?: number | null;
  icmp_answer_at?: number | null;
  stale_after_ms?: number;
};
export type StatusChange = Schemas["StatusChange"];
/** A summary and more; said so, because the generator sees only the sum. */
export type DeviceDetail = DeviceSummary & Omit<Schemas["DeviceDetail"], keyof DeviceSummary>;
export type DeviceDraft = Schemas["DeviceInput"];
export type Summary = Schemas["Summary"] & { shortest_interval_ms?: number | null };
export type DeviceTestDraft = Schemas["DeviceTestInput"];
export type DeviceTest = Schemas["ProbeReport"];
export type Interface = Schemas["Interface"] & {
  present?: boolean;
  last_sample_at?: number | null;
};
export interface InterfaceList {
  items: Interface[];
  total?: number;
  next_cursor?: string | null;
  answered_at?: number | null;
  stale_after_ms?: number;
}
export type InterfaceMetric = Schemas["InterfaceMetric"];
export type Series = Schemas["SeriesItem"];
/** A sample of an anomaly and what was expected of it. */
export interface AnomalyEvidence {
  at: number;
  value: number;
  expected: number;
  lower: number;
  upper: number;
}
export type AnomalyItem = Schemas["AnomalyItem"] & {
  peak?: AnomalyEvidence;
  clear?: AnomalyEvidence | null;
};
export type Resolution = Schemas["Resolution"];
export interface GapSpan {
  from: number;
  to: number;
  reason: string;
}
export type Samples = Schemas["Samples"] & {
  interval_ms?: number;
  gap_spans?: GapSpan[];
  running_from?: number | null;
  newest_at?: number | null;
  empty_reason?: string | null;
};
export type PollerTiming = Schemas["PollerTiming"];
export type Credential = Schemas["Credential"] & { used_by?: string[] };
export type CredentialKind = Schemas["CredentialKind"];
export type CredentialField = Schemas["CredentialField"];
export type SystemStatus = Schemas["SystemStatus"];
export type ProcessInfo = Schemas["ProcessInfo"];
export type LogLine = Schemas["LogLine"];
export type LogPage = Schemas["LogPage"];

export type DeviceGroup = Schemas["DeviceGroup"];
export type DeviceGroupDraft = Schemas["DeviceGroupInput"];
/** Of whatever is configured: which version it is, and whose. */
export type Revised = Pick<DeviceGroup, "name" | "revision" | "updated_at" | "updated_by">;
export type HistoryItem = Schemas["Version"];
export type HistoryPage = Schemas["VersionPage"];

export type FieldError = Schemas["FieldError"];
/** What failed, as RFC 9457 has it; a failure on the way has no more than title and status. */
export type Problem = Partial<Schemas["Problem"]> & { title: string; status: number };

export interface Page<T> {
  items: T[];
  total: number;
  next_cursor?: string | null;
  asked_at?: number;
}

/** Data of the event `status`. */
export interface LiveStatus {
  device: string;
  state: DeviceState;
  since: number;
  reason: string;
}

/** Data of the event `anomaly`. */
export type LiveAnomaly = AnomalyItem & { transition: string };

/** Data of the event `samples`. */
export interface LiveSamples {
  device: string;
  at: number;
  series: Record<string, number | null>;
}
