import { describe, expect, it } from "vitest";
import type { DeviceSummary, Interface, PollerTiming } from "../src/api/types";
import { isFrozen, isOld, portAnswer, reasonOf, seenAt } from "../src/lib/fresh";

const now = 1_800_000_000_000;
const device = (change: Partial<DeviceSummary> = {}): DeviceSummary =>
  ({
    state: "up",
    enabled: true,
    interval_ms: 60_000,
    stale_after_ms: 180_000,
    last_sample_at: now - 5000,
    last_answer_at: now - 5000,
    reason: "",
    ...change,
  }) as DeviceSummary;
const port = (metrics: { metric: string; at: number | null }[]): Interface =>
  ({ metrics: metrics.map((each) => ({ ...each, value: 1 })) }) as unknown as Interface;

describe("frozen", () => {
  it("is a device that is up by an answer older than three intervals, or by none", () => {
    expect(isFrozen(device(), now)).toBe(false);
    expect(isFrozen(device({ last_answer_at: now - 181_000 }), now)).toBe(true);
    expect(isFrozen(device({ last_answer_at: null }), now)).toBe(true);
    // Down is down, and who is not polled is said to be so.
    expect(isFrozen(device({ state: "down", last_answer_at: null }), now)).toBe(false);
    expect(isFrozen(device({ enabled: false, last_answer_at: null }), now)).toBe(false);
  });
});

describe("a port's answer", () => {
  it("is as old as its rates and as the device's, whichever is older", () => {
    const rated = port([
      { metric: "if_in_bps", at: now - 10_000 },
      { metric: "if_oper_status", at: now },
    ]);
    expect(portAnswer(rated, now - 5000)).toBe(now - 10_000);
    expect(portAnswer(rated, now - 600_000)).toBe(now - 600_000);
    expect(portAnswer(rated, undefined)).toBe(now - 10_000);
  });
  it("of a port without rates is the device's: states are kept on change only", () => {
    const plain = port([{ metric: "if_oper_status", at: now - 3_000_000 }]);
    expect(portAnswer(plain, now - 5000)).toBe(now - 5000);
    expect(isOld(portAnswer(plain, null), 180_000, now)).toBe(false);
  });
});

describe("ages", () => {
  it("are measured when the answer came, and now when none has come for long", () => {
    expect(seenAt(now - 20_000, now)).toBe(now - 20_000);
    expect(seenAt(now - 60_000, now)).toBe(now);
    expect(seenAt(now + 5000, now)).toBe(now);
  });
});

describe("the reason in the head", () => {
  const polls = [
    { connector: "snmp", last_at: now - 4000, last_outcome: "timeout" },
    { connector: "icmp", last_at: now - 4000, last_outcome: "unreachable" },
  ] as PollerTiming[];
  const unknown = device({ state: "unknown", reason: "not polled yet" });
  it("does not say that nothing was polled beside a panel that says it was", () => {
    expect(reasonOf(unknown, polls, now)).toContain("SNMP no answer in time");
    expect(reasonOf(unknown, polls, now)).not.toContain("not polled yet");
    expect(reasonOf(unknown, [], now)).toBe("not polled yet");
    expect(reasonOf(unknown, polls, now + 600_000)).toBe("not polled yet");
    expect(reasonOf(device({ state: "down", reason: "r" }), polls, now)).toBe("r");
  });
});
