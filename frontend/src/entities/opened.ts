// What a form begins with: asked for when it is opened, and the same from then on.
import { useState } from "react";

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isFetchedAfterMount: boolean;
}

/** Options of the query: what is in the cache may be a version that was changed since. */
export const FRESH = { refetchOnMount: "always" } as const;

export function useOpened<T>({ data, error, isFetchedAfterMount }: Asked<T>): T | undefined {
  const [opened, setOpened] = useState<T>();
  if (opened === undefined && isFetchedAfterMount && !error && data !== undefined) setOpened(data);
  return opened;
}
