// The ports of a device; the chosen one's charts stand below.
import { useState } from "react";
import type { Interface, InterfaceMetric } from "../api/types";
import { count, quantity, speed } from "../lib/format";
import { Empty, NoData } from "../ui/Face";
import { StateShape } from "../ui/State";

/** More rows than this are cut, and the table says so: the filter finds the rest. */
const MOST_ROWS = 500;

const metricOf = (port: Interface, name: RegExp): InterfaceMetric | undefined =>
  port.metrics.find((metric) => name.test(metric.metric));

export const portIn = (port: Interface) => metricOf(port, /^if_in_bps$|in.*bps/);
export const portOut = (port: Interface) => metricOf(port, /^if_out_bps$|out.*bps/);
const isOdd = (port: Interface): boolean => port.metrics.some((metric) => metric.open_anomaly);
/** All errors and discards together, per second. */
const errorsOf = (port: Interface): number | null => {
  const values = port.metrics
    .filter((metric) => /err|discard/.test(metric.metric) && metric.value !== null)
    .map((metric) => metric.value ?? 0);
  return values.length ? values.reduce((a, b) => a + b) : null;
};

/** The port asked for, or the one most worth a look: odd first, then busy. */
export function chosenPort(ports: Interface[], wanted: string | null): Interface | null {
  const asked = ports.find((port) => port.name === wanted);
  if (asked) return asked;
  const weight = (port: Interface) =>
    (isOdd(port) ? 1e18 : 0) + (portIn(port)?.value ?? 0) + (portOut(port)?.value ?? 0);
  return ports.reduce<Interface | null>(
    (best, port) => (best === null || weight(port) > weight(best) ? port : best),
    null,
  );
}

interface InterfacesProps {
  items: Interface[];
  chosen: string | null;
  onChoose: (name: string) => void;
}

export function Interfaces({ items, chosen, onChoose }: InterfacesProps) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = items.filter((port) =>
    `${port.name} ${port.alias ?? ""} ${port.oper_status ?? ""}`.toLowerCase().includes(wanted),
  );
  return (
    <section aria-labelledby="ports-head">
      <div className="section-head">
        <h2 id="ports-head">
          Interfaces <span className="muted">{count(items.length)}</span>
        </h2>
        {items.length > 0 && (
          <input
            type="search"
            aria-label="Filter interfaces"
            placeholder="Name, alias or status"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </div>
      {items.length === 0 ? (
        <NoData title="No interfaces known">They come with the first full poll by SNMP.</NoData>
      ) : shown.length === 0 ? (
        <Empty title="No interface matches">
          <button type="button" onClick={() => setText("")}>
            Clear the filter
          </button>
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keys
        <section className="interfaces" tabIndex={0} aria-label="List of interfaces">
          <Table ports={shown.slice(0, MOST_ROWS)} chosen={chosen} onChoose={onChoose} />
        </section>
      )}
      {shown.length > MOST_ROWS && (
        <p className="hint">
          The first {count(MOST_ROWS)} of {count(shown.length)}: filter to see the others.
        </p>
      )}
    </section>
  );
}

function Table({
  ports,
  chosen,
  onChoose,
}: {
  ports: Interface[];
  chosen: string | null;
  onChoose: (name: string) => void;
}) {
  return (
    <table className="grid">
      <thead>
        <tr>
          <th scope="col" className="c-if">
            Name
          </th>
          <th scope="col" className="wide c-alias">
            Alias
          </th>
          <th scope="col">
            Oper<span className="wide"> / admin</span>
          </th>
          <th scope="col" className="c-num wide">
            Speed
          </th>
          <th scope="col" className="c-num">
            In
          </th>
          <th scope="col" className="c-num">
            Out
          </th>
          <th scope="col" className="c-num wide">
            Errors
          </th>
        </tr>
      </thead>
      <tbody>
        {ports.map((port) => (
          <Row key={port.name} port={port} chosen={port.name === chosen} onChoose={onChoose} />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  port,
  chosen,
  onChoose,
}: {
  port: Interface;
  chosen: boolean;
  onChoose: (name: string) => void;
}) {
  const inward = portIn(port);
  const outward = portOut(port);
  const errors = errorsOf(port);
  return (
    <tr className={chosen ? "chosen" : undefined}>
      <td>
        <button
          type="button"
          className="link"
          data-step=""
          aria-pressed={chosen}
          aria-label={`Charts of ${port.name}`}
          onClick={() => onChoose(port.name)}
        >
          {port.name}
        </button>
        {isOdd(port) && <span className="alarm"> ▲</span>}
      </td>
      <td className="wide" title={port.alias || undefined}>
        {port.alias || <span className="muted">–</span>}
      </td>
      <td>
        <Status oper={port.oper_status} admin={port.admin_status} />
      </td>
      <td className="c-num wide">{speed(port.speed_bps)}</td>
      <td className="c-num">{quantity(inward?.value, inward?.unit ?? "bps")}</td>
      <td className="c-num">{quantity(outward?.value, outward?.unit ?? "bps")}</td>
      <td className="c-num wide">
        {errors === null ? (
          <span className="muted">–</span>
        ) : errors > 0 ? (
          <span className="alarm">{quantity(errors, "1/s")}</span>
        ) : (
          <span className="muted">0</span>
        )}
      </td>
    </tr>
  );
}

/** Down on purpose is no alarm; down against the will is. */
function Status({ oper, admin }: { oper: string | null; admin: string | null }) {
  if (oper === null) return <span className="muted">unknown</span>;
  const state = oper === "up" ? "up" : admin === "down" ? "unknown" : "down";
  return (
    <span className="state-mark">
      <StateShape state={state} />
      <span>
        {oper} <span className="muted wide">/ {admin ?? "?"}</span>
      </span>
    </span>
  );
}
