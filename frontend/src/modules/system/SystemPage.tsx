// OpsConductor itself: what it warns of, whether each role keeps up, what is slow.
import { useQuery } from "@tanstack/react-query";
import type { PollerTiming, SystemStatus } from "../../api/types";
import { useNow } from "../../lib/clock";
import { absolute, count, duration, plural } from "../../lib/format";
import { type Column, DataTable } from "../../parts/DataTable";
import { Answer, NoData, Warning } from "../../parts/Face";
import { Facts } from "../../parts/Facts";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { Age, StateShape } from "../../parts/State";
import { Processes, processLost } from "./Processes";
import { pollersQuery, systemQuery } from "./queries";
import { RUNNING, StateSince } from "./StateSince";
import "./system.css";

const SLOWEST = 20;

/** Echoes are sent at a pace, so the time they take says nothing unless they fail. */
const worthSeeing = (item: PollerTiming): boolean =>
  item.connector !== "icmp" || (item.last_outcome !== null && item.last_outcome !== "ok");
const goodRole = (state: string): boolean => state === RUNNING;

export default function SystemPage() {
  const status = useQuery(systemQuery);
  const pollers = useQuery(pollersQuery);
  return (
    <>
      <Answer query={status} what="the system" heading="System" rows={8}>
        {(data) => (
          <>
            <Verdict status={data} />
            <Processes processes={data.processes} />
            <Roles status={data} />
          </>
        )}
      </Answer>
      <section aria-labelledby="slow-head">
        <div className="section-head">
          <h2 id="slow-head">
            Slowest devices <span className="muted">by their last poll</span>
          </h2>
        </div>
        <Answer query={pollers} what="the poll timings" rows={5}>
          {(data) =>
            data.items.length === 0 ? (
              <NoData title="No poll yet">
                <Link to="/devices/new">Add a device</Link>, then its polls are timed here.
              </NoData>
            ) : (
              <Slowest items={data.items.filter(worthSeeing)} />
            )
          }
        </Answer>
      </section>
      {status.data && <About status={status.data} />}
    </>
  );
}

function Verdict({ status }: { status: SystemStatus }) {
  const bad = status.roles.filter((role) => !goodRole(role.state));
  const lost = status.processes.filter((process) => processLost(process.state));
  const text = [
    status.troubles.length > 0 && `${plural(status.troubles.length, "part")} in trouble`,
    lost.length > 0 && `${plural(lost.length, "process", "processes")} lost`,
    bad.length > 0 && `${plural(bad.length, "component")} not running`,
    status.warnings.length > 0 && plural(status.warnings.length, "warning"),
  ].filter(Boolean);
  return (
    <section className="verdict" aria-label="What is wrong">
      <PageHeading title="System">
        {text.length > 0 ? text.join(", ") : "Every part works"}
      </PageHeading>
      {status.warnings.map((warning) => (
        <Warning key={warning}>{warning}</Warning>
      ))}
    </section>
  );
}

type Role = SystemStatus["roles"][number];

const ROLE_COLUMNS: readonly Column<Role>[] = [
  { id: "name", head: "Component", cell: ({ name }) => name },
  { id: "instance", head: "Process", cell: ({ instance }) => instance },
  {
    id: "state",
    head: "State",
    cell: ({ state, since }) => (
      <StateSince {...{ state, since }} shape={goodRole(state) ? "up" : "degraded"} />
    ),
  },
  {
    id: "lag",
    head: "Lag (records)",
    className: "num",
    cell: ({ lag, lag_ms }) => <Lag records={lag} ms={lag_ms} />,
  },
  {
    id: "detail",
    head: "Detail",
    className: "c-half",
    wide: true,
    cell: ({ detail, partitions }) => {
      const held = partitions.length > 0 && `${plural(partitions.length, "partition")}`;
      const text = [detail, held].filter(Boolean).join(", ");
      const which = partitions.length > 0 ? `${text}: ${partitions.join(", ")}` : text;
      return (
        <span className="muted" title={which}>
          {text}
        </span>
      );
    },
  },
];

function Roles({ status }: { status: SystemStatus }) {
  return (
    <section aria-labelledby="roles-head">
      <div className="section-head">
        <h2 id="roles-head">Components</h2>
      </div>
      <DataTable
        label="Components"
        columns={ROLE_COLUMNS}
        rows={status.roles}
        rowId={({ instance, name }) => `${instance}/${name}`}
      />
    </section>
  );
}

/** An age below this is the pace of the pipeline itself. */
const OLD_MS = 2_000;

function Lag({ records, ms }: { records: number | null; ms: number | null }) {
  if (records === null) return <span className="muted">–</span>;
  return (
    <>
      {count(records)}
      {ms !== null && ms >= OLD_MS && <span className="alarm"> {duration(ms)}</span>}
    </>
  );
}

const POLL_COLUMNS: readonly Column<PollerTiming>[] = [
  {
    id: "device",
    head: "Device",
    className: "c-name",
    cell: ({ device, device_name }) => (
      <Link to="/devices/$id" params={{ id: device }} data-step="">
        {device_name}
      </Link>
    ),
  },
  {
    id: "process",
    head: "Process",
    wide: true,
    cell: ({ instance }) => <span title={instance}>{instance}</span>,
  },
  {
    id: "connector",
    head: "Connector",
    className: "c-tight",
    wide: true,
    cell: ({ connector }) => connector,
  },
  {
    id: "last",
    head: "Last poll",
    className: "num",
    cell: ({ last_duration_ms: ms }) => (ms === null ? "–" : duration(ms)),
  },
  {
    id: "slowest",
    head: "Slowest table",
    className: "c-mid",
    wide: true,
    cell: ({ slowest_table, slowest_table_ms }) =>
      slowest_table === null ? (
        <span className="muted">–</span>
      ) : (
        <span title="How long its requests waited for answers, all together">
          {slowest_table} {duration(slowest_table_ms ?? 0)}
        </span>
      ),
  },
  { id: "outcome", head: "Outcome", cell: (item) => <Outcome text={item.last_outcome} /> },
  { id: "when", head: "When", wide: true, cell: ({ last_at }) => <Age at={last_at} /> },
  {
    id: "requests",
    head: "Requests",
    className: "num c-tight",
    wide: true,
    cell: ({ requests }) => count(requests),
  },
  {
    id: "timeouts",
    head: "Timeouts",
    className: "num c-tight",
    wide: true,
    cell: ({ timeouts }) =>
      timeouts > 0 ? <span className="alarm">{count(timeouts)}</span> : <>0</>,
  },
];

function Slowest({ items }: { items: PollerTiming[] }) {
  return (
    <>
      <DataTable
        label="Slowest devices"
        columns={POLL_COLUMNS}
        rows={items.slice(0, SLOWEST)}
        rowId={({ device, connector }) => `${device}${connector}`}
      />
      <p className="hint">
        {items.length > SLOWEST && `The slowest ${SLOWEST} of ${count(items.length)}. `}
        Pings are listed only where they fail.
      </p>
    </>
  );
}

function Outcome({ text }: { text: string | null }) {
  if (text === null) return <span className="muted">none yet</span>;
  const words = text.toLowerCase().replace(/_/g, " ");
  const good = words === "ok";
  return (
    <span className="state-mark">
      <StateShape state={good ? "up" : "degraded"} />
      {words}
    </span>
  );
}

function About({ status }: { status: SystemStatus }) {
  const now = useNow();
  const { log, database } = status;
  return (
    <section aria-labelledby="about-head">
      <div className="section-head">
        <h2 id="about-head">This installation</h2>
      </div>
      <Facts
        facts={[
          ["This page is from", `${status.instance}, version ${status.version}`],
          [
            "Running for",
            <span key="for" title={absolute(status.started_at)}>
              {duration(now - status.started_at)}
            </span>,
          ],
          [
            "Event log",
            <span key="log">
              {log.kind} <code>{log.id}</code>
            </span>,
          ],
          [
            "Database",
            `${database.version}, tier ${database.tier}, migration ${database.migration}`,
          ],
          [
            "API",
            <a key="api" href="/docs">
              its documentation
            </a>,
          ],
        ]}
      />
    </section>
  );
}
