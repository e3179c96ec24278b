// The search over everything, in every page's bar.
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type RefObject, useDeferredValue, useId, useState } from "react";
import { deviceSearchQuery } from "../api/queries";
import { plural } from "../lib/format";
import { isFrozen } from "../lib/fresh";
import { navigate } from "../lib/router";
import { StateShape } from "./State";

interface Hit {
  to: string;
  label: string;
  detail: string;
  state?: "up" | "degraded" | "down" | "unknown";
}

const PAGES: Hit[] = [
  { to: "/", label: "Devices", detail: "page" },
  { to: "/anomalies", label: "Anomalies", detail: "page" },
  { to: "/credentials", label: "Credentials", detail: "page" },
  { to: "/system", label: "System", detail: "page" },
  { to: "/devices/new", label: "Add device", detail: "page" },
];

function useHits(text: string): { hits: Hit[]; note: string | null } {
  const q = useDeferredValue(text.trim());
  const found = useQuery(deviceSearchQuery(q));
  if (!q) return { hits: [], note: null };
  const pages = PAGES.filter((page) => page.label.toLowerCase().includes(q.toLowerCase()));
  const devices = (found.data?.items ?? []).map((device) => ({
    to: `/devices/${encodeURIComponent(device.id)}`,
    label: device.name,
    detail: [device.address, device.site].filter(Boolean).join(" · "),
    // What was up too long ago is not shown as up.
    state: isFrozen(device, found.dataUpdatedAt) ? ("unknown" as const) : device.state,
  }));
  const total = found.data?.total ?? 0;
  const more: Hit[] =
    total > devices.length
      ? [
          {
            to: `/?q=${encodeURIComponent(q)}`,
            label: `All ${plural(total, "device")}`,
            detail: "",
          },
        ]
      : [];
  const hits = [...devices, ...more, ...pages];
  if (hits.length > 0) return { hits, note: null };
  if (found.error) return { hits, note: `Search failed: ${found.error.message}` };
  return { hits, note: found.isPending ? "Searching…" : `Nothing found for “${q}”` };
}

export function Search({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const list = useId();
  const { hits, note } = useHits(text);
  const chosen = Math.min(at, hits.length - 1);
  const shown = open && (hits.length > 0 || note !== null);

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    setText("");
    setOpen(false);
    input.current?.blur();
    navigate(hit.to);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(hits.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
    else if (event.key === "Enter") go(hits[chosen]);
    else if (event.key === "Escape") {
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search className="search">
      <input
        ref={input}
        type="search"
        placeholder="Search  ( / )"
        aria-label="Search devices and pages"
        role="combobox"
        aria-expanded={shown}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={shown && hits[chosen] ? `${list}-${chosen}` : undefined}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={key}
      />
      <div className="hits" hidden={!shown}>
        <div id={list} role="listbox" aria-label="Results">
          {hits.map((hit, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox has the keys
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the combobox
            <div
              key={hit.to}
              id={`${list}-${i}`}
              role="option"
              aria-selected={i === chosen}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => go(hit)}
            >
              {hit.state ? <StateShape state={hit.state} /> : <span className="shape" />}
              <span>{hit.label}</span>
              <span className="muted">{hit.detail}</span>
            </div>
          ))}
        </div>
        {note && <p className="muted pad">{note}</p>}
      </div>
    </search>
  );
}
