// FOR DEVELOPMENT ONLY: versions of what is configured: who changed what, and who comes too late.
import { Problem } from "./state.mjs";

const all = new Map();
const keyOf = (kind, id) => `${kind}/${id}`;

/** Newest first. */
export const versionsOf = (kind, id) => all.get(keyOf(kind, id)) ?? [];

function write(kind, id, version) {
  const known = versionsOf(kind, id);
  const revision = Math.max(version.at ?? Date.now(), (known[0]?.revision ?? 0) + 1);
  all.set(keyOf(kind, id), [{ ...version, revision, at: revision }, ...known]);
  return revision;
}

/** Keeps what an entity is from now on, or was from `at` on. */
export const keep = (kind, id, by, { name, ...body }, at) =>
  write(kind, id, { at, by, present: true, name, body: { ...body, id, name } });

export const keepRemoval = (kind, id, by, name) =>
  write(kind, id, { by, present: false, name, body: null });

/** `match`: the header If-Match. */
export function demand(kind, id, what, match) {
  const [now] = versionsOf(kind, id);
  if (match === undefined || match === "*" || match === `"${now?.revision}"`) return;
  const detail = `the ${what} "${now?.name}" was changed by ${now?.by} at ${new Date(now?.at).toISOString()}, after you read it; nothing was done: read it again, then decide`;
  throw new Problem(412, "Changed meanwhile", detail);
}

export const tagged = (status, body) => [status, body, { etag: `"${body.revision}"` }];

export function history(kind, id, query) {
  const items = versionsOf(kind, id);
  if (items.length === 0) throw new Problem(404, "Not Found", `no ${kind} has this id`);
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Math.min(200, Number(query.get("limit") ?? 50));
  return { items: items.slice(from, to), next_cursor: to < items.length ? String(to) : null };
}
