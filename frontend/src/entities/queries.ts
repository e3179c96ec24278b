// The versions of an entity, newest first.
import { infiniteQueryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import type { HistoryItem, HistoryPage } from "../api/types";

const VERSIONS = 50;

/** `path`: of the entity itself. Not asked for again and again: pages may be long. */
export const historyQuery = (path: string) =>
  infiniteQueryOptions({
    queryKey: ["history", path],
    queryFn: ({ pageParam, signal }) =>
      get<HistoryPage>(`${path}/history`, { limit: VERSIONS, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

/** A version and the one before; the last loaded one waits for that one when there is more. */
export function steps(
  items: readonly HistoryItem[],
  more: boolean,
): { item: HistoryItem; before: HistoryItem | undefined }[] {
  return items
    .slice(0, more ? -1 : items.length)
    .map((item, i) => ({ item, before: items[i + 1] }));
}
