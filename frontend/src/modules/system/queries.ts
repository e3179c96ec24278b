// What the system page asks, and under which keys it is cached.
import { queryOptions } from "@tanstack/react-query";
import { get } from "../../api/client";
import { minute } from "../../api/timing";
import type { PollerTiming, SystemStatus } from "../../api/types";

export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => get<SystemStatus>("/system/v1/status", undefined, signal),
  refetchInterval: minute / 12,
});

export const pollersQuery = queryOptions({
  queryKey: ["pollers"],
  queryFn: ({ signal }) =>
    get<{ items: PollerTiming[] }>("/automation/v1/pollers", undefined, signal),
  refetchInterval: minute / 4,
});
