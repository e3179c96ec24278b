// Every question the pages ask, with the key it is cached under.
import {
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { keepLive } from "../charts/data";
import type { Range } from "../lib/range";
import { resolveRange } from "../lib/range";
import { ApiError, get, request } from "./client";
import type {
  AnomalyItem,
  Credential,
  DeviceDetail,
  DeviceDraft,
  DeviceSummary,
  DeviceTest,
  InterfaceList,
  LogPage,
  Page,
  PollerTiming,
  Samples,
  Series,
  Session,
  Summary,
  SystemStatus,
} from "./types";

const second = 1000;
const minute = 60 * second;
/** The first page is there soon; who goes on gets more at once (1,000 is the API's most). */
const FIRST_PAGE = 200;
const NEXT_PAGE = 1000;

/**
 * Asks again so long after the last answer. Live events change what is cached, and each would
 * start a fixed interval anew: what they change often would never be asked for again.
 */
export const again =
  (ms: number) =>
  ({ state }: { state: Asked }) => {
    const last = Math.max(state.dataUpdatedAt, state.errorUpdatedAt);
    return last === 0 ? ms : Math.max(second, last + ms - Date.now());
  };

interface Asked {
  dataUpdatedAt: number;
  errorUpdatedAt: number;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await get<Session>("/identity/v1/session", undefined, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const summaryQuery = queryOptions({
  queryKey: ["summary"],
  queryFn: ({ signal }) => get<Summary>("/inventory/v1/summary", undefined, signal),
  refetchInterval: minute / 2,
});

export interface DeviceFilter {
  q?: string | undefined;
  state?: string | undefined;
  site?: string | undefined;
  sort?: string | undefined;
}

export const devicesQuery = (filter: DeviceFilter) =>
  infiniteQueryOptions({
    queryKey: ["devices", filter],
    queryFn: async ({ pageParam, signal }) => {
      const page = await get<Page<DeviceSummary>>(
        "/inventory/v1/devices",
        { ...filter, limit: pageParam === null ? FIRST_PAGE : NEXT_PAGE, cursor: pageParam },
        signal,
      );
      // Live events mend single fields later on: this is how old the rest is.
      return { ...page, asked_at: Date.now() };
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    // Long lists less often: ten thousand rows are a dozen questions.
    refetchInterval: (query) =>
      again(Math.max(1, (query.state.data?.pages.length ?? 1) / 4) * (minute / 2))(query),
    refetchOnWindowFocus: false,
  });

/** The first of the list in its usual order: down, degraded, unknown, up. */
export const worstDeviceQuery = queryOptions({
  queryKey: ["worst-device"],
  queryFn: ({ signal }) => get<Page<DeviceSummary>>("/inventory/v1/devices", { limit: 1 }, signal),
  refetchInterval: minute / 2,
});

export const deviceSearchQuery = (q: string) =>
  queryOptions({
    queryKey: ["device-search", q],
    queryFn: ({ signal }) =>
      get<Page<DeviceSummary>>("/inventory/v1/devices", { q, limit: 8 }, signal),
    placeholderData: keepPreviousData,
    enabled: q.trim() !== "",
  });

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) =>
      get<DeviceDetail>(`/inventory/v1/devices/${encodeURIComponent(id)}`, undefined, signal),
    // Also how soon a page of a removed device says so.
    refetchInterval: again(minute / 4),
  });

export const interfacesQuery = (id: string) =>
  queryOptions({
    queryKey: ["interfaces", id],
    queryFn: ({ signal }) =>
      get<InterfaceList>(
        `/inventory/v1/devices/${encodeURIComponent(id)}/interfaces`,
        undefined,
        signal,
      ),
    refetchInterval: minute / 2,
  });

export const seriesQuery = (id: string) =>
  queryOptions({
    queryKey: ["series", id],
    queryFn: ({ signal }) =>
      get<{ items: Series[] }>(
        `/monitoring/v1/devices/${encodeURIComponent(id)}/series`,
        undefined,
        signal,
      ),
    refetchInterval: minute / 2,
  });

/** How often a chart asks again: live events fill the time between samples, but not between means. */
export function refetchSamples(samples: Samples | undefined): number {
  if (!samples?.bucket_ms) return minute;
  // The bucket that is filling moves with the samples.
  if (samples.running_from) return Math.max(minute, samples.interval_ms ?? minute);
  return Math.min(15 * minute, Math.max(minute / 6, samples.bucket_ms / 2));
}

export const samplesQuery = (series: string, range: Range, points: number) =>
  queryOptions({
    queryKey: ["samples", series, range, points],
    queryFn: ({ signal }) => {
      const { from, to } = resolveRange(range, Date.now());
      return get<Samples>(
        `/monitoring/v1/series/${encodeURIComponent(series)}/samples`,
        { from, to, points },
        signal,
      );
    },
    refetchInterval: (query) =>
      range.kind === "relative" ? again(refetchSamples(query.state.data))(query) : false,
    structuralSharing: keepLive,
    gcTime: 2 * minute,
  });

export interface AnomalyFilter {
  open?: string | undefined;
  device?: string | undefined;
  series?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export const anomaliesQuery = (filter: AnomalyFilter, limit = 100) =>
  queryOptions({
    queryKey: ["anomalies", filter, limit],
    queryFn: ({ signal }) =>
      get<Page<AnomalyItem>>("/monitoring/v1/anomalies", { ...filter, limit }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: minute,
  });

export const anomalyPagesQuery = (filter: AnomalyFilter) =>
  infiniteQueryOptions({
    queryKey: ["anomaly-pages", filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<AnomalyItem>>(
        "/monitoring/v1/anomalies",
        { ...filter, limit: 100, cursor: pageParam },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  });

export const credentialsQuery = queryOptions({
  queryKey: ["credentials"],
  queryFn: ({ signal }) =>
    get<{ items: Credential[] }>("/credentials/v1/credentials", undefined, signal),
});

export const profilesQuery = queryOptions({
  queryKey: ["profiles"],
  queryFn: ({ signal }) => get<{ items: string[] }>("/inventory/v1/profiles", undefined, signal),
  staleTime: 60 * minute,
});

export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => get<SystemStatus>("/system/v1/status", undefined, signal),
  refetchInterval: minute / 12,
});

export interface LogFilter {
  process?: string | undefined;
  component?: string | undefined;
  level?: string | undefined;
  q?: string | undefined;
  from?: number | undefined;
}

export const logPagesQuery = (filter: LogFilter) =>
  infiniteQueryOptions({
    queryKey: ["log", filter],
    queryFn: ({ pageParam, signal }) =>
      get<LogPage>("/system/v1/log", { ...filter, limit: 200, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    // Who reads on is left alone.
    refetchInterval: (query) => (query.state.data?.pages.length === 1 ? 5 * second : false),
  });

export const pollersQuery = queryOptions({
  queryKey: ["pollers"],
  queryFn: ({ signal }) =>
    get<{ items: PollerTiming[] }>("/automation/v1/pollers", undefined, signal),
  refetchInterval: minute / 4,
});

export const devicePollersQuery = (device: string) =>
  queryOptions({
    queryKey: ["pollers", device],
    queryFn: ({ signal }) =>
      get<{ items: PollerTiming[] }>("/automation/v1/pollers", { device }, signal),
    refetchInterval: minute / 4,
  });

export const login = (username: string, password: string) =>
  request<Session>("POST", "/identity/v1/session", { body: { username, password } });
export const logout = () => request<void>("DELETE", "/identity/v1/session");
export const changePassword = (current_password: string, new_password: string) =>
  request<void>("PUT", "/identity/v1/password", { body: { current_password, new_password } });
export const createDevice = (draft: DeviceDraft) =>
  request<DeviceSummary>("POST", "/inventory/v1/devices", { body: draft });
export const updateDevice = (id: string, draft: DeviceDraft) =>
  request<DeviceSummary>("PUT", `/inventory/v1/devices/${encodeURIComponent(id)}`, { body: draft });
export const deleteDevice = (id: string) =>
  request<void>("DELETE", `/inventory/v1/devices/${encodeURIComponent(id)}`);
export const testDevice = (
  body: { address: string; port?: number; profile?: string; credential?: string | null },
  signal: AbortSignal,
) => request<DeviceTest>("POST", "/inventory/v1/device-tests", { body, signal });
/** Refused (409) when there is one of that name. */
export const createCredential = (name: string, community: string) =>
  request<unknown>("POST", "/credentials/v1/credentials", {
    body: { name, kind: "snmp_v2c", community },
  });
export const putCredential = (name: string, community: string) =>
  request<unknown>("PUT", `/credentials/v1/credentials/${encodeURIComponent(name)}`, {
    body: { kind: "snmp_v2c", community },
  });
export const deleteCredential = (name: string) =>
  request<void>("DELETE", `/credentials/v1/credentials/${encodeURIComponent(name)}`);

/** After a change of the inventory every list may be another one. */
export function forgetInventory(client: QueryClient): void {
  for (const key of ["devices", "device-search", "summary", "worst-device", "credentials"]) {
    void client.invalidateQueries({ queryKey: [key] });
  }
}

/** Logged in or out: nothing that another session saw stays. */
export function beginSession(client: QueryClient, session: Session | null): void {
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  client.setQueryData(sessionQuery.queryKey, session);
}
