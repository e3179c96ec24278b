// The search over everything: what the areas find, and the places and actions of the shell.
import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { CornerDownLeft } from "lucide-react";
import { useDeferredValue, useRef } from "react";
import { StateShape } from "../parts/State";
import { ACTIONS, AREAS, PLACES } from "./areas";
import type { Hit } from "./module";
import "../parts/popups/popups.css";

// The paths are checked against the routes by a test.
const PAGES: readonly Hit[] = [
  ...PLACES.map(({ label, to }) => ({ label, detail: "page", link: { to: to as "/" } })),
  ...ACTIONS.map(({ label, to }) => ({ label, detail: "action", link: { to: to as "/" } })),
];

async function findAll(text: string, signal: AbortSignal): Promise<Hit[]> {
  const finders = await Promise.all(AREAS.flatMap(({ find }) => find?.() ?? []));
  const hits = await Promise.all(finders.map(({ find }) => find(text, signal)));
  return hits.flat();
}

function useHits(text: string): { hits: Hit[]; note: string | null } {
  const q = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ["search", q],
    queryFn: ({ signal }) => findAll(q, signal),
    placeholderData: keepPreviousData,
    enabled: q !== "",
  });
  const pages = PAGES.filter(({ label }) => label.toLowerCase().includes(q.toLowerCase()));
  const hits = [...(q ? (found.data ?? []) : []), ...pages];
  if (found.error && q) return { hits, note: `Search failed: ${found.error.message}` };
  if (hits.length > 0) return { hits, note: null };
  return { hits, note: found.isPending ? "Searching…" : `Nothing found for “${q}”` };
}

interface PaletteProps {
  text: string;
  onText: (text: string) => void;
  /** `focus`: it was left without going anywhere. */
  onClose: (focus: boolean) => void;
}

export default function Palette({ text, onText, onClose }: PaletteProps) {
  const router = useRouter();
  const input = useRef<HTMLInputElement>(null);
  const { hits, note } = useHits(text);
  const go = ({ link }: Hit) => {
    onClose(false);
    void router.navigate(link as never);
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose(true)}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup
          className="palette"
          aria-label="Search"
          initialFocus={input}
          finalFocus={false}
        >
          <Autocomplete.Root
            inline
            open
            items={hits}
            filter={null}
            itemToStringValue={(hit: Hit) => hit.label}
            value={text}
            onValueChange={(value, { reason }) => {
              if (reason !== "item-press") onText(value);
            }}
            autoHighlight="always"
            keepHighlight
          >
            <Autocomplete.Input
              ref={input}
              className="palette-input"
              aria-label="Search devices and pages"
              placeholder="Device, address, site, tag or page"
              autoFocus
            />
            <Autocomplete.List className="palette-list" aria-label="Results">
              {(hit: Hit) => (
                <Autocomplete.Item
                  key={`${hit.label}/${JSON.stringify(hit.link.params ?? hit.link.to)}`}
                  value={hit}
                  className="menu-item"
                  onClick={() => go(hit)}
                >
                  {hit.state ? <StateShape state={hit.state} /> : <span className="shape" />}
                  <span className="grow">{hit.label}</span>
                  <span className="muted">{hit.detail}</span>
                  <CornerDownLeft className="icon enter" aria-hidden="true" />
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
            <Autocomplete.Status className="muted palette-note">{note}</Autocomplete.Status>
          </Autocomplete.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
