import { expect, it } from "vitest";
import type { AnomalyItem } from "../src/api/types";
import { direction, distance, evidenceOf } from "../src/modules/monitoring/evidence";

const item = {
  onset_at: 1,
  cleared_at: 3,
  value: 6.03,
  expected: 3.97,
  lower: 3.18,
  upper: 4.75,
  peak: { at: 2, value: 6.23, expected: 4.01, lower: 3.2, upper: 4.8 },
  clear: { at: 3, value: 3.93, expected: 4.02, lower: 3.2, upper: 4.8 },
} as AnomalyItem;

it("an anomaly keeps its onset, its peak and its clear apart", () => {
  const { onset, peak, clear } = evidenceOf(item);
  expect([onset.value, peak.value, clear?.value]).toEqual([6.03, 6.23, 3.93]);
  expect([onset, peak].map(direction)).toEqual(["above", "above"]);
  expect(clear && direction(clear)).toBe("below");
  expect(distance(peak)).toBeCloseTo(2.22);
});
