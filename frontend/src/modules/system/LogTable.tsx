// Lines of the log: when, how bad, whose, what.
import type { HTMLAttributes } from "react";
import { useNow } from "../../lib/clock";
import { absolute, count, moment, zone } from "../../lib/format";
import { useNarrow } from "../../lib/media";
import { type Column, DataTable } from "../../parts/DataTable";
import { Link } from "../../parts/Link";
import { StateShape } from "../../parts/State";
import type { LineRow } from "./lines";

function When({ at }: { at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={`${absolute(at)} ${zone(now)}`}>
      {moment(at, now)}
    </time>
  );
}

const Level = ({ level }: { level: string }) => (
  <span className="state-mark">
    <StateShape state={level === "error" ? "down" : "degraded"} />
    {level}
  </span>
);

/** Leads to the lines of the same component. */
const Component = ({ name }: { name: string }) => (
  <Link
    from="/system/log"
    to="."
    search={(old) => ({ ...old, component: name })}
    className="muted"
    title="Only lines of this component"
  >
    {name}
  </Link>
);

function What({ line }: { line: LineRow }) {
  const narrow = useNarrow();
  return (
    <span className="log-what" title={line.target}>
      {narrow && (
        <small className="log-head">
          <Level level={line.level} />
          <When at={line.at} />
          <span className="muted">{line.instance}</span>
          <Component name={line.component} />
        </small>
      )}
      <span>
        {line.message}
        {Object.entries(line.fields).map(([name, value]) => (
          <span key={name} className="muted">{` ${name}=${value}`}</span>
        ))}
      </span>
      {line.suppressed > 0 && (
        <small className="log-left-out">
          {count(line.suppressed)} more like it {line.suppressed === 1 ? "was" : "were"} left out
        </small>
      )}
    </span>
  );
}

const COLUMNS: readonly Column<LineRow>[] = [
  {
    id: "when",
    head: "When",
    className: "c-when",
    wide: true,
    cell: ({ at }) => <When at={at} />,
  },
  {
    id: "level",
    head: "Level",
    className: "c-level",
    wide: true,
    cell: ({ level }) => <Level level={level} />,
  },
  {
    id: "process",
    head: "Process",
    className: "c-process",
    wide: true,
    cell: ({ instance }) => <span title={instance}>{instance}</span>,
  },
  {
    id: "component",
    head: "Component",
    className: "c-component",
    wide: true,
    cell: ({ component }) => <Component name={component} />,
  },
  { id: "what", head: "What", className: "wrap", cell: (line) => <What line={line} /> },
];

interface LogTableProps {
  rows: LineRow[];
  hold: HTMLAttributes<HTMLTableSectionElement>;
}

export function LogTable({ rows, hold }: LogTableProps) {
  return (
    <DataTable
      className="log"
      label="Log"
      columns={COLUMNS}
      rows={rows}
      rowId={({ id }) => id}
      hold={hold}
    />
  );
}
