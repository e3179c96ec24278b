// Anomalies, one a row: since when, where, what, how far off, and "Why?".
import { type HTMLAttributes, useMemo } from "react";
import type { AnomalyEvidence, AnomalyItem } from "../../api/types";
import { useNow } from "../../lib/clock";
import {
  absolute,
  bandText,
  duration,
  metricName,
  quantity,
  shownUnit,
  zone,
} from "../../lib/format";
import { useNarrow } from "../../lib/media";
import { buttonClass } from "../../parts/Button";
import { type Column, DataTable } from "../../parts/DataTable";
import { Link } from "../../parts/Link";
import { StateShape } from "../../parts/State";
import { evidenceOf } from "./evidence";
import "./monitoring.css";

export const whyKey = (item: { series: string; id: string }): string => `${item.series}:${item.id}`;

export function AnomalyAge({ item }: { item: AnomalyItem }) {
  const now = useNow();
  const title = `since ${absolute(item.onset_at)} ${zone(now)}`;
  return item.cleared_at === null ? (
    <span title={title} className="state-mark">
      <StateShape state="degraded" />
      <span>
        <b className="alarm">open</b> for {duration(now - item.onset_at)}
      </span>
    </span>
  ) : (
    <span title={title} className="state-mark muted">
      <StateShape state="unknown" />
      <span>
        cleared {duration(now - item.cleared_at)} ago, lasted{" "}
        {duration(item.cleared_at - item.onset_at)}
      </span>
    </span>
  );
}

/** `In traffic of Gi0/1` */
export const what = (item: { metric: string; instance: string }): string =>
  item.instance ? `${metricName(item.metric)} of ${item.instance}` : metricName(item.metric);

/** `82.9, expected 36.4 Mbit/s` */
const withExpected = ({ value, expected }: AnomalyEvidence, unit: string): string =>
  bandText(value, expected, unit).replace(" … ", ", expected ");

function Value({ item }: { item: AnomalyItem }) {
  const unit = shownUnit(item.metric, item.unit);
  const { onset, peak, clear } = evidenceOf(item);
  return (
    <span className="anomaly-value">
      <b>{quantity(peak.value, unit)}</b>{" "}
      <span className="muted">expected {quantity(peak.expected, unit)}</span>
      {(clear || peak.at !== onset.at) && (
        <small className="muted">
          <span>began at {withExpected(onset, unit)}</span>
          {clear && <span>cleared at {withExpected(clear, unit)}</span>}
        </small>
      )}
    </span>
  );
}

function What({ item, device }: { item: AnomalyItem; device: boolean }) {
  const narrow = useNarrow();
  return (
    <span className="anomaly-what">
      <span>
        {device && (
          <>
            <Link to="/devices/$id" params={{ id: item.device }} className="row-link">
              {item.device_name}
            </Link>{" "}
          </>
        )}
        {what(item)}
      </span>
      {narrow && (
        <>
          <AnomalyAge item={item} />
          <Value item={item} />
        </>
      )}
    </span>
  );
}

const columnsOf = (device: boolean): readonly Column<AnomalyItem>[] => [
  {
    id: "age",
    head: "State",
    className: "wrap c-age",
    wide: true,
    cell: (item) => <AnomalyAge item={item} />,
  },
  {
    id: "what",
    head: "What",
    className: "wrap",
    cell: (item) => <What item={item} device={device} />,
  },
  {
    id: "value",
    head: "Value",
    className: "wrap c-value",
    wide: true,
    cell: (item) => <Value item={item} />,
  },
  {
    id: "why",
    head: "Reasons",
    silent: true,
    className: "c-why",
    cell: (item) => (
      <Link
        className={buttonClass("plain", "small")}
        to="."
        search={(old) => ({ ...old, why: whyKey(item) })}
        resetScroll={false}
        data-step=""
        aria-label={`Why? ${item.device_name} ${what(item)}`}
      >
        Why?
      </Link>
    ),
  },
];

/** What began this short a time ago lights up once. */
const FRESH_MS = 10_000;

interface AnomalyTableProps {
  label: string;
  items: AnomalyItem[];
  /** Whether the device of each is named. */
  device?: boolean;
  hold?: HTMLAttributes<HTMLTableSectionElement>;
}

export function AnomalyTable({ label, items, device = true, hold }: AnomalyTableProps) {
  const columns = useMemo(() => columnsOf(device), [device]);
  return (
    <DataTable
      className="anomalies"
      label={label}
      columns={columns}
      rows={items}
      rowId={({ id }) => id}
      rowProps={({ id, onset_at }) => ({
        "data-anomaly": id,
        className: Date.now() - onset_at < FRESH_MS ? "fresh" : undefined,
      })}
      {...(hold && { hold })}
    />
  );
}
