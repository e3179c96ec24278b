// State and age, said by shape, word and colour.
import type { ReactNode } from "react";
import type { DeviceState } from "../api/types";
import { useNow } from "../lib/clock";
import { absolute, duration, zone } from "../lib/format";

const SHAPES: Record<DeviceState, string> = {
  up: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12z",
  degraded: "M8 1.5 15 14H1z",
  down: "M2 2h12v12H2z",
  unknown: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12zM8 4.2a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 0 1 0-7.6z",
};

export const STATES: DeviceState[] = ["down", "degraded", "unknown", "up"];

export function StateShape({ state }: { state: DeviceState }) {
  return (
    <svg className={`shape state-${state}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[state]} fillRule="evenodd" />
    </svg>
  );
}

/** `■ down for 4 min` */
export function StateMark({
  state,
  since,
  big,
  frozen,
}: {
  state: DeviceState;
  since: number | null;
  big?: boolean;
  /** It was so when it was last measured, too long ago to be said of now. */
  frozen?: boolean;
}) {
  const now = useNow();
  if (frozen) {
    return (
      <span className={big ? "state-mark big" : "state-mark"}>
        <StateShape state="unknown" />
        <span className="state-word state-unknown">was {state}</span>
      </span>
    );
  }
  return (
    <span className={big ? "state-mark big" : "state-mark"}>
      <StateShape state={state} />
      <span className={`state-word state-${state}`}>{state}</span>
      {since !== null && since > 0 && (
        <span className="muted" title={`since ${absolute(since)} ${zone(now)}`}>
          {" "}
          for {duration(now - since)}
        </span>
      )}
    </span>
  );
}

export type Tone = "neutral" | "good" | "warning" | "alarm";

const TONES: Record<Tone, DeviceState | null> = {
  neutral: null,
  good: "up",
  warning: "degraded",
  alarm: "down",
};

/** A word that stands for a state of something other than a device: shape and colour with it. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  const state = TONES[tone];
  return (
    <span className={`badge tone-${tone}`}>
      {state && <StateShape state={state} />}
      {children}
    </span>
  );
}

/**
 * How old a time is. Past `staleAfter` it looks stale and says so: measured when it was asked for
 * (`asOf`), for what came since is not known here.
 */
export function Age({
  at,
  asOf,
  staleAfter,
  none = "never",
}: {
  at: number | null;
  asOf?: number;
  staleAfter?: number;
  none?: string;
}) {
  const now = useNow();
  if (at === null) return <span className="stale">{none}</span>;
  const age = Math.max(0, now - at);
  const stale = staleAfter !== undefined && (asOf ?? now) - at > staleAfter;
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={`${absolute(at)} ${zone(now)}`}
      className={stale ? "stale" : undefined}
    >
      {stale && "stale, "}
      {age < 1000 ? "now" : `${duration(age)} ago`}
    </time>
  );
}
