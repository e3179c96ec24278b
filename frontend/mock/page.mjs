// FOR DEVELOPMENT ONLY: one page of a list.
export function page(items, query) {
  const at = Number(query.get("cursor") ?? 0);
  const limit = Math.min(1000, Number(query.get("limit") ?? 100));
  const next = at + limit < items.length ? String(at + limit) : null;
  return { items: items.slice(at, at + limit), total: items.length, next_cursor: next };
}
