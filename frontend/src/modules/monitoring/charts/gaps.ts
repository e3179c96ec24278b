// Where nothing was measured. The server says it, by the interval and the outcome of the polls at
// the time; only what came since its answer is judged here, by the interval that it names.
import type { Samples } from "../../../api/types";
import { isState } from "../../../lib/metric";
import { lastAtOrBefore } from "./base";

export interface Gap {
  from: number;
  to: number;
  reason: string;
}

/** More than this many intervals without a sample is a gap: one late answer is none. */
const GAP_INTERVALS = 2.5;
/** States are kept on change and once an hour. */
const STATE_SILENCE_MS = 2 * 3_600_000;
const USUAL_INTERVAL_MS = 60_000;

/** Points stand for a bucket (a roll-up, or samples thinned to means) and not for one sample. */
export const isBucketed = (samples: Samples): boolean => samples.bucket_ms > 0;

/** ms between two samples that are due now. */
export const intervalOf = (samples: Samples): number => samples.interval_ms || USUAL_INTERVAL_MS;

/** What is due next is due at the longer of what was and what is asked for now. */
export const withInterval = (samples: Samples, wantedMs: number | undefined): Samples =>
  wantedMs === undefined || wantedMs <= (samples.interval_ms ?? 0)
    ? samples
    : { ...samples, interval_ms: wantedMs };

/** Longest time without a point that is no gap, since the server answered. */
export function longestSilence(samples: Samples): number {
  const due = Math.max(intervalOf(samples), samples.bucket_ms) * GAP_INTERVALS;
  return isState(samples.series.metric) ? Math.max(STATE_SILENCE_MS, due) : due;
}

/** Points with a value: their times, without the breaks of the line. */
function measured(samples: Samples): number[] {
  return samples.at.filter((_, i) => (samples.value[i] ?? null) !== null);
}

/** Between the values on both sides of a break that no span of the server names. */
function breaks(samples: Samples, spans: readonly Gap[]): Gap[] {
  const found: Gap[] = [];
  let before: number | null = null;
  let broken = false;
  for (const [i, at] of samples.at.entries()) {
    if ((samples.value[i] ?? null) === null) {
      broken = true;
      continue;
    }
    const from = before === null ? at : Math.min(at, before + samples.bucket_ms);
    const known = spans.some((span) => span.from < at && span.to > from);
    if (broken && before !== null && !known) found.push({ from, to: at, reason: "" });
    before = at;
    broken = false;
  }
  return found;
}

/** Times (ms) between which nothing is known, up to `until`; oldest first. */
export function gapsOf(samples: Samples, until: number): Gap[] {
  const times = measured(samples);
  const spans = (samples.gap_spans ?? []).map((span) => {
    const next = times[lastAtOrBefore(times, span.from) + 1];
    if (next !== undefined && next <= samples.to)
      return next < span.to ? { ...span, to: next } : span;
    // It was open when the server answered: a live sample has closed it, or it goes on.
    return { ...span, to: next ?? Math.max(span.to, until) };
  });
  const gaps = [...spans, ...breaks(samples, spans)];
  const most = longestSilence(samples);
  const first = Math.max(0, lastAtOrBefore(times, samples.to));
  for (let i = first; i < times.length; i += 1) {
    const from = (times[i] ?? 0) + samples.bucket_ms;
    const to = times[i + 1] ?? until;
    const known = gaps.some((gap) => gap.from < to && gap.to > from);
    if (to > samples.to && to - from > most && !known) gaps.push({ from, to, reason: "" });
  }
  return gaps.sort((a, b) => a.from - b.from);
}
