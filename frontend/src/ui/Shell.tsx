// The frame of every page: where to go, the search, whether what is seen is live.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import { beginSession, logout } from "../api/queries";
import { useNow } from "../lib/clock";
import { duration } from "../lib/format";
import { step, useKeys } from "../lib/keys";
import { Link, navigate, usePath, useSearch, withParams } from "../lib/router";
import { announce } from "../lib/session";
import { type Theme, useTheme } from "../lib/theme";
import { useLiveStatus } from "../live/live";
import type { LiveState } from "../live/stream";
import { OneTimeBanner } from "./Account";
import { Boundary } from "./Boundary";
import { KeySheet } from "./KeySheet";
import { Search } from "./Search";
import { Troubles } from "./Troubles";

const WhyPanel = lazy(() => import("./WhyPanel"));

const PLACES = [
  { to: "/", label: "Devices" },
  { to: "/anomalies", label: "Anomalies" },
  { to: "/credentials", label: "Credentials" },
  { to: "/system", label: "System" },
] as const;

export function Shell({ children }: { children: ReactNode }) {
  const [keys, setKeys] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  useKeys({
    "/": () => search.current?.focus(),
    "?": () => setKeys((shown) => !shown),
    j: () => step("[data-step]", 1),
    k: () => step("[data-step]", -1),
    "g d": () => navigate("/"),
    "g a": () => navigate("/anomalies"),
    "g c": () => navigate("/credentials"),
    "g s": () => navigate("/system"),
    n: () => navigate("/devices/new"),
  });
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/" className="brand" aria-label="OpsConductor, devices">
          <img src="/icon.svg" alt="" width="20" height="20" />
          <span>OpsConductor</span>
        </Link>
        <Places />
        <Search input={search} />
        <LiveMark />
        <ThemeButton />
        <button
          type="button"
          className="icon key-button"
          onClick={() => setKeys(true)}
          aria-label="Keys"
        >
          ?
        </button>
        <LogoutButton />
      </header>
      <main id="main" tabIndex={-1}>
        <Troubles />
        <OneTimeBanner />
        {children}
      </main>
      <Why />
      {keys && <KeySheet onClose={() => setKeys(false)} />}
    </>
  );
}

/** `?why=` opens the reasons of an anomaly on whatever page one is. */
function Why() {
  const why = useSearch().get("why");
  if (!why) return null;
  return (
    <Boundary what="The panel" key={why}>
      <Suspense fallback={null}>
        <WhyPanel key={why} why={why} onClose={() => navigate(withParams({ why: null }))} />
      </Suspense>
    </Boundary>
  );
}

function Places() {
  const path = usePath();
  const here = (to: string) =>
    to === "/" ? path === "/" || path.startsWith("/devices") : path.startsWith(to);
  return (
    <nav aria-label="Main">
      {PLACES.map(({ to, label }) => (
        <Link key={to} to={to} aria-current={here(to) ? "page" : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

function LiveMark() {
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
    <span className={`live live-${status.state}`} role="status" title={explain(status.state)}>
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

function explain(state: LiveState): string {
  if (state === "live") return "Changes appear as they happen";
  if (state === "stalled") return "No connection: what you see may be old. Trying again.";
  return "Connecting to the live events";
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICON: Record<Theme, string> = { system: "◐", light: "☀", dark: "☾" };

function ThemeButton() {
  const [theme, setTheme] = useTheme();
  return (
    <button
      type="button"
      className="icon"
      onClick={() => setTheme(NEXT[theme])}
      aria-label={`Theme: ${theme}. Change to ${NEXT[theme]}`}
      title={`Theme: ${theme}`}
    >
      <span aria-hidden="true">{ICON[theme]}</span>
    </button>
  );
}

function LogoutButton() {
  const client = useQueryClient();
  const leave = async () => {
    try {
      await logout();
    } finally {
      beginSession(client, null);
      announce({ kind: "signed-out" });
    }
  };
  return (
    <button type="button" className="link quiet" onClick={() => void leave()}>
      Log out
    </button>
  );
}
