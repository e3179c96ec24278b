// What is too old to be called the present: the same rule on every page.
import type { DeviceSummary, Interface, PollerTiming } from "../api/types";
import { outcomeText } from "./format";
import { isState } from "./metric";

/** An answer older than this many intervals is no statement about now. */
export const STALE_INTERVALS = 3;
/** What was asked for longer ago than this is not known to be so now. */
const ASKED_MS = 45_000;

/**
 * The time that ages are measured at: when the answer came, for what came since is not known here;
 * and now, when no answer has come for long.
 */
export const seenAt = (askedAt: number, now: number): number =>
  now - askedAt > ASKED_MS ? now : Math.min(askedAt, now);

export const staleAfter = (device: DeviceSummary): number =>
  device.stale_after_ms ?? device.interval_ms * STALE_INTERVALS;

export const isOld = (at: number | null | undefined, mostMs: number, seen: number): boolean =>
  typeof at === "number" && seen - at > mostMs;

/** When the device last answered by any protocol. */
export const lastAnswer = (device: DeviceSummary): number | null =>
  device.last_answer_at === undefined ? device.last_sample_at : device.last_answer_at;

/** A device that is called up by what was measured too long ago. */
export function isFrozen(device: DeviceSummary, seen: number): boolean {
  const alive = device.state === "up" || device.state === "degraded";
  const at = lastAnswer(device);
  return device.enabled && alive && (at === null || isOld(at, staleAfter(device), seen));
}

/**
 * When a port was last answered for. Its rates come with every poll, its states are kept on change
 * only; where it has no rates, the device's answer counts.
 */
export function portAnswer(port: Interface, snmpAnswer: number | null | undefined): number | null {
  const newest = port.metrics
    .filter(({ metric, at }) => !isState(metric) && at !== null)
    .reduce((best, { at }) => Math.max(best, at ?? 0), 0);
  const own = newest > 0 ? newest : null;
  if (snmpAnswer === undefined || snmpAnswer === null) return own;
  return own === null ? snmpAnswer : Math.min(own, snmpAnswer);
}

const NAMES: Record<string, string> = { snmp: "SNMP", icmp: "ICMP" };
export const connectorName = (connector: string): string => NAMES[connector] ?? connector;

/** Why a device is in its state, in one voice with what is known of its polls. */
export function reasonOf(device: DeviceSummary, polls: PollerTiming[], now: number): string {
  if (device.state !== "unknown" || !device.enabled) return device.reason;
  const made = polls.filter(
    ({ last_at, last_outcome }) =>
      last_outcome && last_at && !isOld(last_at, staleAfter(device), now),
  );
  if (made.length === 0) return device.reason;
  const said = made.map(
    (poll) => `${connectorName(poll.connector)} ${outcomeText(poll.last_outcome ?? "")}`,
  );
  // The state follows from more than one poll.
  return `polled, not judged yet: ${said.join("; ")}`;
}
