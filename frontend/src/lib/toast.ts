// Short news at the edge of the screen: that something was done. What went wrong is said where it
// went wrong, not here.
import { useSyncExternalStore } from "react";

export interface ToastNews {
  title: string;
  text?: string;
}

export interface Toast extends ToastNews {
  id: number;
}

/** More at once nobody reads: the oldest go. */
const MOST = 4;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export function toast(news: ToastNews): void {
  last += 1;
  set([...toasts, { ...news, id: last }].slice(-MOST));
}

export const dropToast = (id: number): void => set(toasts.filter((each) => each.id !== id));

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useToasts = (): readonly Toast[] => useSyncExternalStore(subscribe, () => toasts);
