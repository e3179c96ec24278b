// What the system page asks, and under which keys it is cached.
import {
  type InfiniteData,
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { get } from "../../api/client";
import { minute } from "../../api/timing";
import type { LogPage, PollerTiming, SystemStatus } from "../../api/types";

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

export interface LogFilter {
  process?: string | undefined;
  component?: string | undefined;
  level?: string | undefined;
  q?: string | undefined;
  from?: number | undefined;
}

/** Lines on a page of the log. */
const LINES = 100;

export const logQuery = (filter: LogFilter) =>
  infiniteQueryOptions({
    queryKey: ["log", filter],
    queryFn: ({ pageParam, signal }) =>
      get<LogPage>("/system/v1/log", { ...filter, limit: LINES, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    // Live events come sooner; a line may be stored later than its event is sent.
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? minute / 4 : false),
  });

/** Forgets the older pages that were loaded, and asks for the newest lines. */
export async function newestLines(client: QueryClient, filter: LogFilter): Promise<void> {
  const { queryKey } = logQuery(filter);
  client.setQueryData<InfiniteData<LogPage, string | null>>(
    queryKey,
    (old) => old && { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) },
  );
  await client.invalidateQueries({ queryKey });
}
