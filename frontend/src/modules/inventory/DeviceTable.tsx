// The devices. The server sorts; one direction each, the one that is asked for at night.
import { type HTMLAttributes, type KeyboardEvent, useMemo } from "react";
import type { DeviceSummary } from "../../api/types";
import { useNow } from "../../lib/clock";
import { count } from "../../lib/format";
import { isFrozen, lastAnswer, seenAt, staleAfter } from "../../lib/fresh";
import { type Column, DataTable } from "../../parts/DataTable";
import { Link } from "../../parts/Link";
import { Age, StateMark } from "../../parts/State";
import { DEVICE_SORTS, type DeviceSort } from "./sorts";

interface DeviceTableProps {
  rows: DeviceSummary[];
  total: number;
  /** When the rows were asked for. */
  asOf: number;
  more: (() => void) | null;
  hold: HTMLAttributes<HTMLTableSectionElement>;
  sort: DeviceSort;
  onSort: (sort: DeviceSort) => void;
}

export function DeviceTable({ rows, total, asOf, more, hold, sort, onSort }: DeviceTableProps) {
  const seen = seenAt(asOf, useNow());
  const columns = useMemo(() => columnsOf(seen), [seen]);
  return (
    <DataTable
      label="Devices"
      className="devices"
      columns={columns}
      rows={rows}
      rowId={({ id }) => id}
      rowProps={({ enabled }) => ({ className: enabled ? undefined : "off" })}
      total={total}
      more={more}
      hold={hold}
      sorted={{ id: sort, desc: sort === "anomalies" }}
      onSort={(id) => onSort(DEVICE_SORTS.find((each) => each === id) ?? "state")}
    />
  );
}

const toTop = (event: KeyboardEvent) => {
  if (event.key === "Home") window.scrollTo(0, 0);
};

const columnsOf = (seen: number): readonly Column<DeviceSummary>[] => [
  {
    id: "state",
    head: "State",
    className: "c-state",
    sortable: true,
    cell: (device) =>
      device.enabled ? (
        <StateMark state={device.state} since={device.since} frozen={isFrozen(device, seen)} />
      ) : (
        <span className="muted">not polled</span>
      ),
  },
  {
    id: "name",
    head: "Name",
    sortable: true,
    cell: ({ id, name }) => (
      <Link to="/devices/$id" params={{ id }} data-step="" className="row-link" onKeyDown={toTop}>
        {name}
      </Link>
    ),
  },
  {
    id: "anomalies",
    head: "Anomalies",
    className: "num",
    sortable: true,
    cell: ({ open_anomalies }) =>
      open_anomalies > 0 ? (
        <span className="alarm">▲ {count(open_anomalies)}</span>
      ) : (
        <span className="muted">0</span>
      ),
  },
  {
    id: "last_sample",
    head: "Last answer",
    className: "c-age",
    wide: true,
    sortable: true,
    cell: (device) => (
      <Age
        at={lastAnswer(device)}
        asOf={seen}
        staleAfter={staleAfter(device)}
        none={device.state === "down" ? "never answered" : "no answer yet"}
      />
    ),
  },
  {
    id: "site",
    head: "Site",
    className: "c-site",
    wide: true,
    sortable: true,
    cell: ({ site }) => site ?? <span className="muted">–</span>,
  },
  {
    id: "address",
    head: "Address",
    className: "c-address",
    wide: true,
    cell: ({ address }) => <span className="mono">{address}</span>,
  },
  {
    id: "reason",
    head: "Reason",
    className: "c-reason",
    wide: true,
    cell: ({ reason }) => (
      <span className="muted" title={reason}>
        {reason}
      </span>
    ),
  },
];
