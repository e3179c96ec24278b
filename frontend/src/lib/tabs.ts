// Tabs of one browser share one session: what one of them does to it reaches the others.
const CHANNEL = "opsconductor";

export type TabNews =
  | { kind: "signed-out" }
  | { kind: "signed-in" }
  | { kind: "removed"; device: string };

const open = (): BroadcastChannel | null =>
  typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);

let shared: BroadcastChannel | null | undefined;
const channel = (): BroadcastChannel | null => {
  if (shared === undefined) shared = open();
  return shared;
};

export function announce(news: TabNews): void {
  channel()?.postMessage(news);
}

/** Calls back for what other tabs did. Returns how to stop. */
export function onNews(callback: (news: TabNews) => void): () => void {
  const from = channel();
  const listener = ({ data }: MessageEvent<TabNews>) => callback(data);
  from?.addEventListener("message", listener);
  return () => from?.removeEventListener("message", listener);
}
