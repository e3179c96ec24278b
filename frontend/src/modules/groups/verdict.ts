// What is wrong among the devices of a group, from a list that has the worst first. Pure.
import type { DeviceSummary } from "../../api/types";
import { count, plural } from "../../lib/format";
import { isFrozen } from "../../lib/fresh";

/** `rows` may be the beginning of the list; `seen`: when it was so. */
export function verdictOf(rows: readonly DeviceSummary[], total: number, seen: number): string {
  if (total === 0) return "No device belongs to it";
  const watched = rows.filter(({ enabled }) => enabled);
  const fresh = watched.filter((device) => !isFrozen(device, seen));
  const parts = (["down", "degraded", "unknown"] as const).flatMap((state) => {
    const found = fresh.filter((device) => device.state === state).length;
    return found > 0 ? [`${count(found)} ${state}`] : [];
  });
  const stale = watched.length - fresh.length;
  if (stale > 0) parts.push(`${count(stale)} no longer answering`);
  const off = rows.length - watched.length;
  if (off > 0) parts.push(`${count(off)} not polled`);
  const whole = rows.length >= total;
  const devices = plural(total, "device");
  if (parts.length === 0) return whole ? `All up: ${devices}` : `None down among ${devices}`;
  // What is not loaded stands behind what is up, unless nothing that is loaded is.
  const more = !whole && rows.at(-1)?.state !== "up";
  return `${more ? "At least " : ""}${parts.join(", ")} of ${devices}`;
}
