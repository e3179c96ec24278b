// FOR DEVELOPMENT ONLY: the devices of the inventory.
import { inGroup } from "./groups.mjs";
import { page } from "./page.mjs";
import { emit, missing, Problem, world } from "./state.mjs";
import { demand, history, keep, keepRemoval, tagged, versionsOf } from "./versions.mjs";

const KIND = "device";
const rank = { down: 0, degraded: 1, unknown: 2, up: 3 };

const summary = (device) => ({
  ...world.summary(device, Date.now()),
  source: "api",
  revision: versionsOf(KIND, device.id)[0].revision,
});

const CONFIGURED = [
  ...["id", "name", "address", "port", "profile", "credential", "site", "tags", "interval_ms"],
  ...["snmp", "icmp", "enabled", "any_source", "icmp_echoes", "icmp_spacing_ms"],
  "icmp_timeout_ms",
];

function keepDevice(device, by, at, change = {}) {
  const body = Object.fromEntries(CONFIGURED.map((field) => [field, device[field]]));
  keep(KIND, device.id, by, { tenant: "default", ...body, source: "api", ...change }, at);
}

const days = 86_400_000;
for (const device of world.devices.values()) {
  const began = Date.now() - 41 * days;
  keepDevice(device, "file", began, { interval_ms: 300_000, tags: [], site: null });
  keepDevice(device, "anna", began + 2 * days, { interval_ms: 300_000 });
  keepDevice(device, "bruno", began + 37 * days);
}

function order(sort, a, b) {
  if (sort === "name") return 0;
  if (sort === "site") return (a.site ?? "").localeCompare(b.site ?? "");
  if (sort === "anomalies") return world.open(b) - world.open(a);
  return rank[a.state] - rank[b.state];
}

function devices(query) {
  const q = (query.get("q") ?? "").toLowerCase();
  const items = [...world.devices.values()]
    .filter((d) => !query.get("state") || d.state === query.get("state"))
    .filter((d) => !query.get("group") || inGroup(query.get("group"), d))
    .filter((d) => !query.get("site") || d.site === query.get("site"))
    .filter((d) => `${d.name} ${d.address} ${d.tags.join(" ")}`.toLowerCase().includes(q))
    .sort((a, b) => order(query.get("sort"), a, b) || a.name.localeCompare(b.name));
  const answer = page(items, query);
  return { ...answer, items: answer.items.map((d) => summary(d)) };
}

export const theDevice = (id) => {
  const device = world.devices.get(id);
  if (!device) throw missing();
  return device;
};

function detail(id) {
  const device = theDevice(id);
  const [now] = versionsOf(KIND, id);
  const facts = device.born
    ? {}
    : {
        sys_name: device.name,
        sys_descr: "Mock OS 17.3, model M-4800",
        sys_location: `${device.site}, rack ${1 + (Number(device.address.split(".")[3]) % 9)}`,
        sys_contact: "noc@example.net",
        sys_object_id: "1.3.6.1.4.1.9.1.1208",
        uptime: "41 d 03:12:44",
      };
  return {
    ...summary(device),
    facts,
    updated_at: now.at,
    updated_by: now.by,
    status_history: [
      { state: device.state, since: device.since, reason: device.reason },
      { state: "up", since: device.since - 864e5, reason: "" },
      { state: "down", since: device.since - 87e6, reason: "ICMP unreachable" },
    ],
  };
}

const ECHO = [
  ["icmp_echoes", 1, 20],
  ["icmp_spacing_ms", 0, 10_000],
  ["icmp_timeout_ms", 10, 60_000],
];

function checkDraft(body) {
  const errors = [];
  if (!/^[0-9a-z.:-]+$/i.test(body.address ?? "")) {
    errors.push({ field: "address", detail: "Neither an IP address nor a host name." });
  }
  if (body.credential && !world.credentials.has(body.credential)) {
    errors.push({ field: "credential", detail: "No such credential." });
  }
  if (body.snmp === true && !body.credential) {
    errors.push({ field: "credential", detail: "SNMP needs one." });
  }
  for (const [field, least, most] of ECHO) {
    const value = body[field] ?? null;
    if (value !== null && !(Number.isInteger(value) && value >= least && value <= most)) {
      errors.push({ field, detail: `must be a whole number from ${least} to ${most}` });
    }
  }
  if (errors.length) throw new Problem(422, "The device is not valid", "See the fields.", errors);
}

function create({ body, me }) {
  checkDraft(body);
  if ([...world.devices.values()].some((d) => d.address === body.address)) {
    throw new Problem(409, "Conflict", "A device has this address.", [
      { field: "address", detail: "Another device has this address." },
    ]);
  }
  const device = world.add(body);
  keepDevice(device, me.username);
  setTimeout(() => {
    Object.assign(device, { state: "up", since: Date.now(), reason: "" });
    emit("status", { device: device.id, state: "up", since: device.since, reason: "" });
  }, 8000);
  return tagged(201, summary(device));
}

async function test({ body }) {
  checkDraft(body);
  await new Promise((resolve) => setTimeout(resolve, 700));
  const ok = !body.address.endsWith(".99");
  return {
    steps: [
      { name: "icmp", ok: true, detail: "3 of 3 answers, 1.2 ms", duration_ms: 41 },
      {
        name: "snmp",
        ok,
        detail: ok
          ? "sysName and 24 interfaces"
          : "No answer within 2 s: address, port or community may be wrong",
        duration_ms: ok ? 33 : 2004,
      },
    ],
    sys_name: ok ? "lab-switch-7" : null,
    sys_descr: ok ? "Mock OS 17.3" : null,
    profile: ok ? "generic" : null,
    interfaces: ok ? 24 : null,
  };
}

function replace({ id, body, me, match }) {
  const device = theDevice(id);
  demand(KIND, id, "device", match);
  checkDraft(body);
  Object.assign(device, body, { name: body.name || body.address });
  keepDevice(device, me.username);
  return tagged(200, summary(device));
}

function remove({ id, me, match }) {
  const { name } = theDevice(id);
  demand(KIND, id, "device", match);
  world.devices.delete(id);
  for (const [key, anomaly] of world.anomalies)
    if (anomaly.device === id) world.anomalies.delete(key);
  keepRemoval(KIND, id, me.username, name);
  return [204];
}

export const DEVICE_ROUTES = [
  ["GET", /^\/inventory\/v1\/devices$/, ({ query }) => devices(query)],
  ["POST", /^\/inventory\/v1\/devices$/, create],
  ["POST", /^\/inventory\/v1\/device-tests$/, test],
  ["GET", /^\/inventory\/v1\/devices\/([^/]+)$/, ({ id }) => tagged(200, detail(id))],
  ["PUT", /^\/inventory\/v1\/devices\/([^/]+)$/, replace],
  ["DELETE", /^\/inventory\/v1\/devices\/([^/]+)$/, remove],
  [
    "GET",
    /^\/inventory\/v1\/devices\/([^/]+)\/history$/,
    ({ id, query }) => history(KIND, id, query),
  ],
];
