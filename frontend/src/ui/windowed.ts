// Which rows of a long list are near the part of it that is seen.
import { type RefObject, useEffect, useState } from "react";

export interface Span {
  start: number;
  end: number;
}

const OVERSCAN = 12;

/** Rows of equal height under `top` (px, relative to the view) in a view `height` px high. */
export function visibleSpan(count: number, rowHeight: number, top: number, height: number): Span {
  const first = Math.floor(-top / rowHeight) - OVERSCAN;
  const last = Math.ceil((height - top) / rowHeight) + OVERSCAN;
  const start = Math.min(Math.max(0, first), Math.max(0, count - 1));
  return { start, end: Math.max(start, Math.min(count, last)) };
}

/**
 * `body` is the element whose first child is row 0. The page scrolls, or with a `box` that element
 * does.
 */
export function useWindowed(
  body: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  box?: RefObject<HTMLElement | null>,
): Span {
  const [span, setSpan] = useState<Span>({ start: 0, end: Math.min(count, 60) });
  useEffect(() => {
    let frame = 0;
    const scrolls = box?.current;
    const measure = () => {
      frame = 0;
      const from = scrolls?.getBoundingClientRect().top ?? 0;
      const top = (body.current?.getBoundingClientRect().top ?? 0) - from;
      const next = visibleSpan(count, rowHeight, top, scrolls?.clientHeight ?? window.innerHeight);
      setSpan((old) => (old.start === next.start && old.end === next.end ? old : next));
    };
    const soon = () => {
      if (!frame) frame = requestAnimationFrame(measure);
    };
    measure();
    const target = scrolls ?? window;
    target.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    return () => {
      if (frame) cancelAnimationFrame(frame);
      target.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
    };
  }, [body, count, rowHeight, box]);
  return { start: Math.min(span.start, count), end: Math.min(span.end, count) };
}
