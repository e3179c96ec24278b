// The window of time that charts show: it moves with the clock, but not under the pointer.
import { useEffect, useRef, useState } from "react";
import {
  DEFAULT_RANGE,
  type Range,
  type RangeSearch,
  rangeOf,
  rangeParams,
  resolveRange,
} from "./range";

/** A view moves on when at least about half a pixel has passed. */
const stepOf = (ms: number): number => Math.min(60_000, Math.max(1000, ms / 1500));

export interface View {
  range: Range;
  from: number;
  to: number;
  setRange: (range: Range) => void;
  zoom: (from: number, to: number) => void;
  reset: () => void;
  /** For the element that holds the charts. */
  hold: { onPointerEnter: () => void; onPointerLeave: () => void };
  held: boolean;
}

/** `search`: what the URL says of it; `set` changes that. */
export function useView(search: RangeSearch, set: (change: RangeSearch) => void): View {
  const key = `${search.range}|${search.from}|${search.to}`;
  const [range, setState] = useState(() => ({ key, value: rangeOf(search) }));
  // The same object as long as the URL says the same: it is part of the charts' cache keys.
  if (range.key !== key) setState({ key, value: rangeOf(search) });
  const change = useRef(set);
  useEffect(() => {
    change.current = set;
  });
  /** Where a zoom goes back to. */
  const relative = useRef<Range>(DEFAULT_RANGE);
  useEffect(() => {
    if (range.value.kind === "relative") relative.current = range.value;
  }, [range.value]);
  const [held, setHeld] = useState(false);
  const [now, setNow] = useState(Date.now);
  const moving = range.value.kind === "relative" && !held;
  const step = range.value.kind === "relative" ? stepOf(range.value.ms) : 60_000;
  useEffect(() => {
    if (!moving) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), step);
    return () => clearInterval(timer);
  }, [moving, step]);
  const [actions] = useState(() => ({
    setRange: (value: Range) => change.current(rangeParams(value)),
    zoom: (from: number, to: number) => {
      if (to > from) change.current(rangeParams({ kind: "absolute", from, to }));
    },
    reset: () => change.current(rangeParams(relative.current)),
    hold: { onPointerEnter: () => setHeld(true), onPointerLeave: () => setHeld(false) },
  }));
  return { range: range.value, ...resolveRange(range.value, now), ...actions, held };
}
