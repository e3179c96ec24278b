// FOR DEVELOPMENT ONLY: groups of devices.
import { missing, Problem, world } from "./state.mjs";
import { demand, history, keep, keepRemoval, tagged, versionsOf } from "./versions.mjs";

const KIND = "device_group";
const groups = new Map();

const isMember = ({ site, tags, devices }, device) =>
  devices.includes(device.id) ||
  ((site !== null || tags.length > 0) &&
    (site === null || device.site === site) &&
    tags.every((tag) => device.tags.includes(tag)));

/** Of a filter: whether a device is a member of the group with that id. */
export function inGroup(id, device) {
  const group = groups.get(id);
  return group !== undefined && isMember(group, device);
}

const theGroup = (id) => {
  const group = groups.get(id);
  if (!group) throw missing();
  return group;
};

function shown(group) {
  const [now] = versionsOf(KIND, group.id);
  const members = [...world.devices.values()].filter((device) => isMember(group, device)).length;
  const devices = group.devices.filter((device) => world.devices.has(device));
  return {
    ...group,
    devices,
    members,
    revision: now.revision,
    updated_at: now.at,
    updated_by: now.by,
  };
}

function check(body, id) {
  const errors = [];
  const name = body.name ?? "";
  const taken = [...groups.values()].find(
    (group) => group.id !== id && group.name.toLowerCase() === name.toLowerCase(),
  );
  if (name === "") errors.push({ field: "name", detail: "is missing" });
  if (taken)
    errors.push({ field: "name", detail: `the device group "${taken.name}" has it already` });
  (body.devices ?? []).forEach((device, i) => {
    if (!world.devices.has(device) && !groups.get(id)?.devices.includes(device))
      errors.push({ field: `devices[${i}]`, detail: `no device has the id ${device}` });
  });
  if (errors.length) throw new Problem(422, "Fields are wrong", "See the fields.", errors);
}

function write(id, body, by, at) {
  const { name, description = "", site = null, tags = [] } = body;
  // One that was removed since the last version is left out of this one.
  const devices = (body.devices ?? []).filter((device) => world.devices.has(device));
  groups.set(id, { id, name, description, site, tags, devices });
  keep(KIND, id, by, groups.get(id), at);
}

function create({ body, me }) {
  check(body, null);
  const id = crypto.randomUUID();
  write(id, body, me.username);
  return tagged(201, shown(groups.get(id)));
}

function replace({ id, body, me, match }) {
  theGroup(id);
  demand(KIND, id, "device group", match);
  check(body, id);
  write(id, body, me.username);
  return tagged(200, shown(groups.get(id)));
}

function remove({ id, me, match }) {
  const { name } = theGroup(id);
  demand(KIND, id, "device group", match);
  groups.delete(id);
  keepRemoval(KIND, id, me.username, name);
  return [204];
}

function list({ query }) {
  const q = (query.get("q") ?? "").toLowerCase();
  const found = [...groups.values()]
    .filter((group) => `${group.name} ${group.description}`.toLowerCase().includes(q))
    .sort((a, b) => a.name.localeCompare(b.name));
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Math.min(100, Number(query.get("limit") ?? 100));
  return {
    items: found.slice(from, to).map(shown),
    total: found.length,
    next_cursor: to < found.length ? String(to) : null,
  };
}

const days = 86_400_000;
const invented = "00000000-0000-4000-9000-00000000000";
const [first, second, third] = world.devices.keys();
const core = { name: "Core routers", description: "Carry every site.\nCall the NOC lead first." };
write(`${invented}1`, { ...core, tags: ["core"] }, "anna", Date.now() - 40 * days);
write(
  `${invented}1`,
  { ...core, tags: ["core"], devices: [second, third] },
  "bruno",
  Date.now() - 3 * days,
);
write(`${invented}2`, { name: "Site ber-1", site: "ber-1" }, "file", Date.now() - 12 * days);
write(`${invented}3`, { name: "Spare", devices: [first] }, "token", Date.now() - 2 * days);

const PATH = "\\/inventory\\/v1\\/device-groups";
const ONE = new RegExp(`^${PATH}\\/([^/]+)$`);

export const GROUP_ROUTES = [
  ["GET", new RegExp(`^${PATH}$`), list],
  ["POST", new RegExp(`^${PATH}$`), create],
  ["GET", ONE, ({ id }) => tagged(200, shown(theGroup(id)))],
  ["PUT", ONE, replace],
  ["DELETE", ONE, remove],
  ["GET", new RegExp(`^${PATH}\\/([^/]+)\\/history$`), ({ id, query }) => history(KIND, id, query)],
];
