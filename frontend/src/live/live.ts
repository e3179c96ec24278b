// What the live events do to what the pages show. One connection a tab: with ?device= it
// carries that device's samples besides everybody's anomalies and states.
import type { InfiniteData, QueryClient, QueryFilters } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { url } from "../api/client";
import type {
  AnomalyItem,
  DeviceDetail,
  DeviceSummary,
  LiveAnomaly,
  LiveStatus as LiveDeviceStatus,
  LiveSamples,
  Page,
  Samples,
} from "../api/types";
import { takesLive } from "../charts/data";
import { type LiveStatus, type ServerEvent, Stream } from "./stream";

/** Lists are asked for again at most this often, however many events come. */
const SETTLE_MS = 1500;
/** A tab nobody looks at gives its connection back after this time. */
const HIDDEN_MS = 60_000;
/** Most points a chart grows to by live samples before it is asked for afresh. */
const MOST_POINTS = 6000;

export class Live {
  private stream: Stream | null = null;
  private readonly watched: string[] = [];
  private status: LiveStatus = { state: "connecting", lastSeen: null };
  private readonly statusListeners = new Set<() => void>();
  private readonly stale = new Set<string>();
  private settling: ReturnType<typeof setTimeout> | null = null;
  private hiding: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly client: QueryClient) {}

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

  /** The samples of one device: of the last that asked. Returns how to stop. */
  watchDevice(device: string): () => void {
    const before = this.watched.at(-1);
    this.watched.push(device);
    if (this.stream && before !== device) this.open();
    return () => {
      const shown = this.watched.at(-1);
      this.watched.splice(this.watched.lastIndexOf(device), 1);
      if (this.stream && this.watched.at(-1) !== shown) this.open();
    };
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

  private open(): void {
    const lastEventId = this.stream?.resumeId ?? null;
    this.stream?.close();
    const mine: Stream = new Stream({
      url: url("/monitoring/v1/events", { device: this.watched.at(-1) }),
      lastEventId,
      onEvent: (event) => {
        if (this.stream === mine) this.take(event);
      },
      onStatus: (status) => {
        if (this.stream === mine || this.stream === null) this.set(status);
      },
      onReconnect: (resumed) => (resumed ? this.settle("samples", "series") : this.reload()),
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
    if (event.event === "anomaly") this.anomaly(data as LiveAnomaly);
    else if (event.event === "status") this.deviceStatus(data as LiveDeviceStatus);
    else if (event.event === "samples") this.samples(data as LiveSamples);
    else if (event.event === "reset") this.reload();
  }

  private anomaly(anomaly: LiveAnomaly): void {
    const transition = anomaly.transition.toLowerCase();
    const step = transition === "onset" ? 1 : transition === "clear" ? -1 : 0;
    if (step !== 0) {
      this.patchDevice(anomaly.device, (device) => ({
        open_anomalies: Math.max(0, device.open_anomalies + step),
      }));
    }
    this.patch<Samples>({ queryKey: ["samples", anomaly.series] }, (old) =>
      withAnomaly(old, anomaly),
    );
    this.settle("anomalies", "anomaly-pages", "summary", "series", "interfaces");
  }

  private deviceStatus(status: LiveDeviceStatus): void {
    this.patchDevice(status.device, () => ({
      state: status.state,
      since: status.since,
      reason: status.reason,
    }));
    this.settle("summary", "worst-device");
    void this.client.invalidateQueries({ queryKey: ["device", status.device] });
  }

  private samples(batch: LiveSamples): void {
    for (const [series, value] of Object.entries(batch.series)) {
      this.patch<Samples>(
        { queryKey: ["samples", series], predicate: (q) => isRelative(q.queryKey[2]) },
        (old) => withSample(old, batch.at, value),
      );
    }
    // One series alone may be a loss of 100 %, which is no answer: the device is asked for again.
    if (Object.keys(batch.series).length > 1) {
      this.patchDevice(batch.device, () => ({ last_sample_at: batch.at }));
    }
    this.settle("series", "interfaces", "device");
  }

  /** Changes a device where it is shown, without another order or another page. */
  private patchDevice(id: string, change: (device: DeviceSummary) => Partial<DeviceSummary>): void {
    this.patch<InfiniteData<Page<DeviceSummary>>>({ queryKey: ["devices"] }, (old) =>
      patchPages(old, id, change),
    );
    this.patch<DeviceDetail>({ queryKey: ["device", id] }, (old) => ({ ...old, ...change(old) }));
  }

  /** Changes what is cached; it is as old as it was, and asked for again when it would be. */
  private patch<T>(filters: QueryFilters, change: (old: T) => T): void {
    for (const { queryKey, state } of this.client.getQueryCache().findAll(filters)) {
      if (state.data === undefined) continue;
      const next = change(state.data as T);
      if (next === state.data) continue;
      this.client.setQueryData(queryKey, next, { updatedAt: state.dataUpdatedAt });
    }
  }

  private settle(...keys: string[]): void {
    for (const key of keys) this.stale.add(key);
    this.settling ??= setTimeout(() => {
      this.settling = null;
      const stale = [...this.stale];
      this.stale.clear();
      for (const key of stale) void this.client.invalidateQueries({ queryKey: [key] });
    }, SETTLE_MS);
  }
}

const isRelative = (range: unknown): boolean =>
  typeof range === "object" && range !== null && (range as { kind?: string }).kind === "relative";

function patchPages(
  old: InfiniteData<Page<DeviceSummary>>,
  id: string,
  change: (device: DeviceSummary) => Partial<DeviceSummary>,
): InfiniteData<Page<DeviceSummary>> {
  const at = old.pages.findIndex((page) => page.items.some((item) => item.id === id));
  const page = old.pages[at];
  if (!page) return old;
  const items = page.items.map((item) => (item.id === id ? { ...item, ...change(item) } : item));
  const pages = old.pages.slice();
  pages[at] = { ...page, items };
  return { ...old, pages };
}

/** Appends a live sample to samples as measured; means and roll-ups are asked for again. */
export function withSample(old: Samples, at: number, value: number | null): Samples {
  const last = old.at.at(-1) ?? 0;
  if (!takesLive(old) || at <= last || old.at.length >= MOST_POINTS) return old;
  return { ...old, at: [...old.at, at], value: [...old.value, value] };
}

export function withAnomaly(old: Samples, anomaly: AnomalyItem): Samples {
  const others = old.anomalies.filter((item) => item.id !== anomaly.id);
  return { ...old, anomalies: [...others, anomaly] };
}

let shared: Live | null = null;

export function liveOf(client: QueryClient): Live {
  shared ??= new Live(client);
  return shared;
}

const never = () => () => undefined;
const idle: LiveStatus = { state: "connecting", lastSeen: null };

export const useLiveStatus = (): LiveStatus =>
  useSyncExternalStore(shared?.subscribe ?? never, shared?.snapshot ?? (() => idle));

export function useWatchDevice(device: string | null): void {
  useEffect(() => (device === null ? undefined : shared?.watchDevice(device)), [device]);
}
