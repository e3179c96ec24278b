// Keys of the whole app. A key typed into a field belongs to the field.
import { useEffect, useRef } from "react";

export type Bindings = Record<string, (event: KeyboardEvent) => void>;

const editable = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** What stands over the page has keys of its own. */
const isAbove = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest("[role=dialog], [role=menu], [role=listbox]") !== null;

/** Binds keys by their `event.key`; two in a row are written `g d`. */
export function useKeys(bindings: Bindings): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => {
    let before = "";
    let beforeAt = 0;
    const down = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (editable(event.target) || isAbove(event.target)) return;
      const pair = event.timeStamp - beforeAt < 1200 ? `${before} ${event.key}` : "";
      const action = current.current[pair] ?? current.current[event.key];
      before = event.key;
      beforeAt = event.timeStamp;
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  }, []);
}

/** `j` and `k` walk over the elements of a list, `Enter` is the focused element's own. */
export function step(selector: string, by: number, root: ParentNode = document): void {
  const items = [...root.querySelectorAll<HTMLElement>(selector)];
  if (items.length === 0) return;
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by;
  const item = items[Math.max(0, Math.min(items.length - 1, next))];
  item?.focus({ preventScroll: true });
  item?.scrollIntoView({ block: "nearest" });
}
