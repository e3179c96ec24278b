// What is asked about anomalies, and under which keys it is cached.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get } from "../../api/client";
import { minute } from "../../api/timing";
import type { AnomalyItem, Page } from "../../api/types";

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
