// The devices that a group lists: found by typing, taken off one by one.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useDeferredValue, useId, useMemo, useRef, useState } from "react";
import { count } from "../../lib/format";
import { IconButton } from "../../parts/Button";
import { type Column, DataTable } from "../../parts/DataTable";
import { Finder } from "../../parts/Finder";
import { DeviceName, type Named, useDevice, useKnow } from "./DeviceName";
import { findDevices } from "./queries";

/** So many are offered at a time; who types more finds the others. */
const OFFERED = 20;

interface ListedProps {
  ids: string[];
  error: string | undefined;
  onChange: (ids: string[]) => void;
}

interface Row {
  id: string;
}

export function ListedDevices({ ids, error, onChange }: ListedProps) {
  const know = useKnow();
  const box = useRef<HTMLElement>(null);
  const hint = useId();
  const rows = useMemo(() => ids.map((id) => ({ id })), [ids]);
  const remove = (id: string) => onChange(ids.filter((each) => each !== id));
  const add = (device: Named) => {
    know(device);
    onChange([device.id, ...ids]);
  };
  return (
    <fieldset aria-describedby={hint}>
      <legend className="label">
        Devices listed one by one <span className="muted">{count(ids.length)}</span>
      </legend>
      <div className="stack">
        <p className="hint" id={hint}>
          Members whatever their site and tags are.
        </p>
        <FindDevice listed={ids} error={error} onPick={add} />
        {ids.length > 0 && (
          <section
            className="table-box listed"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keys
            tabIndex={0}
            aria-label="List of devices"
            ref={box}
          >
            <DataTable
              label="Listed devices"
              columns={columnsOf(remove)}
              rows={rows}
              rowId={({ id }) => id}
              box={box}
            />
          </section>
        )}
      </div>
    </fieldset>
  );
}

interface FindProps {
  listed: readonly string[];
  error: string | undefined;
  onPick: (device: Named) => void;
}

function FindDevice({ listed, error, onPick }: FindProps) {
  const [text, setText] = useState("");
  const q = useDeferredValue(text.trim());
  const query = useQuery({
    queryKey: ["found-devices", q],
    queryFn: ({ signal }) => findDevices(q, OFFERED, signal),
    placeholderData: keepPreviousData,
    enabled: q !== "",
  });
  const known = new Set(listed);
  const items = q === "" ? [] : (query.data?.items ?? []);
  const offered = items.filter(({ id }) => !known.has(id));
  return (
    <Finder
      label="Add a device"
      placeholder="Name, address or tag"
      error={error ?? (query.error && q ? `The search failed: ${query.error.message}` : undefined)}
      found={offered.map((device) => ({
        value: device.id,
        label: device.name,
        detail: [device.address, device.site].filter(Boolean).join(" · "),
      }))}
      onText={setText}
      onPick={({ value }) => {
        const device = items.find(({ id }) => id === value);
        if (device) onPick(device);
      }}
      note={noteOf(q, query.isPending, items.length)}
    />
  );
}

function noteOf(q: string, pending: boolean, found: number): string {
  if (q === "") return "Type part of a name, address or tag";
  if (pending) return "Searching…";
  return found > 0 ? "All that match are listed already" : `No device matches “${q}”`;
}

const columnsOf = (remove: (id: string) => void): readonly Column<Row>[] => [
  { id: "name", head: "Name", cell: ({ id }) => <DeviceName id={id} /> },
  { id: "address", head: "Address", wide: true, cell: ({ id }) => <Place id={id} /> },
  {
    id: "remove",
    head: "Take off the list",
    silent: true,
    className: "c-remove",
    cell: ({ id }) => <TakeOff id={id} onPress={() => remove(id)} />,
  },
];

function Place({ id }: { id: string }) {
  const { data } = useDevice(id);
  return <span className="muted">{[data?.address, data?.site].filter(Boolean).join(" · ")}</span>;
}

function TakeOff({ id, onPress }: { id: string; onPress: () => void }) {
  const name = useDevice(id).data?.name ?? id;
  return <IconButton size="small" icon={X} label={`Take ${name} off the list`} onClick={onPress} />;
}
