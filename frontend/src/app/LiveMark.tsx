// Whether what is seen changes as it happens.
import { useNow } from "../lib/clock";
import { duration } from "../lib/format";
import { useLiveStatus } from "../live/live";
import type { LiveState } from "../live/stream";

const EXPLAINED: Record<LiveState, string> = {
  live: "Changes appear as they happen",
  stalled: "No connection: what you see may be old. Trying again.",
  connecting: "Connecting to the live events",
  reconnecting: "Connecting to the live events",
};

export function LiveMark() {
  const status = useLiveStatus();
  const now = useNow();
  const since = status.lastSeen === null ? "" : ` ${duration(now - status.lastSeen)}`;
  const text = {
    connecting: "Connecting",
    live: "Live",
    reconnecting: "Reconnecting",
    stalled: `Stalled${since}`,
  }[status.state];
  return (
    <span className={`live live-${status.state}`} role="status" title={EXPLAINED[status.state]}>
      <svg viewBox="0 0 16 16" aria-hidden="true" className="shape">
        {status.state === "live" && <circle cx="8" cy="8" r="5" />}
        {status.state === "stalled" && <path d="M8 1.5 15 14H1z" />}
        {(status.state === "connecting" || status.state === "reconnecting") && (
          <circle
            cx="8"
            cy="8"
            r="4.5"
            fill="none"
            stroke="currentColor"
            strokeWidth="2.4"
            strokeDasharray="7 5"
          />
        )}
      </svg>
      {text}
    </span>
  );
}
