// The live events of a tab: one connection, whose events the areas' handlers take. Everybody gets
// anomalies and states; what a page wants besides is asked for in the address.
import type { QueryClient, QueryFilters } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { url } from "../api/client";
import { type LiveStatus, type ServerEvent, Stream } from "./stream";

/** Lists are asked for again at most this often, however many events come. */
const SETTLE_MS = 1500;
/** A tab nobody looks at gives its connection back after this time. */
const HIDDEN_MS = 60_000;

/** What a handler does to what the pages show. */
export interface LiveTools {
  /** Changes what is cached; it is as old as it was, and asked for again when it would be. */
  patch: <T>(filters: QueryFilters, change: (old: T) => T) => void;
  /** Asks again soon for all whose key begins so. */
  settle: (...keys: string[]) => void;
  /** Asks again at once. */
  refresh: (queryKey: readonly unknown[]) => void;
}

/**
 * By the name of the event; `resumed` comes from here, when a connection stands again and nothing
 * was missed but what is not repeated.
 */
export type LiveHandlers = Record<string, (data: never, tools: LiveTools) => void>;

/** What the connection carries besides. */
interface Wanted {
  /** The samples of this device. */
  device?: string;
  /** Warnings and errors of all processes. */
  log?: true;
}

export class Live {
  private stream: Stream | null = null;
  private readonly watched: Wanted[] = [];
  private status: LiveStatus = { state: "connecting", lastSeen: null };
  private readonly statusListeners = new Set<() => void>();
  private readonly stale = new Set<string>();
  private settling: ReturnType<typeof setTimeout> | null = null;
  private hiding: ReturnType<typeof setTimeout> | null = null;

  private readonly tools: LiveTools = {
    patch: (filters, change) => this.patch(filters, change),
    settle: (...keys) => this.settle(keys),
    refresh: (queryKey) => void this.client.invalidateQueries({ queryKey }),
  };

  constructor(
    private readonly client: QueryClient,
    private readonly handlers: readonly LiveHandlers[],
  ) {}

  start(): void {
    document.addEventListener("visibilitychange", this.visibility);
    window.addEventListener("online", this.online);
    this.open();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.visibility);
    window.removeEventListener("online", this.online);
    this.stream?.close();
    this.stream = null;
  }

  /** Of what only one can be had, the last that asked has it. Returns how to stop. */
  watch(wanted: Wanted): () => void {
    this.change(() => this.watched.push(wanted));
    return () => this.change(() => this.watched.splice(this.watched.lastIndexOf(wanted), 1));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  };

  readonly snapshot = (): LiveStatus => this.status;

  private readonly online = () => this.stream?.retry();

  private readonly visibility = () => {
    if (this.hiding) clearTimeout(this.hiding);
    this.hiding = null;
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.stream?.close();
        this.stream = null;
        this.set({ ...this.status, state: "reconnecting" });
      }, HIDDEN_MS);
    } else if (!this.stream) {
      this.reload();
      this.open();
    }
  };

  private address(): string {
    return url("/monitoring/v1/events", Object.assign({}, ...this.watched));
  }

  /** Connects anew if it changes what the connection carries. */
  private change(how: () => void): void {
    const before = this.address();
    how();
    if (this.stream && this.address() !== before) this.open();
  }

  private open(): void {
    const lastEventId = this.stream?.resumeId ?? null;
    this.stream?.close();
    const mine: Stream = new Stream({
      url: this.address(),
      lastEventId,
      onEvent: (event) => {
        if (this.stream === mine) this.take(event);
      },
      onStatus: (status) => {
        if (this.stream === mine || this.stream === null) this.set(status);
      },
      onReconnect: (resumed) => (resumed ? this.dispatch("resumed", null) : this.reload()),
    });
    this.stream = mine;
  }

  private set(status: LiveStatus): void {
    this.status = status;
    for (const listener of this.statusListeners) listener();
  }

  /** Everything on the page may have changed unseen. */
  private reload(): void {
    void this.client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  }

  private take(event: ServerEvent): void {
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    if (event.event === "reset") this.reload();
    else this.dispatch(event.event, data);
  }

  private dispatch(name: string, data: unknown): void {
    for (const handlers of this.handlers) {
      if (Object.hasOwn(handlers, name)) handlers[name]?.(data as never, this.tools);
    }
  }

  private patch<T>(filters: QueryFilters, change: (old: T) => T): void {
    for (const { queryKey, state } of this.client.getQueryCache().findAll(filters)) {
      if (state.data === undefined) continue;
      const next = change(state.data as T);
      if (next === state.data) continue;
      this.client.setQueryData(queryKey, next, { updatedAt: state.dataUpdatedAt });
    }
  }

  private settle(keys: string[]): void {
    for (const key of keys) this.stale.add(key);
    this.settling ??= setTimeout(() => {
      this.settling = null;
      const stale = [...this.stale];
      this.stale.clear();
      for (const key of stale) void this.client.invalidateQueries({ queryKey: [key] });
    }, SETTLE_MS);
  }
}

let shared: Live | null = null;

export function liveOf(client: QueryClient, handlers: readonly LiveHandlers[]): Live {
  shared ??= new Live(client, handlers);
  return shared;
}

const never = () => () => undefined;
const idle: LiveStatus = { state: "connecting", lastSeen: null };

export const useLiveStatus = (): LiveStatus =>
  useSyncExternalStore(shared?.subscribe ?? never, shared?.snapshot ?? (() => idle));

export function useWatchDevice(device: string | null): void {
  useEffect(() => (device === null ? undefined : shared?.watch({ device })), [device]);
}

export function useWatchLog(on: boolean): void {
  useEffect(() => (on ? shared?.watch({ log: true }) : undefined), [on]);
}
