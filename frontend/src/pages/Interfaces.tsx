// The ports of a device; the chosen one's charts stand below.
import { memo, type RefObject, useEffect, useRef, useState } from "react";
import type { DeviceState, Interface, InterfaceMetric } from "../api/types";
import { useNow } from "../lib/clock";
import { absolute, count, duration, plural, quantity, speed } from "../lib/format";
import { isOld, portAnswer, seenAt } from "../lib/fresh";
import { Empty, NoData } from "../ui/Face";
import { StateShape } from "../ui/State";
import { useWindowed } from "../ui/windowed";

const ROW_HEIGHT = 36;
/** Ages in the table move in steps, so that its rows are not drawn every second. */
const AGE_STEP_MS = 5000;

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
  /** When they were asked for. */
  asOf: number;
  /** Older than this (ms) is stale. */
  staleAfter: number;
  /** When the device last answered by SNMP. */
  answeredAt: number | null | undefined;
  chosen: string | null;
  onChoose: (name: string) => void;
}

export function Interfaces({
  items,
  asOf,
  staleAfter,
  answeredAt,
  chosen,
  onChoose,
}: InterfacesProps) {
  const [text, setText] = useState("");
  const box = useRef<HTMLElement>(null);
  const seen = Math.floor(seenAt(asOf, useNow()) / AGE_STEP_MS) * AGE_STEP_MS;
  const old = items.filter((port) => isOld(portAnswer(port, answeredAt), staleAfter, seen)).length;
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
        {old > 0 && (
          <span className="stale" role="status">
            {old === items.length ? "no port" : plural(old, "port")}{" "}
            {old === items.length ? "has answered lately" : "no longer answered for"}
          </span>
        )}
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
        <section className="interfaces" tabIndex={0} aria-label="List of interfaces" ref={box}>
          <Table
            ports={shown}
            chosen={chosen}
            onChoose={onChoose}
            seen={seen}
            staleAfter={staleAfter}
            answeredAt={answeredAt}
            box={box}
          />
        </section>
      )}
    </section>
  );
}

function Table({
  ports,
  chosen,
  onChoose,
  seen,
  staleAfter,
  answeredAt,
  box,
}: {
  ports: Interface[];
  chosen: string | null;
  onChoose: (name: string) => void;
  seen: number;
  staleAfter: number;
  answeredAt: number | null | undefined;
  box: RefObject<HTMLElement | null>;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const span = useWindowed(body, ports.length, ROW_HEIGHT, box);
  useShownRow(box, ports, chosen);
  const after = (ports.length - span.end) * ROW_HEIGHT;
  return (
    <table className="grid" aria-rowcount={ports.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" className="c-if">
            Name
          </th>
          <th scope="col" className="wide c-alias">
            Alias
          </th>
          <th scope="col" className="c-oper">
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
      <tbody ref={body}>
        {span.start > 0 && <Spacer height={span.start * ROW_HEIGHT} />}
        {ports.slice(span.start, span.end).map((port, i) => (
          <Row
            key={port.name}
            index={span.start + i}
            port={port}
            chosen={port.name === chosen}
            onChoose={onChoose}
            seen={seen}
            staleAfter={staleAfter}
            answer={portAnswer(port, answeredAt)}
          />
        ))}
        {after > 0 && <Spacer height={after} />}
      </tbody>
    </table>
  );
}

function Spacer({ height }: { height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row of space takes no focus
    <tr aria-hidden="true" className="spacer">
      <td colSpan={7} style={{ height }} />
    </tr>
  );
}

/** The chosen port is in view when it is chosen elsewhere: by a link, or because it is odd. */
function useShownRow(
  box: RefObject<HTMLElement | null>,
  ports: Interface[],
  chosen: string | null,
): void {
  const place = ports.findIndex((port) => port.name === chosen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each chosen port
  useEffect(() => {
    const element = box.current;
    if (!element || place < 0) return;
    const top = place * ROW_HEIGHT;
    const room = element.clientHeight - 2 * ROW_HEIGHT;
    const hidden = top < element.scrollTop || top > element.scrollTop + room;
    if (hidden) element.scrollTop = Math.max(0, top - room / 2);
  }, [chosen, place >= 0]);
}

interface RowProps {
  port: Interface;
  index: number;
  chosen: boolean;
  onChoose: (name: string) => void;
  seen: number;
  staleAfter: number;
  answer: number | null;
}

const Row = memo(function Row(props: RowProps) {
  const { port, index, chosen, onChoose, seen, staleAfter, answer } = props;
  const stale = isOld(answer, staleAfter, seen);
  const rate = (metric: InterfaceMetric | undefined) => (
    <Rate metric={metric} seen={seen} stale={isOld(metric?.at, staleAfter, seen)} told={stale} />
  );
  const errors = errorsOf(port);
  return (
    <tr
      className={[chosen && "chosen", stale && "old"].filter(Boolean).join(" ") || undefined}
      aria-rowindex={index + 2}
    >
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
        <Status
          oper={port.oper_status}
          admin={port.admin_status}
          since={stale && port.present !== false ? answer : null}
          seen={seen}
        />
      </td>
      <td className="c-num wide">{speed(port.speed_bps)}</td>
      <td className="c-num">{rate(portIn(port))}</td>
      <td className="c-num">{rate(portOut(port))}</td>
      <td className="c-num wide">
        {errors === null ? (
          <span className="muted">–</span>
        ) : stale ? (
          <span className="stale">{quantity(errors, "1/s")}</span>
        ) : errors > 0 ? (
          <span className="alarm">{quantity(errors, "1/s")}</span>
        ) : (
          <span className="muted">0</span>
        )}
      </td>
    </tr>
  );
});

/** A rate, and where it is old, how old; `told`: the row says so already. */
function Rate({
  metric,
  seen,
  stale,
  told,
}: {
  metric: InterfaceMetric | undefined;
  seen: number;
  stale: boolean;
  told: boolean;
}) {
  const text = quantity(metric?.value, metric?.unit ?? "bps");
  if (!stale || !metric?.at) return text;
  return (
    <span className="stale" title={`measured ${absolute(metric.at)}`}>
      {text}
      {!told && <small> {duration(seen - metric.at)} ago</small>}
    </span>
  );
}

/** ifOperStatus (RFC 2863) as a mark. Down on purpose is no alarm; down against the will is. */
function markOf(oper: string, admin: string | null): DeviceState {
  if (oper === "up") return "up";
  if (oper === "testing" || oper === "dormant") return "degraded";
  return oper.endsWith("down") && admin !== "down" ? "down" : "unknown";
}

function Status({
  oper,
  admin,
  since,
  seen,
}: {
  oper: string | null;
  admin: string | null;
  /** When it was last answered for, where that is too long ago. */
  since: number | null;
  seen: number;
}) {
  if (oper === null) return <span className="muted">unknown</span>;
  const words = oper.replace(/_/g, " ");
  if (since !== null) {
    return (
      <span className="state-mark" title={`last answer ${absolute(since)}`}>
        <StateShape state="unknown" />
        <span className="stale">
          was {words}, {duration(seen - since)} ago
        </span>
      </span>
    );
  }
  return (
    <span className="state-mark">
      <StateShape state={markOf(oper, admin)} />
      <span>
        {words} <span className="muted wide">/ {admin ?? "?"}</span>
      </span>
    </span>
  );
}
