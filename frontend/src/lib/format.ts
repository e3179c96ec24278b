// Numbers with their units, times with their age and zone.

const locale = "en-GB";
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A span as a person says it: `4 min`, `2 h 10 min`, `3 d`. */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1000) return `${Math.round(span)} ms`;
  if (span < minute) return `${Math.floor(span / 1000)} s`;
  if (span < hour) return `${Math.floor(span / minute)} min`;
  if (span < day) return pair(span, hour, "h", minute, "min");
  if (span < 14 * day) return pair(span, day, "d", hour, "h");
  return `${Math.floor(span / day)} d`;
}

function pair(span: number, big: number, bigName: string, small: number, smallName: string) {
  const high = Math.floor(span / big);
  const low = Math.floor((span % big) / small);
  return low ? `${high} ${bigName} ${low} ${smallName}` : `${high} ${bigName}`;
}

const dateTime = new Intl.DateTimeFormat(locale, {
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const clock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const shortDate = new Intl.DateTimeFormat(locale, { day: "2-digit", month: "short" });

export const absolute = (ms: number): string => dateTime.format(ms);
export const timeOfDay = (ms: number): string => clock.format(ms);

/** The time of day, and the date where it is not today's. */
export function moment(ms: number, now: number): string {
  const today = new Date(ms).toDateString() === new Date(now).toDateString();
  return today ? clock.format(ms) : `${shortDate.format(ms)} ${clock.format(ms).slice(0, 5)}`;
}

/** The viewer's zone with its offset: `Europe/Berlin (UTC+1)`. */
export function zone(now: number): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const minutes = -new Date(now).getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  const offset = minutes === 0 ? "UTC" : `UTC${sign}${Math.floor(size / 60)}${rest}`;
  return name === "UTC" ? "UTC" : `${name} (${offset})`;
}

/** Unit as the records name it, to how it is shown and whether it takes SI prefixes. */
const UNITS: Record<string, { text: string; prefixes: boolean }> = {
  bps: { text: "bit/s", prefixes: true },
  "bit/s": { text: "bit/s", prefixes: true },
  pps: { text: "pkt/s", prefixes: true },
  "packet/s": { text: "pkt/s", prefixes: true },
  "packets/s": { text: "pkt/s", prefixes: true },
  B: { text: "B", prefixes: true },
  byte: { text: "B", prefixes: true },
  bytes: { text: "B", prefixes: true },
  Hz: { text: "Hz", prefixes: true },
  "1/s": { text: "/s", prefixes: true },
  percent: { text: "%", prefixes: false },
  ratio: { text: "%", prefixes: false },
  celsius: { text: "°C", prefixes: false },
  Cel: { text: "°C", prefixes: false },
  "1": { text: "", prefixes: false },
};

const PREFIXES = ["", "k", "M", "G", "T", "P"];

function digits(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return value.toPrecision(2);
}

/** ifOperStatus and ifAdminStatus (RFC 2863). */
const IF_STATUS: Record<number, string> = {
  1: "up",
  2: "down",
  3: "testing",
  4: "unknown",
  5: "dormant",
  6: "not present",
  7: "lower layer down",
};

/** The records say "1" for what has no unit; the metric's name says how it is read. */
export function shownUnit(metric: string, unit: string): string {
  if (unit !== "1") return unit;
  if (metric.endsWith("_ratio")) return "ratio";
  return /^if_(oper|admin)_status$/.test(metric) ? "ifStatus" : unit;
}

/** A value with its unit: `12.3 Mbit/s`, `−7.41 dBm`, `0.20 %`. */
export function quantity(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Math.abs(value) > 1e300) return value < 0 ? "−∞" : "∞";
  const known = UNITS[unit] ?? { text: unit, prefixes: false };
  if (unit === "ifStatus") return IF_STATUS[value] ?? "";
  if (unit === "s" && value >= 120) return duration(value * 1000);
  let shown = unit === "ratio" ? value * 100 : value;
  // An expected rate that decays is never quite zero.
  if (unit.endsWith("/s") && Math.abs(shown) < 1e-6) shown = 0;
  let prefix = "";
  if (known.prefixes) {
    let step = 0;
    while (Math.abs(shown) >= 999.5 && step < PREFIXES.length - 1) {
      shown /= 1000;
      step += 1;
    }
    prefix = PREFIXES[step] ?? "";
  }
  const number = digits(shown).replace("-", "−");
  const tail = `${prefix}${known.text}`;
  return tail ? `${number} ${tail}` : number;
}

/** The number of an axis as it is, not rounded to its neighbour. */
function exact(value: number, unit: string, digits: number): string {
  const text = quantity(value, unit);
  const known = UNITS[unit] ?? { text: unit, prefixes: false };
  if (!/^−?\d/.test(text) || (unit === "s" && value >= 120)) return text;
  const tail = / (.*)$/.exec(text)?.[1] ?? "";
  const step = known.prefixes ? PREFIXES.indexOf(tail.slice(0, -known.text.length)) : 0;
  const shown = (unit === "ratio" ? value * 100 : value) / 1000 ** Math.max(0, step);
  const number = String(Number(shown.toPrecision(digits))).replace("-", "−");
  return tail ? `${number} ${tail}` : number;
}

const AXIS_DIGITS = 4;
const MOST_DIGITS = 15;

/** For an axis: without digits that say nothing. */
export const tick = (value: number, unit: string): string => exact(value, unit, AXIS_DIGITS);

const different = (labels: string[]): boolean => {
  const said = labels.filter((label) => label !== "");
  return new Set(said).size === said.length;
};

/** Labels of an axis, as fine as it takes to distinguish neighbours. */
export function ticks(values: number[], unit: string): string[] {
  for (let digits = AXIS_DIGITS; digits <= MOST_DIGITS; digits += 1) {
    const labels = values.map((value) => exact(value, unit, digits));
    if (different(labels)) return labels;
    if (unit === "s") break;
  }
  if (unit !== "s")
    return values.map((value, i) => (values.indexOf(value) === i ? tick(value, unit) : ""));
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
  return values.map((value) => {
    if (value < 120 && values.every((other) => other < 120)) return exact(value, unit, MOST_DIGITS);
    const clock = `${two((value % 86_400) / 3600)}:${two((value % 3600) / 60)}`;
    const seconds = values.some((other) => other % 60) ? `:${two(value % 60)}` : "";
    return `${Math.floor(value / 86_400)} d ${clock}${seconds}`;
  });
}

/** `66.0 … 89.4 Mbit/s`; a side without a limit says so. */
export function bandText(lower: number | null, upper: number | null, unit: string): string {
  if (lower === null && upper === null) return "none";
  if (lower === null) return `up to ${quantity(upper, unit)}`;
  if (upper === null) return `from ${quantity(lower, unit)}`;
  const [low, high] = [quantity(lower, unit), quantity(upper, unit)];
  const tail = high.slice(high.indexOf(" "));
  return low.endsWith(tail) && tail.startsWith(" ")
    ? `${low.slice(0, -tail.length)} … ${high}`
    : `${low} … ${high}`;
}

export const speed = (bps: number | null): string => {
  if (bps === null || bps <= 0) return "–";
  for (const [size, name] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (bps >= size) return `${Number((bps / size).toFixed(2))} ${name}bit/s`;
  }
  return `${bps} bit/s`;
};

const NAMES: Record<string, string> = {
  bps: "traffic",
  in: "in",
  out: "out",
  if: "",
  rtt: "round trip time",
  ms: "",
  dbm: "",
  rx: "receive",
  tx: "transmit",
  pct: "",
  percent: "",
  cpu: "CPU",
  snmp: "SNMP",
  icmp: "ICMP",
  pps: "packets",
  ucast: "unicast",
  pkts: "packets",
  hc: "",
  oper: "oper",
  temp: "temperature",
  ratio: "",
  sys: "",
  xcvr: "",
  s: "",
};

/** A metric's name for people: `if_in_bps` → `In traffic`. */
export function metricName(metric: string): string {
  const words = metric
    .split(/[._\s-]+/)
    .map((word) => NAMES[word.toLowerCase()] ?? word)
    .filter((word) => word !== "");
  const plain = words.join(" ").replace(/(errors|discards) packets/, "$1");
  const text = plain.trim() || metric;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const count = (n: number): string => n.toLocaleString(locale);
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

const RESOLUTIONS: Record<string, string> = {
  raw: "every sample",
  "5m": "5-minute roll-up",
  "1h": "1-hour roll-up",
  "1d": "1-day roll-up",
};
/** How fine a chart is; samples too many for its pixels are thinned to means of so many ms. */
export const resolutionName = (resolution: string, bucketMs: number): string =>
  resolution === "raw" && bucketMs > 0
    ? `every sample, means of ${Math.round(bucketMs / 100) / 10} s`
    : (RESOLUTIONS[resolution] ?? resolution);

const PLURALS: Record<string, string> = {
  raw: "samples",
  "5m": "5-minute roll-ups",
  "1h": "1-hour roll-ups",
  "1d": "1-day roll-ups",
};
export const resolutionPlural = (resolution: string): string => PLURALS[resolution] ?? resolution;

const GAPS: Record<string, string> = {
  first: "first sample, no rate yet",
  reset: "counter was reset",
  discontinuity: "counter discontinuity",
  gap: "polls are missing",
  implausible: "value was not plausible",
  unknown: "no value",
  moved: "the name answers from another row than before",
  wrap: "a 32-bit counter may have wrapped more than once",
  not_present: "the row left the device’s tables",
  no_answer: "no poll was answered",
};
export const gapReason = (reason: string): string => GAPS[reason.toLowerCase()] ?? reason;

/** How a poll ended (`outcome` of its record), with the fix where this host is the cause. */
const OUTCOMES: Record<string, string> = {
  ok: "answered",
  partial: "answered in part: some tables are missing or malformed",
  timeout: "no answer in time",
  unreachable: "unreachable: the network refused it",
  no_credential: "not polled: no usable credential",
  not_permitted:
    "not permitted: this host's user may not send pings. Fix: sudo sysctl -w net.ipv4.ping_group_range='0 2147483647', then start OpsConductor again",
  malformed: "answered with what could not be read",
  skipped: "left out: the poller or the log could not keep up",
  failed: "failed in the poller: its log says more",
};
export const outcomeText = (outcome: string): string => OUTCOMES[outcome] ?? outcome;
