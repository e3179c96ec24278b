// FOR DEVELOPMENT ONLY: an invented network. Values are a function of series and time, so that
// any range can be asked for without storing anything.
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

const SITES = ["ber-1", "ber-2", "ham-1", "muc-1", "fra-1", "par-2"];
const ROLES = ["core", "agg", "access", "edge", "optical", "ups"];

const DEVICE_SERIES = [
  { metric: "icmp_rtt_ms", unit: "ms", base: 2, swing: 0.6, noise: 0.15 },
  { metric: "icmp_loss_ratio", unit: "1", base: 0, swing: 0, noise: 0 },
];
const PORT_SERIES = [
  { metric: "if_in_bps", unit: "bit/s", base: 3e8, swing: 2e8, noise: 0.05 },
  { metric: "if_out_bps", unit: "bit/s", base: 2e8, swing: 1.2e8, noise: 0.05 },
  { metric: "if_in_errors_pps", unit: "packet/s", base: 0, swing: 0, noise: 0 },
  { metric: "if_out_errors_pps", unit: "packet/s", base: 0, swing: 0, noise: 0 },
];
const OPTICAL = { metric: "xcvr_rx_power_dbm", unit: "dBm", base: -7.4, swing: 0.1, noise: 0.01 };

export class World {
  constructor(size) {
    this.devices = new Map();
    this.series = new Map();
    this.anomalies = new Map();
    this.credentials = new Map([["lab-v2c", { kind: "snmp_v2c", at: Date.now() - 3 * day }]]);
    this.serial = 0;
    for (let i = 0; i < size; i++) this.seed(i);
    for (let i = 0; i < 40; i++) this.pastAnomaly(i);
    for (let i = 0; i < 3; i++) this.onset(Date.now() - (i + 1) * 7 * minute);
  }

  seed(i) {
    const role = ROLES[i % ROLES.length];
    const site = SITES[Math.floor(hash(`s${i}`) * SITES.length)];
    const name = `${role}-${site}-${String(i).padStart(2, "0")}`;
    const luck = hash(`luck${i}`);
    const state = luck < 0.03 ? "down" : luck < 0.07 ? "degraded" : luck < 0.08 ? "unknown" : "up";
    const reasons = {
      down: "SNMP timeout, ICMP unreachable",
      degraded: "ICMP answers, SNMP does not",
      unknown: "Credential “core-v3” does not exist",
      up: "",
    };
    this.add(
      {
        name,
        address: `10.${i >> 12}.${(i >> 4) & 255}.${(i & 15) + 1}`,
        profile: role === "optical" ? "ciena" : "auto",
        credential: "lab-v2c",
        site,
        tags: [role],
      },
      {
        id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
        state,
        since: Date.now() - Math.floor(hash(`since${i}`) * (state === "up" ? 40 * day : 3 * hour)),
        reason: reasons[state],
        ports: role === "core" ? 48 : role === "ups" ? 0 : 8,
      },
    );
  }

  add(draft, extra = {}) {
    const id = extra.id ?? crypto.randomUUID();
    const device = {
      id,
      name: draft.name || draft.address,
      address: draft.address,
      port: draft.port ?? 161,
      profile: draft.profile || "auto",
      credential: draft.credential || null,
      site: draft.site || null,
      tags: draft.tags ?? [],
      enabled: draft.enabled ?? true,
      snmp: draft.snmp ?? true,
      icmp: draft.icmp ?? true,
      interval_ms: draft.interval_ms ?? 60_000,
      any_source: draft.any_source ?? false,
      icmp_echoes: draft.icmp_echoes ?? null,
      icmp_spacing_ms: draft.icmp_spacing_ms ?? null,
      icmp_timeout_ms: draft.icmp_timeout_ms ?? null,
      state: extra.state ?? "unknown",
      since: extra.since ?? Date.now(),
      reason: extra.reason ?? "Waiting for the first poll",
      born: extra.state ? 0 : Date.now(),
      ports: extra.ports ?? 4,
      updated_at: extra.since ?? Date.now(),
    };
    this.devices.set(id, device);
    const put = (spec, instance) => {
      const key = `${id}/${spec.metric}/${instance}`;
      const series = (BigInt(Math.floor(hash(key) * 2 ** 32)) << 32n) | BigInt(this.series.size);
      const name = series.toString(16).padStart(16, "0");
      this.series.set(name, { id: name, device: id, instance, spec });
      return name;
    };
    device.series = DEVICE_SERIES.map((spec) => put(spec, ""));
    device.portNames = [];
    for (let p = 0; p < device.ports; p++) {
      const port = `Gi0/${p + 1}`;
      device.portNames.push(port);
      for (const spec of PORT_SERIES) device.series.push(put(spec, port));
      if (p < 2) device.series.push(put(OPTICAL, port));
    }
    return device;
  }

  lastSample(device, now) {
    if (device.born && now < device.born + 8000) return null;
    if (device.state === "down" || device.state === "unknown") return Math.min(now, device.since);
    return now - (now % 5000);
  }

  /** Undisturbed value: a day's season and its noise. */
  normal(series, at, noisy = true) {
    const { spec, id } = series;
    const size = spec.unit === "bit/s" ? 0.1 + 1.8 * hash(id) : 1;
    const phase = hash(`p${id}`) * 0.5;
    const season = Math.sin(2 * Math.PI * ((at % day) / day + phase));
    const expected = (spec.base + spec.swing * season) * size;
    if (!noisy) return expected;
    const wobble = (hash(`${id}${Math.floor(at / 5000)}`) - 0.5) * 4 * spec.noise;
    return spec.unit === "dBm" ? expected + wobble : expected * (1 + wobble);
  }

  value(series, at) {
    const device = this.devices.get(series.device);
    if (device.state === "down" && at > device.since) return null;
    const normal = this.normal(series, at);
    for (const anomaly of device.anomalies ?? []) {
      if (anomaly.series !== series.id || at < anomaly.onset_at) continue;
      if (anomaly.cleared_at !== null && at > anomaly.cleared_at) continue;
      if (series.spec.unit === "dBm") return normal - 4;
      if (series.spec.unit === "1") return 0.22 + 0.06 * hash(`${at}`);
      return normal * 2.4;
    }
    return Math.max(series.spec.unit === "dBm" ? -40 : 0, normal);
  }

  band(series, at) {
    const expected = this.normal(series, at, false);
    const width =
      series.spec.unit === "dBm" ? 0.08 : Math.max(expected * series.spec.noise * 3, 0.02);
    return { expected, lower: expected - width, upper: expected + width };
  }

  anomalyAt(device, series, onset, cleared) {
    const { expected, lower, upper } = this.band(series, onset);
    const anomaly = {
      id: `a-${++this.serial}`,
      device: device.id,
      device_name: device.name,
      series: series.id,
      metric: series.spec.metric,
      instance: series.instance,
      unit: series.spec.unit,
      onset_at: onset,
      cleared_at: cleared,
      at: cleared ?? onset,
      value: 0,
      expected,
      lower,
      upper,
      score: 0,
      method: "robust-ewma-hour/1",
      version: 1,
    };
    device.anomalies ??= [];
    device.anomalies.push(anomaly);
    anomaly.value = this.value(series, onset) ?? 0;
    anomaly.peak = { at: onset, value: anomaly.value, expected, lower, upper };
    anomaly.clear = null;
    if (cleared !== null) this.clear(anomaly, cleared);
    anomaly.score = Math.min(
      40,
      Math.abs(anomaly.value - expected) / Math.max(1e-9, (upper - lower) / 6),
    );
    this.anomalies.set(anomaly.id, anomaly);
    return anomaly;
  }

  pick(salt) {
    const devices = [...this.devices.values()].filter((d) => d.state === "up" && d.ports > 0);
    const device = devices[Math.floor(hash(`d${salt}`) * Math.min(devices.length, 40))];
    const ids = device.series.slice(2);
    return [device, this.series.get(ids[Math.floor(hash(`i${salt}`) * Math.min(ids.length, 9))])];
  }

  pastAnomaly(i) {
    const [device, series] = this.pick(`past${i}`);
    if (series.spec.unit === "packet/s") return;
    const onset = Date.now() - Math.floor(hash(`t${i}`) * 3 * day) - hour;
    this.anomalyAt(
      device,
      series,
      onset,
      onset + 5 * minute + Math.floor(hash(`l${i}`) * 40 * minute),
    );
  }

  onset(at) {
    for (let salt = 0; salt < 50; salt++) {
      const [device, series] = this.pick(`${at}${salt}`);
      const busy = device.anomalies?.some((a) => a.series === series.id && a.cleared_at === null);
      if (series.spec.unit !== "packet/s" && !busy) return this.anomalyAt(device, series, at, null);
    }
    return null;
  }

  clear(anomaly, at) {
    const series = this.series.get(anomaly.series);
    const half = Math.round((anomaly.onset_at + at) / 2);
    const worst = this.value(series, half) ?? anomaly.value;
    anomaly.peak = { at: half, ...this.band(series, half), value: worst };
    anomaly.cleared_at = at;
    anomaly.at = at;
    anomaly.clear = { at, ...this.band(series, at), value: this.normal(series, at) };
  }

  open(device) {
    return (device.anomalies ?? []).filter((a) => a.cleared_at === null).length;
  }

  summary(device, now) {
    const { series, portNames, anomalies, ports, born, updated_at, ...rest } = device;
    const last = this.lastSample(device, now);
    const snmp = device.state === "degraded" ? Math.min(last, device.since) : last;
    return {
      ...rest,
      last_sample_at: last,
      last_answer_at: last,
      snmp_answer_at: device.snmp ? snmp : null,
      icmp_answer_at: device.icmp ? last : null,
      stale_after_ms: 3 * device.interval_ms,
      open_anomalies: this.open(device),
      interfaces: portNames.length,
    };
  }

  samples(series, from, to, points) {
    const span = to - from;
    const [resolution, bucket] =
      span <= 6 * hour ? ["raw", null] : span <= 3 * day ? ["5m", 5 * minute] : ["1h", hour];
    const now = Date.now();
    to = Math.min(to, now);
    // Polled every 15 s until half an hour ago, every minute since: as after the demo's start.
    const changed = Math.floor((now - 30 * minute) / minute) * minute;
    const thin = Math.max(1, Math.ceil(span / points / 15_000));
    const step = (at) => bucket ?? (at >= changed ? minute : 15_000 * thin);
    const device = this.devices.get(series.device);
    const born = device.born ? device.born + 8000 : 0;
    const out = { at: [], value: [], min: [], max: [] };
    const silent = device.state === "down" || device.state === "unknown" ? device.since : 8e15;
    const gapFrom = Math.floor((now - 45 * minute) / minute) * minute;
    const first = Math.floor(from / step(from)) * step(from);
    for (let at = first; at <= to; at += step(at)) {
      const value = this.value(series, at);
      if (value === null || at < born || at > silent) continue;
      if (!bucket && at > gapFrom && at < gapFrom + 6 * minute) continue;
      out.at.push(at);
      out.value.push(value);
      if (bucket) {
        const peak = hash(`peak${series.id}${at}`) > 0.93 ? 1.5 : 1.06;
        out.min.push(value * (value < 0 ? 1.01 : 0.94));
        out.max.push(value * (value < 0 ? 0.99 : peak));
      }
    }
    const newest = out.at.at(-1) ?? null;
    const spans = [];
    if (!bucket && gapFrom > from && gapFrom < to)
      spans.push({ from: gapFrom, to: gapFrom + 6 * minute, reason: "no_answer" });
    if (newest !== null && silent < to - 3 * minute)
      spans.push({ from: newest + (bucket ?? 0), to, reason: "no_answer" });
    const baseline = { at: [], expected: [], lower: [], upper: [] };
    const known = series.spec.swing > 0 && !device.born;
    const width = Math.max(5 * minute, bucket ?? 0);
    // The bucket under way is not written yet; the server holds the last one.
    for (let at = Math.floor(from / width) * width; known && at + width <= to; at += width) {
      const { expected, lower, upper } = this.band(series, at);
      baseline.at.push(at);
      baseline.expected.push(expected);
      baseline.lower.push(lower);
      baseline.upper.push(upper);
    }
    const looked = { raw: "samples", "5m": "5-minute roll-ups", "1h": "1-hour roll-ups" };
    return {
      interval_ms: minute,
      gap_spans: spans.filter((span) => span.to > span.from),
      running_from: bucket ? Math.floor(to / bucket) * bucket : null,
      newest_at: this.lastSample(device, now),
      empty_reason: out.at.length
        ? null
        : `None among the ${looked[resolution]} of this range. Choose a longer range.`,
      series: {
        id: series.id,
        device: device.id,
        device_name: device.name,
        metric: series.spec.metric,
        instance: series.instance,
        unit: series.spec.unit,
      },
      resolution,
      bucket_ms: bucket ?? 0,
      from,
      to,
      ...out,
      baseline,
      anomalies: (device.anomalies ?? []).filter(
        (a) => a.series === series.id && a.onset_at <= to && (a.cleared_at ?? to) >= from,
      ),
      gaps: gapFrom > from && gapFrom < to ? [{ at: gapFrom, reason: "gap" }] : [],
      no_baseline_reason: known ? null : "Still learning: a day of samples is needed",
    };
  }
}
