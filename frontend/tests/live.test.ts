// Live events against what the pages ask for by themselves.
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { again } from "../src/api/timing";
import { Live } from "../src/live/live";
import { live as inventory } from "../src/modules/inventory/live";
import { live as monitoring } from "../src/modules/monitoring/live";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const step = 1000;

it("events every second do not keep a chart from being asked for again", async () => {
  const client = new QueryClient();
  const asked = vi.fn(() => Promise.resolve(answer()));
  const answer = () => ({ bucket_ms: 0, at: [0], value: [1], to: 0, series: { id: "s" } });
  const observer = new QueryObserver(client, {
    queryKey: ["samples", "s", { kind: "relative", ms: 900_000 }, 800],
    queryFn: asked,
    refetchInterval: again(10 * step),
  });
  const leave = observer.subscribe(() => undefined);
  const live = new Live(client, [inventory, monitoring]) as unknown as {
    take: (event: object) => void;
  };
  await vi.advanceTimersByTimeAsync(0);
  for (let second = 1; second <= 25; second += 1) {
    const data = JSON.stringify({ device: "d", at: second * step, series: { s: second } });
    live.take({ event: "samples", data });
    await vi.advanceTimersByTimeAsync(step);
  }
  leave();
  expect(asked).toHaveBeenCalledTimes(3);
});

it("what failed is not asked for at once", async () => {
  const client = new QueryClient();
  const asked = vi.fn(() => Promise.reject(new Error("no")));
  const observer = new QueryObserver(client, {
    queryKey: ["device", "d"],
    queryFn: asked,
    retry: false,
    refetchInterval: again(10 * step),
  });
  const leave = observer.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(25 * step);
  leave();
  expect(asked).toHaveBeenCalledTimes(3);
});

it("each area takes the events that it names, and no others", () => {
  const client = new QueryClient();
  const page = { items: [{ id: "d", state: "up", open_anomalies: 0 }], total: 1 };
  client.setQueryData(["devices", {}], { pages: [page], pageParams: [null] });
  const { queryHash } = client.getQueryCache().getAll()[0] ?? {};
  const live = new Live(client, [inventory, monitoring]) as unknown as {
    take: (event: object) => void;
  };
  const device = () =>
    (client.getQueryData(["devices", {}]) as { pages: (typeof page)[] }).pages[0]?.items[0];
  const status = { device: "d", state: "down", since: 1, reason: "gone" };
  live.take({ event: "status", data: JSON.stringify(status) });
  expect(device()).toMatchObject({ state: "down", since: 1, reason: "gone" });
  live.take({ event: "anomaly", data: JSON.stringify({ device: "d", transition: "onset" }) });
  expect(device()?.open_anomalies).toBe(1);
  for (const event of ["constructor", "toString", "nobody knows"]) {
    expect(() => live.take({ event, data: "{}" })).not.toThrow();
  }
  live.take({ event: "status", data: "not JSON" });
  expect(client.getQueryCache().getAll()[0]?.queryHash).toBe(queryHash);
});

it("the address asks for what the pages want, the last of the devices", () => {
  const live = new Live(new QueryClient(), []);
  const address = () => (live as unknown as { address: () => string }).address();
  expect(address()).toBe("/monitoring/v1/events");
  const first = live.watch({ device: "a" });
  const log = live.watch({ log: true });
  const second = live.watch({ device: "b" });
  expect(address()).toBe("/monitoring/v1/events?device=b&log=true");
  second();
  expect(address()).toBe("/monitoring/v1/events?device=a&log=true");
  log();
  first();
  expect(address()).toBe("/monitoring/v1/events");
});
