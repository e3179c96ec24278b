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

export type LiveState = "connecting" | "live" | "reconnecting" | "stalled";

export interface LiveStatus {
  state: LiveState;
  /** When the present state began to matter: the last sign of life. */
  lastSeen: number | null;
}

/** The server sends a heartbeat every 5 s: with two of them missed the line is dead. */
const SILENCE_MS = 10_500;
/** How often that is looked at; what is shown is never live for longer than both together. */
const WATCH_MS = 1000;
/** A server that is there answers a new connection at once. */
const CONNECT_MS = 10_000;
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
  private readonly began = Date.now();
  private connectedOnce = false;
  private connectingSince: number | null = null;
  private watchdog: ReturnType<typeof setInterval>;
  private wake: (() => void) | null = null;
  private current: LiveState = "connecting";

  constructor(private readonly options: StreamOptions) {
    this.lastId = options.lastEventId ?? null;
    this.watchdog = setInterval(() => this.watch(), WATCH_MS);
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
    const now = Date.now();
    const age = now - (this.lastSeen ?? this.began);
    if (this.connectingSince !== null && now - this.connectingSince > CONNECT_MS) {
      this.connectingSince = null;
      this.attempt?.abort();
    }
    if (this.current === "stalled" || age <= SILENCE_MS) return;
    if (this.current === "live") {
      this.set("stalled");
      this.attempt?.abort();
    } else if (this.current === "reconnecting") this.set("stalled");
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        await this.connect();
      } catch {
        // Every failure has the same answer: try again, later and later.
      }
      if (this.stop.signal.aborted) return;
      this.connectingSince = null;
      if (this.current !== "stalled") this.set("reconnecting");
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
    this.connectingSince = Date.now();
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.lastId !== null) headers["last-event-id"] = this.lastId;
    const response = await fetch(this.options.url, {
      headers,
      signal: this.attempt.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.seen();
      if (this.connectingSince !== null) this.connected();
      const events = parser.push(value);
      this.lastId = parser.lastId ?? this.lastId;
      for (const event of events) this.options.onEvent(event);
    }
  }

  /** The first bytes are there: headers alone may come from something in between. */
  private connected(): void {
    this.connectingSince = null;
    if (this.connectedOnce) this.options.onReconnect(this.lastId !== null);
    this.connectedOnce = true;
    this.retries = 0;
    this.set("live");
  }

  private seen(): void {
    this.lastSeen = Date.now();
  }
}
