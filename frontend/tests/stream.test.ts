import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventParser, type LiveStatus, type ServerEvent, Stream } from "../src/live/stream";

describe("EventParser", () => {
  const whole = 'id: 7\nevent: anomaly\ndata: {"a":\ndata: 1}\n\n: beat\n\ndata: x\r\n\r\n';
  const expected = [
    { event: "anomaly", data: '{"a":\n1}' },
    { event: "message", data: "x" },
  ];
  it("gives the same events however the text is cut", () => {
    for (let size = 1; size <= whole.length; size += 1) {
      // A lone CR at a cut ends a line by itself; the wire format we are sent has LF.
      const text = whole.replaceAll("\r", "");
      const parser = new EventParser();
      const events: ServerEvent[] = [];
      for (let at = 0; at < text.length; at += size)
        events.push(...parser.push(text.slice(at, at + size)));
      expect(events).toEqual(expected);
      expect(parser.lastId).toBe("7");
    }
    expect(new EventParser().push(whole)).toEqual(expected);
  });
  it("takes an id without an event as the place to resume from", () => {
    const parser = new EventParser();
    expect(parser.push("id: 42\n: hello\n\n")).toEqual([]);
    expect(parser.lastId).toBe("42");
  });
  it("refuses an event without end", () => {
    const parser = new EventParser();
    expect(() => parser.push(`data: ${"x".repeat(2 ** 20)}`)).toThrow("too long");
  });
});

describe("Stream", () => {
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  const asked: Record<string, string>[] = [];
  let refuse = false;

  beforeEach(() => {
    vi.useFakeTimers();
    bodies.length = 0;
    asked.length = 0;
    refuse = false;
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
      asked.push(init.headers as Record<string, string>);
      if (refuse) throw new TypeError("connection refused");
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          bodies.push(controller);
          init.signal?.addEventListener("abort", () => {
            try {
              controller.error(new DOMException("aborted", "AbortError"));
            } catch {
              // It had ended before.
            }
          });
        },
      });
      return { ok: true, status: 200, body } as unknown as Response;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  function open() {
    const seen: LiveStatus["state"][] = [];
    const events: ServerEvent[] = [];
    const reconnects: boolean[] = [];
    const stream = new Stream({
      url: "/events",
      onEvent: (event) => events.push(event),
      onStatus: ({ state }) => seen.push(state),
      onReconnect: (resumed) => reconnects.push(resumed),
    });
    return { stream, seen, events, reconnects };
  }
  const say = async (text: string) => {
    bodies.at(-1)?.enqueue(new TextEncoder().encode(text));
    await vi.advanceTimersByTimeAsync(10);
  };

  it("comes back where it was", async () => {
    const { stream, seen, events, reconnects } = open();
    await vi.advanceTimersByTimeAsync(10);
    // Headers alone are no sign of life.
    expect(seen).toEqual([]);
    await say("id: 9\nevent: status\ndata: {}\n\n");
    expect(seen).toEqual(["live"]);
    expect(events).toHaveLength(1);
    bodies.at(-1)?.close();
    await vi.advanceTimersByTimeAsync(10);
    expect(seen.at(-1)).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(2000);
    await say(": hello\n\n");
    expect(seen.at(-1)).toBe("live");
    expect(asked.at(-1)).toMatchObject({ "last-event-id": "9" });
    expect(reconnects).toEqual([true]);
    stream.close();
  });

  it("calls a line dead that misses its heartbeats", async () => {
    const { stream, seen } = open();
    await vi.advanceTimersByTimeAsync(10);
    for (let i = 0; i < 12; i += 1) {
      await say(": beat\n\n");
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(seen).toEqual(["live"]);
    refuse = true;
    await vi.advanceTimersByTimeAsync(7_000);
    expect(seen.at(-1)).toBe("stalled");
    await vi.advanceTimersByTimeAsync(40_000);
    expect(seen.filter((state) => state === "live")).toHaveLength(1);
    refuse = false;
    const before = asked.length;
    for (let i = 0; i < 25 && asked.length === before; i += 1)
      await vi.advanceTimersByTimeAsync(1_000);
    await say(": hello\n\n");
    expect(seen.at(-1)).toBe("live");
    stream.close();
  });

  it("asks again where a connection gives nothing at all", async () => {
    const { stream, seen } = open();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked.length).toBeGreaterThan(1);
    expect(seen).not.toContain("live");
    expect(seen.at(-1)).toBe("stalled");
    stream.close();
  });

  it("stops when it is closed", async () => {
    const { stream } = open();
    await vi.advanceTimersByTimeAsync(10);
    stream.close();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked).toHaveLength(1);
  });
});
