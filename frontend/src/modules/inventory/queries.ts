// What the inventory's pages ask, under which keys it is cached, and what they change.
import {
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { get, request } from "../../api/client";
import { again, minute } from "../../api/timing";
import type {
  DeviceDetail,
  DeviceDraft,
  DeviceGroup,
  DeviceSummary,
  DeviceTest,
  InterfaceList,
  Page,
  PollerTiming,
  Summary,
} from "../../api/types";

/** The first page is there soon; who goes on gets more at once (1,000 is the API's most). */
const FIRST_PAGE = 200;
const NEXT_PAGE = 1000;

export const summaryQuery = queryOptions({
  queryKey: ["summary"],
  queryFn: ({ signal }) => get<Summary>("/inventory/v1/summary", undefined, signal),
  refetchInterval: minute / 2,
});

export interface DeviceFilter {
  q?: string | undefined;
  state?: string | undefined;
  site?: string | undefined;
  group?: string | undefined;
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
      // Live events change single fields later on: this is how old the rest is.
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

export const GROUPS = "/inventory/v1/device-groups";

/** By name; pages as large as the API gives them. Here, because the list of devices has them. */
export const groupsQuery = infiniteQueryOptions({
  queryKey: ["groups"],
  queryFn: ({ pageParam, signal }) => get<Page<DeviceGroup>>(GROUPS, { cursor: pageParam }, signal),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_cursor,
  refetchInterval: again(minute),
});

/** The first of the list in its usual order: down, degraded, unknown, up. */
export const worstDeviceQuery = queryOptions({
  queryKey: ["worst-device"],
  queryFn: ({ signal }) => get<Page<DeviceSummary>>("/inventory/v1/devices", { limit: 1 }, signal),
  refetchInterval: minute / 2,
});

/** Of a device in the API. */
export const devicePath = (id: string): string => `/inventory/v1/devices/${encodeURIComponent(id)}`;

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) => get<DeviceDetail>(devicePath(id), undefined, signal),
    // Also how soon a page of a removed device says so.
    refetchInterval: again(minute / 4),
  });

export const interfacesQuery = (id: string) =>
  queryOptions({
    queryKey: ["interfaces", id],
    queryFn: ({ signal }) => get<InterfaceList>(`${devicePath(id)}/interfaces`, undefined, signal),
    refetchInterval: minute / 2,
  });

export const profilesQuery = queryOptions({
  queryKey: ["profiles"],
  queryFn: ({ signal }) => get<{ items: string[] }>("/inventory/v1/profiles", undefined, signal),
  staleTime: 60 * minute,
});

export const devicePollersQuery = (device: string) =>
  queryOptions({
    queryKey: ["pollers", device],
    queryFn: ({ signal }) =>
      get<{ items: PollerTiming[] }>("/automation/v1/pollers", { device }, signal),
    refetchInterval: minute / 4,
  });

export const createDevice = (draft: DeviceDraft) =>
  request<DeviceSummary>("POST", "/inventory/v1/devices", { body: draft });
/** Both are refused (412) when the device has another revision by now. */
export const updateDevice = (id: string, draft: DeviceDraft, match: number | undefined) =>
  request<DeviceSummary>("PUT", devicePath(id), { body: draft, match });
export const deleteDevice = (id: string, match: number) =>
  request<void>("DELETE", devicePath(id), { match });
export const testDevice = (
  body: { address: string; port?: number; profile?: string; credential?: string | null },
  signal: AbortSignal,
) => request<DeviceTest>("POST", "/inventory/v1/device-tests", { body, signal });

/** After a change of the inventory every list may be another one. */
export function forgetInventory(client: QueryClient): void {
  for (const key of ["devices", "summary", "worst-device", "credentials", "groups", "history"]) {
    void client.invalidateQueries({ queryKey: [key] });
  }
}
