// The three samples of an anomaly that say what happened: where it began, its worst, where it ended.
import type { AnomalyEvidence, AnomalyItem } from "../../api/types";

export interface Evidence {
  onset: AnomalyEvidence;
  peak: AnomalyEvidence;
  /** Null while it is open. */
  clear: AnomalyEvidence | null;
}

export function evidenceOf(item: AnomalyItem): Evidence {
  const { value, expected, lower, upper } = item;
  const onset = { at: item.onset_at, value, expected, lower, upper };
  return { onset, peak: item.peak ?? onset, clear: item.clear ?? null };
}

export const direction = ({ value, expected }: AnomalyEvidence): "above" | "below" =>
  value >= expected ? "above" : "below";

export const distance = ({ value, expected }: AnomalyEvidence): number =>
  Math.abs(value - expected);
