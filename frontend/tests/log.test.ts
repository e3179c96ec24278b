// The log: each line keeps its row, and lines that come are asked for, at a pace.
import { InfiniteQueryObserver, QueryClient } from "@tanstack/react-query";
import { afterEach, expect, it, vi } from "vitest";
import type { LogLine } from "../src/api/types";
import { Live } from "../src/live/live";
import { rowsOf } from "../src/modules/system/lines";
import { live as system } from "../src/modules/system/live";
import { logQuery, newestLines } from "../src/modules/system/queries";

const line = (at: number, message = "holding"): LogLine => ({
  at,
  instance: "run@a",
  level: "warn",
  component: "sink metric",
  target: "pipeline",
  message,
  fields: {},
  suppressed: 0,
});
const answer = (items: LogLine[], next_cursor: string | null = null) =>
  new Response(JSON.stringify({ items, next_cursor }), { status: 200 });

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("a line keeps its row when others come, also beside its equals", () => {
  const before = rowsOf([line(2), line(1), line(1)]);
  const after = rowsOf([line(3), line(2), line(2, "other"), line(1), line(1)]);
  expect(new Set(after.map(({ id }) => id)).size).toBe(5);
  expect(before.map(({ id }) => id)).toEqual([1, 3, 4].map((at) => after[at]?.id));
  expect(after.map(({ at }) => at)).toEqual([3, 2, 2, 1, 1]);
});

it("lines that come are asked for together", async () => {
  vi.useFakeTimers();
  const asked = vi.fn(async () => answer([line(1)]));
  vi.stubGlobal("fetch", asked);
  const client = new QueryClient();
  const observer = new InfiniteQueryObserver(client, logQuery({ level: "error", from: 5 }));
  const leave = observer.subscribe(() => undefined);
  const live = new Live(client, [system]) as unknown as { take: (event: object) => void };
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.mock.calls).toHaveLength(1);
  const [url] = asked.mock.calls[0] as unknown as [string];
  expect(url).toBe("/system/v1/log?level=error&from=5&limit=100");
  for (let i = 0; i < 5; i += 1) live.take({ event: "log", data: JSON.stringify(line(i)) });
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toHaveBeenCalledTimes(2);
  leave();
});

it("older pages are not asked for again until the newest are wanted", async () => {
  vi.useFakeTimers();
  const asked = vi.fn(async (url: string) =>
    url.includes("cursor=") ? answer([line(1)]) : answer([line(2)], "older"),
  );
  vi.stubGlobal("fetch", asked);
  const client = new QueryClient();
  const observer = new InfiniteQueryObserver(client, logQuery({}));
  const leave = observer.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  await observer.fetchNextPage();
  const before = asked.mock.calls.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveBeenCalledTimes(before);
  await newestLines(client, {});
  expect(asked).toHaveBeenCalledTimes(before + 1);
  expect(observer.getCurrentResult().data?.pages).toHaveLength(1);
  leave();
});
