// The shapes the pages speak of.

export type DeviceState = "up" | "degraded" | "down" | "unknown";

export interface Session {
  username: string;
  expires_at: number;
}

export interface DeviceSummary {
  id: string;
  name: string;
  address: string;
  port: number;
  profile: string;
  credential: string | null;
  site: string | null;
  tags: string[];
  enabled: boolean;
  snmp: boolean;
  icmp: boolean;
  interval_ms: number;
  state: DeviceState;
  since: number;
  reason: string;
  last_sample_at: number | null;
  open_anomalies: number;
  interfaces: number;
}

export interface StatusChange {
  state: DeviceState;
  since: number;
  reason: string;
}

export interface DeviceDetail extends DeviceSummary {
  facts: Record<string, string>;
  source: string;
  updated_at: number;
  status_history: StatusChange[];
}

export interface DeviceDraft {
  address: string;
  name?: string;
  port?: number;
  profile?: string;
  credential?: string | null;
  site?: string | null;
  tags?: string[];
  interval_ms?: number;
  snmp?: boolean;
  icmp?: boolean;
  enabled?: boolean;
}

export interface Summary {
  devices: Record<DeviceState, number>;
  open_anomalies: number;
  newest_sample_at: number | null;
}

export interface Page<T> {
  items: T[];
  total: number;
  next_cursor: string | null;
}

export interface TestStep {
  name: string;
  ok: boolean;
  detail: string;
  duration_ms: number;
}

export interface DeviceTest {
  steps: TestStep[];
  sys_name: string | null;
  sys_descr: string | null;
  profile: string | null;
  interfaces: number | null;
}

export interface InterfaceMetric {
  metric: string;
  unit: string;
  series: string;
  value: number | null;
  at: number | null;
  open_anomaly: boolean;
}

export interface Interface {
  name: string;
  alias: string | null;
  index: number | null;
  mac: string | null;
  admin_status: string | null;
  oper_status: string | null;
  speed_bps: number | null;
  metrics: InterfaceMetric[];
}

export interface Series {
  id: string;
  metric: string;
  instance: string;
  unit: string;
  value: number | null;
  at: number | null;
  open_anomaly: boolean;
}

export interface AnomalyItem {
  id: string;
  device: string;
  device_name: string;
  series: string;
  metric: string;
  instance: string;
  unit: string;
  onset_at: number;
  cleared_at: number | null;
  at: number;
  value: number;
  expected: number;
  lower: number;
  upper: number;
  score: number;
  method: string;
  version: number;
}

export type Resolution = "raw" | "5m" | "1h" | "1d";

export interface Samples {
  series: {
    id: string;
    device: string;
    device_name: string;
    metric: string;
    instance: string;
    unit: string;
  };
  resolution: Resolution;
  bucket_ms: number | null;
  from: number;
  to: number;
  at: number[];
  value: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  baseline: {
    at: number[];
    expected: number[];
    lower: (number | null)[];
    upper: (number | null)[];
  };
  anomalies: AnomalyItem[];
  gaps: { at: number; reason: string }[];
  no_baseline_reason?: string | null;
}

export interface PollerTiming {
  device: string;
  device_name: string;
  connector: string;
  last_duration_ms: number | null;
  last_outcome: string | null;
  last_at: number | null;
  requests: number;
  timeouts: number;
}

export interface Credential {
  name: string;
  kind: string;
  created_at: number;
  updated_at: number;
  devices: number;
}

export interface SystemStatus {
  version: string;
  log: { kind: string; id: string };
  database: { tier: string; version: string; migration: number | string };
  roles: { name: string; state: string; lag: number | null; detail: string }[];
  started_at: number;
  warnings: string[];
}

export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string | null;
  instance?: string | null;
  errors?: { field: string; detail: string }[] | null;
}

export interface LiveStatus {
  device: string;
  state: DeviceState;
  since: number;
  reason: string;
}

export type LiveAnomaly = AnomalyItem & { transition: string };

export interface LiveSamples {
  device: string;
  at: number;
  series: Record<string, number | null>;
}
