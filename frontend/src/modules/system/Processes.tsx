// The processes of the system: which run, which do not, and where.
import type { ProcessInfo } from "../../api/types";
import { count } from "../../lib/format";
import { type Column, DataTable } from "../../parts/DataTable";
import { Link } from "../../parts/Link";
import { Age } from "../../parts/State";
import { RUNNING, StateSince } from "./StateSince";

/** One that ends, or ended in order, is no trouble. */
export const processLost = (state: string): boolean => state === "gone" || state === "failed";

const shapeOf = (state: string) =>
  processLost(state) ? "down" : state === RUNNING ? "up" : "unknown";

const figure = (value: number | undefined): string => (value === undefined ? "–" : count(value));

const COLUMNS: readonly Column<ProcessInfo>[] = [
  {
    id: "name",
    head: "Process",
    className: "wrap",
    cell: ({ instance }) => (
      <Link to="/system/log" search={{ process: instance }} title="Its log" data-step="">
        {instance}
      </Link>
    ),
  },
  {
    id: "state",
    head: "State",
    cell: ({ state, since }) => <StateSince {...{ state, since }} shape={shapeOf(state)} />,
  },
  { id: "host", head: "Host", wide: true, cell: ({ host }) => <span title={host}>{host}</span> },
  { id: "version", head: "Version", wide: true, cell: ({ version }) => version },
  {
    id: "started",
    head: "Started",
    wide: true,
    cell: ({ started_at }) => <Age at={started_at} />,
  },
  {
    id: "devices",
    head: "Devices",
    className: "num c-devices",
    cell: ({ figures }) => figure(figures.poller_devices),
  },
  {
    id: "dropped",
    head: "Lines not logged",
    className: "num",
    wide: true,
    cell: ({ figures }) =>
      (figures.log_lines_dropped ?? 0) > 0 ? (
        <span className="alarm" title="Warnings and errors that the log could not take">
          {figure(figures.log_lines_dropped)}
        </span>
      ) : (
        figure(figures.log_lines_dropped)
      ),
  },
];

export function Processes({ processes }: { processes: ProcessInfo[] }) {
  return (
    <section aria-labelledby="processes-head">
      <div className="section-head">
        <h2 id="processes-head">Processes</h2>
        <Link to="/system/log">Log of all processes</Link>
      </div>
      <DataTable
        label="Processes"
        columns={COLUMNS}
        rows={processes}
        rowId={({ instance }) => instance}
      />
    </section>
  );
}
