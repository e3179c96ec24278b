// The ports of a device; the chosen one's charts stand below.
import { useMemo, useRef, useState } from "react";
import type { Interface } from "../../api/types";
import { useNow } from "../../lib/clock";
import { count, plural } from "../../lib/format";
import { isOld, portAnswer, seenAt } from "../../lib/fresh";
import { Button } from "../../parts/Button";
import { DataTable, type Sorted } from "../../parts/DataTable";
import { Empty, NoData } from "../../parts/Face";
import { SearchField } from "../../parts/Field";
import { sortHere } from "../../parts/sortHere";
import { portColumns, portValues } from "./portColumns";
import { PORT_SORTS, type PortSort } from "./sorts";

/** Ages in the table move in steps, so that its rows are not drawn every second. */
const AGE_STEP_MS = 5000;

interface InterfacesProps {
  items: Interface[];
  /** When they were asked for. */
  asOf: number;
  /** Older than this (ms) is stale. */
  staleAfter: number;
  /** When the device last answered by SNMP. */
  answeredAt: number | null | undefined;
  chosen: string | null;
  onChoose: (name: string) => void;
  sort: PortSort | undefined;
  onSort: (sort: PortSort | undefined) => void;
}

/** Figures are worth a look from the top. */
const DESCENDING: readonly PortSort[] = ["speed", "in", "out", "errors"];

/** A rate that changes under the pointer moves no row: the order is that of a moment ago. */
function useHeldOrder(items: Interface[], sort: PortSort | undefined) {
  const [held, setHeld] = useState<ReadonlyMap<string, Interface> | null>(null);
  const hold = {
    onPointerEnter: () => setHeld(sort ? new Map(items.map((port) => [port.name, port])) : null),
    onPointerLeave: () => setHeld(null),
  };
  return { held, hold };
}

export function Interfaces(props: InterfacesProps) {
  const { items, asOf, staleAfter, answeredAt, chosen, onChoose, sort, onSort } = props;
  const [text, setText] = useState("");
  const box = useRef<HTMLElement>(null);
  const seen = Math.floor(seenAt(asOf, useNow()) / AGE_STEP_MS) * AGE_STEP_MS;
  const old = items.filter((port) => isOld(portAnswer(port, answeredAt), staleAfter, seen)).length;
  const shown = useMemo(() => matching(items, text), [items, text]);
  const { held, hold } = useHeldOrder(items, sort);
  const values = useMemo(() => portValues(held), [held]);
  const columns = useMemo(
    () => portColumns({ seen, staleAfter, answeredAt, chosen, onChoose, values }),
    [seen, staleAfter, answeredAt, chosen, onChoose, values],
  );
  const sorted: Sorted | null = sort ? { id: sort, desc: DESCENDING.includes(sort) } : null;
  return (
    <section aria-labelledby="ports-head">
      <div className="section-head">
        <h2 id="ports-head">
          Interfaces <span className="muted">{count(items.length)}</span>
        </h2>
        {old > 0 && (
          <span className="stale" role="status">
            {old === items.length ? "no port" : plural(old, "port")}{" "}
            {old === items.length ? "has answered lately" : "no longer answered for"}
          </span>
        )}
        {items.length > 0 && (
          <SearchField
            label="Filter interfaces"
            placeholder="Name, alias or status"
            value={text}
            onChange={setText}
          />
        )}
      </div>
      {items.length === 0 ? (
        <NoData title="No interfaces known">They come with the first full poll by SNMP.</NoData>
      ) : shown.length === 0 ? (
        <Empty title="No interface matches">
          <Button onClick={() => setText("")}>Clear the filter</Button>
        </Empty>
      ) : (
        <section
          className="table-box interfaces"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keys
          tabIndex={0}
          aria-label="List of interfaces"
          ref={box}
        >
          <DataTable
            label="Interfaces"
            columns={columns}
            rows={shown}
            rowId={({ name }) => name}
            rowProps={(port) => rowProps(port, props, seen)}
            box={box}
            shown={chosen}
            sorter={sortHere}
            sorted={sorted}
            hold={hold}
            onSort={(id) => {
              const next = PORT_SORTS.find((each) => each === id);
              onSort(next === sort ? undefined : next);
            }}
          />
        </section>
      )}
    </section>
  );
}

function matching(items: Interface[], text: string): Interface[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return items;
  return items.filter((port) =>
    `${port.name} ${port.alias ?? ""} ${port.oper_status ?? ""}`.toLowerCase().includes(wanted),
  );
}

function rowProps(
  port: Interface,
  { chosen, staleAfter, answeredAt }: InterfacesProps,
  seen: number,
) {
  const stale = isOld(portAnswer(port, answeredAt), staleAfter, seen);
  const classes = [port.name === chosen && "chosen", stale && "old"].filter(Boolean).join(" ");
  return { className: classes || undefined };
}
