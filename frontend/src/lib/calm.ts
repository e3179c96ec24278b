// A list whose order holds still while the pointer is on it.
import { useState } from "react";

/** How many rows of the new order are not where the held order has them. */
export function moved(held: string[], order: string[]): number {
  const known = new Set(held);
  const fresh = order.filter((id) => !known.has(id)).length;
  const kept = order.filter((id) => known.has(id));
  const present = new Set(kept);
  const before = held.filter((id) => present.has(id));
  return fresh + kept.filter((id, i) => before[i] !== id).length;
}

/**
 * What is shown changes in place (a clear is a clear, down is down); what is new or has another
 * place waits until the pointer leaves or it is asked for.
 */
export function useCalm<T extends { id: string }>(items: T[]) {
  const [held, setHeld] = useState<string[] | null>(null);
  const order = () => items.map((item) => item.id);
  const byId = held && new Map(items.map((item) => [item.id, item]));
  const shown =
    held === null || byId === null
      ? items
      : held.map((id) => byId.get(id)).filter((item): item is T => item !== undefined);
  // Rows that were loaded below the held ones are no surprise: they go to the end.
  const last = shown.length;
  const rest = held === null ? [] : items.slice(last).filter((item) => !held.includes(item.id));
  return {
    items: rest.length > 0 ? [...shown, ...rest] : shown,
    waiting: held === null ? 0 : moved(held, order().slice(0, held.length)),
    show: () => setHeld(order()),
    hold: {
      onPointerEnter: () => setHeld(order()),
      onPointerLeave: () => setHeld(null),
    },
  };
}
