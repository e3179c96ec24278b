// What the charts ask, and under which keys it is cached.
import { queryOptions } from "@tanstack/react-query";
import { get } from "../../../api/client";
import { again, minute } from "../../../api/timing";
import type { Samples, Series } from "../../../api/types";
import { type Range, resolveRange } from "../range";
import { keepLive } from "./live";

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
