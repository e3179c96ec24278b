// Ten thousand rows, of which the ones in view exist.
import { type KeyboardEvent, memo, useEffect, useRef } from "react";
import type { DeviceSummary } from "../api/types";
import { useNow } from "../lib/clock";
import { count } from "../lib/format";
import { isFrozen, lastAnswer, seenAt, staleAfter } from "../lib/fresh";
import { Link, useSearch, withParams } from "../lib/router";
import { Age, StateMark } from "../ui/State";
import { useWindowed } from "../ui/windowed";

export const ROW_HEIGHT = 36;

interface DeviceTableProps {
  rows: DeviceSummary[];
  total: number;
  /** When the rows were asked for. */
  asOf: number;
  more: (() => void) | null;
  hold: { onPointerEnter: () => void; onPointerLeave: () => void };
}

export function DeviceTable({ rows, total, asOf, more, hold }: DeviceTableProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const span = useWindowed(body, total, ROW_HEIGHT);
  const wanted = span.end;
  const seen = seenAt(asOf, useNow());
  useEffect(() => {
    if (more && wanted > rows.length - 20) more();
  }, [more, wanted, rows.length]);
  const shown = rows.slice(span.start, span.end);
  const after = (total - Math.min(span.end, rows.length)) * ROW_HEIGHT;
  return (
    <table className="grid devices" aria-rowcount={total + 1}>
      <thead>
        <tr aria-rowindex={1}>
          <Head className="c-state" sort="state" text="State" />
          <Head sort="name" text="Name" />
          <Head className="c-num" sort="anomalies" text="Anomalies" />
          <Head className="c-age wide" sort="last_sample" text="Last answer" />
          <Head className="c-site wide" sort="site" text="Site" />
          <Head className="c-address wide" text="Address" />
          <Head className="c-reason wide" text="Reason" />
        </tr>
      </thead>
      <tbody ref={body} {...hold}>
        {span.start > 0 && <Spacer height={span.start * ROW_HEIGHT} />}
        {shown.map((device, i) => (
          <Row
            key={device.id}
            device={device}
            asOf={seen}
            frozen={isFrozen(device, seen)}
            index={span.start + i}
          />
        ))}
        {after > 0 && <Spacer height={after} />}
      </tbody>
      {more === null && rows.length < total && (
        <caption className="visually-hidden">
          Loading, {count(rows.length)} of {count(total)}
        </caption>
      )}
    </table>
  );
}

/** The server sorts; one direction each, the one that is asked for at night. */
function Head({ text, sort, className }: { text: string; sort?: string; className?: string }) {
  const chosen = useSearch().get("sort") ?? "state";
  if (!sort) {
    return (
      <th scope="col" className={className}>
        {text}
      </th>
    );
  }
  const here = sort === chosen;
  const direction = sort === "anomalies" ? "descending" : "ascending";
  return (
    <th scope="col" className={className} aria-sort={here ? direction : undefined}>
      <Link to={withParams({ sort: sort === "state" ? null : sort })} className="sort">
        {text}
        {here && <span aria-hidden="true"> {direction === "descending" ? "▾" : "▴"}</span>}
      </Link>
    </th>
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

interface RowProps {
  device: DeviceSummary;
  asOf: number;
  frozen: boolean;
  index: number;
}

const Row = memo(function Row({ device, asOf, frozen, index }: RowProps) {
  const to = `/devices/${encodeURIComponent(device.id)}`;
  const home = (event: KeyboardEvent) => {
    if (event.key === "Home") window.scrollTo(0, 0);
  };
  return (
    <tr aria-rowindex={index + 2} className={device.enabled ? undefined : "off"}>
      <td>
        {device.enabled ? (
          <StateMark state={device.state} since={device.since} frozen={frozen} />
        ) : (
          <span className="muted">not polled</span>
        )}
      </td>
      <td>
        <Link to={to} data-step="" className="row-link" onKeyDown={home}>
          {device.name}
        </Link>
      </td>
      <td className="c-num">
        {device.open_anomalies > 0 ? (
          <span className="alarm">▲ {count(device.open_anomalies)}</span>
        ) : (
          <span className="muted">0</span>
        )}
      </td>
      <td className="wide">
        <Age
          at={lastAnswer(device)}
          asOf={asOf}
          staleAfter={staleAfter(device)}
          none={device.state === "down" ? "never answered" : "no answer yet"}
        />
      </td>
      <td className="wide">{device.site ?? <span className="muted">–</span>}</td>
      <td className="wide mono">{device.address}</td>
      <td className="wide muted clip" title={device.reason}>
        {device.reason}
      </td>
    </tr>
  );
});
