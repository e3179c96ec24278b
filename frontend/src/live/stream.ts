// Server-sent events over fetch, because EventSource hides the heartbeat, and without the
// heartbeat a dead connection looks like a quiet network.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Longest line taken; a longer one ends the connection instead of growing without bound. */
const LONGEST = 1 << 20;

/** Takes text in any pieces, gives whole events. */
export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id: string | null = null;

  /** Where to resume from; an id without an event counts too. */
  get lastId(): string | null {
    return this.id;
  }

  push(text: string): ServerEvent[] {
    this.rest += text;
    if (this.rest.length > LONGEST) throw new Error("an event is too long");
    const events: ServerEvent[] = [];
    const lines = this.rest.split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") return this.flush();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id") this.id = value;
    return null;
  }

  private flush(): ServerEvent | null {
    const { event, data } = this;
    this.event = "";
    this.data = [];
    if (data.length === 0) return null;
    return { event: event || "message", data: data.join("\n") };
  }
}

export type LiveState = "connecting" | "live" | "reconnecting" | "stale";

export interface LiveStatus {
  state: LiveState;
  /** When the present state began to matter: the last sign of life. */
  lastSeen: number | null;
}

/** The server sends a heartbeat every 15 s; two missed and one grace, and the line is dead. */
const SILENCE_MS = 40_000;
/** Without a connection for this long the page says that what it shows is old. */
const STALE_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

export interface StreamOptions {
  url: string;
  onEvent: (event: ServerEvent) => void;
  onStatus: (status: LiveStatus) => void;
  /** Called when a connection stands again after one was lost; `resumed`: nothing was missed. */
  onReconnect: (resumed: boolean) => void;
  lastEventId?: string | null;
}

/** One connection kept up until `close`. */
export class Stream {
  private readonly stop = new AbortController();
  private attempt: AbortController | null = null;
  private lastSeen: number | null = null;
  private lastId: string | null;
  private retries = 0;
  private connectedOnce = false;
  private watchdog: ReturnType<typeof setInterval>;
  private wake: (() => void) | null = null;
  private current: LiveState = "connecting";

  constructor(private readonly options: StreamOptions) {
    this.lastId = options.lastEventId ?? null;
    this.watchdog = setInterval(() => this.watch(), 2000);
    void this.run();
  }

  get resumeId(): string | null {
    return this.lastId;
  }

  close(): void {
    clearInterval(this.watchdog);
    this.stop.abort();
    this.attempt?.abort();
    this.wake?.();
  }

  /** Tries now instead of at the end of the pause. */
  retry(): void {
    this.wake?.();
  }

  private set(state: LiveState): void {
    this.current = state;
    this.options.onStatus({ state, lastSeen: this.lastSeen });
  }

  private watch(): void {
    const age = this.lastSeen === null ? null : Date.now() - this.lastSeen;
    if (this.current === "live" && age !== null && age > SILENCE_MS) this.attempt?.abort();
    else if (this.current === "reconnecting" && (age === null || age > STALE_MS)) this.set("stale");
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        await this.connect();
      } catch {
        // Every failure has the same answer: try again, later and later.
      }
      if (this.stop.signal.aborted) return;
      if (this.current !== "stale") this.set("reconnecting");
      const pause = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.retries);
      this.retries += 1;
      await this.sleep(pause * (0.75 + Math.random() / 2));
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async connect(): Promise<void> {
    this.attempt = new AbortController();
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.lastId !== null) headers["last-event-id"] = this.lastId;
    const response = await fetch(this.options.url, {
      headers,
      signal: this.attempt.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    this.seen();
    if (this.connectedOnce) this.options.onReconnect(this.lastId !== null);
    this.connectedOnce = true;
    this.retries = 0;
    this.set("live");
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.seen();
      const events = parser.push(value);
      this.lastId = parser.lastId ?? this.lastId;
      for (const event of events) this.options.onEvent(event);
    }
  }

  private seen(): void {
    this.lastSeen = Date.now();
  }
}
