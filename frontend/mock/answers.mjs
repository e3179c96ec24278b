// FOR DEVELOPMENT ONLY: what the mock answers to each path.
import { DEVICE_ROUTES, theDevice } from "./devices.mjs";
import { GROUP_ROUTES } from "./groups.mjs";
import { checkCredential, KINDS } from "./kinds.mjs";
import { linesOf } from "./log.mjs";
import { page } from "./page.mjs";
import { account, missing, Problem, started, world } from "./state.mjs";
import { history, keep, keepRemoval, versionsOf } from "./versions.mjs";
import { hash } from "./world.mjs";

function summary() {
  const states = { up: 0, degraded: 0, down: 0, unknown: 0 };
  let open = 0;
  for (const device of world.devices.values()) {
    states[device.state] += 1;
    open += world.open(device);
  }
  return {
    devices: states,
    open_anomalies: open,
    newest_sample_at: Date.now() - 2000,
    shortest_interval_ms: 60_000,
  };
}

function seriesOf(device) {
  const now = Date.now();
  const at = world.lastSample(device, now);
  if (at === null) return [];
  return device.series.map((id) => {
    const series = world.series.get(id);
    return {
      id,
      series: id,
      metric: series.spec.metric,
      instance: series.instance,
      unit: series.spec.unit,
      value: world.value(series, at),
      at,
      open_anomaly: (device.anomalies ?? []).some((a) => a.series === id && a.cleared_at === null),
    };
  });
}

function interfaces(device) {
  const all = seriesOf(device);
  if (all.length === 0) return { items: [] };
  const { snmp_answer_at: answered, stale_after_ms } = world.summary(device, Date.now());
  for (const item of all) item.at = Math.min(item.at, answered ?? item.at);
  const items = device.portNames.map((name, i) => ({
    name,
    alias:
      i % 3 === 0
        ? `to ${["core-ber-1", "transit AS64500", "rack 12"][i % 9 === 0 ? 0 : 1]}`
        : null,
    index: 10001 + i,
    mac: `02:00:00:00:00:${(i + 16).toString(16)}`,
    admin_status: i % 11 === 10 ? "down" : "up",
    oper_status: i % 11 === 10 || i % 17 === 5 ? "down" : "up",
    speed_bps: i < 2 ? 1e10 : 1e9,
    present: true,
    last_sample_at: all[0]?.at ?? null,
    metrics: all.filter((s) => s.instance === name).map(({ id, ...metric }) => metric),
  }));
  return { items, total: items.length, next_cursor: null, answered_at: answered, stale_after_ms };
}

function anomalies(query) {
  const from = Number(query.get("from") ?? 0);
  const to = Number(query.get("to") ?? 8e15);
  const open = query.get("open");
  const items = [...world.anomalies.values()]
    .filter((a) => !query.get("device") || a.device === query.get("device"))
    .filter((a) => !query.get("series") || a.series === query.get("series"))
    .filter((a) => open === null || (a.cleared_at === null) === (open === "true"))
    .filter((a) => a.onset_at <= to && (a.cleared_at ?? Date.now()) >= from)
    .sort(
      (a, b) =>
        (a.cleared_at === null ? 0 : 1) - (b.cleared_at === null ? 0 : 1) ||
        b.onset_at - a.onset_at,
    );
  return page(items, query);
}

const system = () => ({
  instance: "run@mock",
  processes: [
    {
      instance: "run@mock",
      roles: ["connect", "process", "sink", "api"],
      host: "mock",
      version: "0.1.0-mock",
      started_at: started,
      state: "running",
      since: started,
      figures: { poller_devices: world.devices.size, log_lines_dropped: 0 },
    },
    {
      instance: "connect@spare",
      roles: ["connect"],
      host: "spare",
      version: "0.1.0-mock",
      started_at: started - 86_400_000,
      state: "gone",
      since: started - 240_000,
      figures: { poller_devices: 12, log_lines_dropped: 3 },
    },
  ],
  version: "0.1.0-mock",
  log: { kind: "embedded", id: "5d9c36f4-4f3e-4c3e-9f4e-2b7b6f1f3f10" },
  database: { tier: "community", version: "PostgreSQL 17.2, TimescaleDB 2.19", migration: 4 },
  roles: [
    {
      name: "connect",
      instance: "run@mock",
      state: "running",
      since: started,
      partitions: [],
      lag: null,
      lag_ms: null,
      detail: `${world.devices.size} devices, 60 polls/min`,
    },
    {
      name: "process",
      instance: "run@mock",
      state: "running",
      since: started,
      partitions: [0, 1, 2, 3, 4, 5, 6, 7],
      lag: Math.floor(hash(String(Date.now())) * 40),
      lag_ms: 0,
      detail: "4,100 records/s",
    },
    {
      name: "sink-metrics",
      instance: "run@mock",
      state: "running",
      since: started,
      partitions: [],
      lag: 12,
      lag_ms: 140,
      detail: "COPY 4,100 rows/s",
    },
    {
      name: "sink-events",
      instance: "run@mock",
      state: "stalled",
      since: started,
      partitions: [],
      lag: 1802,
      lag_ms: 65_000,
      detail: "Database does not answer; next try in 2 s",
    },
    {
      name: "api",
      instance: "run@mock",
      state: "running",
      since: started,
      partitions: [],
      lag: null,
      lag_ms: null,
      detail: "",
    },
  ],
  started_at: started,
  troubles: [],
  warnings: [
    "ICMP is not permitted for this user: sysctl -w net.ipv4.ping_group_range='0 2147483647' fixes it.",
  ],
});

function logPage(query) {
  const { items, next_cursor } = page(linesOf(query), query);
  return { items, next_cursor };
}

const timing = (d, connector) => ({
  device: d.id,
  device_name: d.name,
  connector,
  instance: "run@mock",
  last_duration_ms: Math.floor(20 + hash(d.id) ** 4 * 2500),
  last_outcome: connector === "icmp" ? "not_permitted" : d.state === "up" ? "ok" : "timeout",
  slowest_table: d.state === "up" ? "interfaces" : null,
  slowest_table_ms: d.state === "up" ? Math.floor(15 + hash(d.id) ** 4 * 2000) : null,
  last_at: world.lastSample(d, Date.now()),
  requests: 1000 + Math.floor(hash(d.id) * 900),
  timeouts: d.state === "up" ? 0 : 31,
});

const pollers = ({ query }) => {
  const wanted = query.get("device");
  const all = [...world.devices.values()].filter((d) => !wanted || d.id === wanted).slice(0, 200);
  return {
    items: all
      .flatMap((d) => (wanted ? ["snmp", "icmp"] : ["snmp"]).map((name) => timing(d, name)))
      .sort((a, b) => b.last_duration_ms - a.last_duration_ms),
  };
};

const usersOf = (name) =>
  [...world.devices.values()].filter((d) => d.credential === name).map((d) => d.name);

for (const [name, { kind, at }] of world.credentials)
  keep("credential", name, "anna", { name, kind, version: 1 }, at);

function putCredential(name, body, by) {
  checkCredential(body);
  const { kind } = body;
  const version = 1 + (versionsOf("credential", name)[0]?.body?.version ?? 0);
  world.credentials.set(name, { kind, at: Date.now() });
  keep("credential", name, by, { name, kind, version });
  return { name, kind: body.kind, devices: usersOf(name).length, used_by: [] };
}

function createCredential(body, by) {
  if (world.credentials.has(body.name)) {
    const detail = `there is a credential ${body.name} already; its secret was not changed`;
    throw new Problem(409, "Conflict", detail, [{ field: "name", detail }]);
  }
  return [201, putCredential(body.name, body, by)];
}

const credentials = () => ({
  items: [...world.credentials].map(([name, c]) => ({
    name,
    kind: c.kind,
    created_at: c.at,
    updated_at: c.at,
    devices: usersOf(name).length,
    used_by: usersOf(name).slice(0, 5),
  })),
});

function changePassword(body) {
  const wrong = (field, detail) =>
    new Problem(422, "Fields are wrong", "1 field(s) are wrong", [{ field, detail }]);
  if (body.current_password !== account.password)
    throw wrong("current_password", "is not your current password");
  if (body.new_password.length < 12)
    throw wrong("new_password", "must have at least 12 characters");
  Object.assign(account, { password: body.new_password, oneTime: false });
  return [204];
}

export const ROUTES = [
  ["GET", /^\/identity\/v1\/session$/, ({ me }) => me],
  ["PUT", /^\/identity\/v1\/password$/, ({ body }) => changePassword(body)],
  ["GET", /^\/inventory\/v1\/summary$/, summary],
  ["GET", /^\/inventory\/v1\/profiles$/, () => ({ items: ["auto", "ciena", "generic"] })],
  ...DEVICE_ROUTES,
  ...GROUP_ROUTES,
  ["GET", /^\/inventory\/v1\/devices\/([^/]+)\/interfaces$/, ({ id }) => interfaces(theDevice(id))],
  [
    "GET",
    /^\/monitoring\/v1\/devices\/([^/]+)\/series$/,
    ({ id }) => ({
      items: seriesOf(theDevice(id)).map(({ series, ...rest }) => rest),
    }),
  ],
  [
    "GET",
    /^\/monitoring\/v1\/series\/([^/]+)\/samples$/,
    ({ id, query }) => {
      const series = world.series.get(id);
      if (!series) throw missing();
      return world.samples(
        series,
        Number(query.get("from") ?? Date.now() - 3_600_000),
        Number(query.get("to") ?? Date.now()),
        Number(query.get("points") ?? 800),
      );
    },
  ],
  ["GET", /^\/monitoring\/v1\/anomalies$/, ({ query }) => anomalies(query)],
  ["GET", /^\/automation\/v1\/pollers$/, pollers],
  ["GET", /^\/system\/v1\/log$/, ({ query }) => logPage(query)],
  ["GET", /^\/credentials\/v1\/kinds$/, () => ({ items: KINDS })],
  ["GET", /^\/credentials\/v1\/credentials$/, credentials],
  [
    "PUT",
    /^\/credentials\/v1\/credentials\/([^/]+)$/,
    ({ id, body, me }) => putCredential(id, body, me.username),
  ],
  [
    "POST",
    /^\/credentials\/v1\/credentials$/,
    ({ body, me }) => createCredential(body, me.username),
  ],
  [
    "GET",
    /^\/credentials\/v1\/credentials\/([^/]+)\/history$/,
    ({ id, query }) => history("credential", id, query),
  ],
  // Not of the product: makes the live events fall silent, for the tests.
  [
    "PUT",
    /^\/system\/v1\/mock-silence$/,
    ({ body }) => {
      account.silent = body.silent === true;
      return [204];
    },
  ],
  [
    "DELETE",
    /^\/credentials\/v1\/credentials\/([^/]+)$/,
    ({ id, me }) => {
      const users = usersOf(id);
      if (users.length) throw new Problem(409, "Conflict", `${users.length} device(s) use ${id}`);
      if (!world.credentials.delete(id)) throw missing();
      keepRemoval("credential", id, me.username, id);
      return [204];
    },
  ],
  ["GET", /^\/system\/v1\/status$/, system],
];
