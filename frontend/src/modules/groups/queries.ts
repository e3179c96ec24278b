// What is asked about groups of devices, and what changes them.
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { get, request } from "../../api/client";
import { again, minute } from "../../api/timing";
import type { DeviceGroup, DeviceGroupDraft, DeviceSummary, Page } from "../../api/types";
import { GROUPS } from "../inventory/queries";

/** Of a group in the API. */
export const groupPath = (id: string): string => `${GROUPS}/${encodeURIComponent(id)}`;

export const groupQuery = (id: string) =>
  queryOptions({
    queryKey: ["group", id],
    queryFn: ({ signal }) => get<DeviceGroup>(groupPath(id), undefined, signal),
    refetchInterval: again(minute / 4),
  });

export const findGroups = (q: string, limit: number, signal: AbortSignal) =>
  get<Page<DeviceGroup>>(GROUPS, { q, limit }, signal);

export const createGroup = (body: DeviceGroupDraft) =>
  request<DeviceGroup>("POST", GROUPS, { body });
/** Both are refused (412) when the group has another revision by now. */
export const updateGroup = (id: string, body: DeviceGroupDraft, match: number | undefined) =>
  request<DeviceGroup>("PUT", groupPath(id), { body, match });
export const deleteGroup = (id: string, match: number) =>
  request<void>("DELETE", groupPath(id), { match });

/** After a change of a group, lists of devices may be others too. */
export function forgetGroups(client: QueryClient, id: string): void {
  for (const queryKey of [["groups"], ["group", id], ["devices"], ["history", groupPath(id)]]) {
    void client.invalidateQueries({ queryKey });
  }
}

export const findDevices = (q: string, limit: number, signal: AbortSignal) =>
  get<Page<DeviceSummary>>("/inventory/v1/devices", { q, limit, sort: "name" }, signal);
