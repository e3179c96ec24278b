// OpsConductor itself: what it warns of, whether each role keeps up, what is slow.
import { useQuery } from "@tanstack/react-query";
import { pollersQuery, systemQuery } from "../api/queries";
import type { PollerTiming, SystemStatus } from "../api/types";
import { useNow } from "../lib/clock";
import { absolute, count, duration, plural } from "../lib/format";
import { Link } from "../lib/router";
import { Account } from "../ui/Account";
import { Answer, NoData } from "../ui/Face";
import { type Column, Grid } from "../ui/Grid";
import { Age, StateShape } from "../ui/State";

const SLOWEST = 20;
const PROCESS_COLUMNS: Column[] = [
  { head: "Process" },
  { head: "State" },
  { head: "Host", className: "wide" },
  { head: "Version", className: "wide" },
  { head: "Started", className: "wide" },
  { head: "Devices", className: "c-num" },
  { head: "Lines not logged", className: "c-num wide" },
];
const ROLE_COLUMNS: Column[] = [
  { head: "Component" },
  { head: "Process" },
  { head: "State" },
  { head: "Lag (records)", className: "c-num" },
  { head: "Detail", className: "wide c-half" },
];
const POLL_COLUMNS: Column[] = [
  { head: "Device" },
  { head: "Connector", className: "wide" },
  { head: "Last poll", className: "c-num" },
  { head: "Slowest table", className: "wide" },
  { head: "Outcome" },
  { head: "When", className: "wide" },
  { head: "Requests", className: "c-num wide" },
  { head: "Timeouts", className: "c-num wide" },
];

/** Echoes are sent at a pace, so the time they take says nothing unless they fail. */
const worthSeeing = (item: PollerTiming): boolean =>
  item.connector !== "icmp" || (item.last_outcome !== null && item.last_outcome !== "ok");
const goodRole = (state: string): boolean => /^(running|ok|up|live|ready|idle)$/i.test(state);

export default function SystemPage() {
  const status = useQuery(systemQuery);
  const pollers = useQuery(pollersQuery);
  return (
    <>
      <Answer query={status} what="the system" rows={8}>
        {(data) => (
          <>
            <Verdict status={data} />
            <Processes status={data} />
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
      <Account />
    </>
  );
}

function Verdict({ status }: { status: SystemStatus }) {
  const bad = status.roles.filter((role) => !goodRole(role.state));
  const text = [
    status.troubles.length > 0 && `${plural(status.troubles.length, "part")} in trouble`,
    bad.length > 0 && `${plural(bad.length, "component")} not running`,
    status.warnings.length > 0 && plural(status.warnings.length, "warning"),
  ].filter(Boolean);
  return (
    <section className="verdict" aria-label="What is wrong">
      <h1>{text.length > 0 ? text.join(", ") : "Every part works"}</h1>
      {status.warnings.length > 0 && (
        <ul className="warnings">
          {status.warnings.map((warning) => (
            <li key={warning} className="warn-line">
              ▲ {warning}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Processes({ status }: { status: SystemStatus }) {
  return (
    <section aria-labelledby="processes-head">
      <div className="section-head">
        <h2 id="processes-head">Processes</h2>
        <Link to="/system/log">Log of all processes</Link>
      </div>
      <Grid columns={PROCESS_COLUMNS}>
        {status.processes.map((process) => (
          <tr key={process.instance}>
            <td>
              <Link to={`/system/log?process=${encodeURIComponent(process.instance)}`}>
                {process.instance}
              </Link>
            </td>
            <td>
              <span className="state-mark">
                <StateShape state={processShape(process.state)} />
                {process.state}
                {process.state !== "running" && process.state !== "stopping" && (
                  <>
                    {" "}
                    <Age at={process.since} />
                  </>
                )}
              </span>
            </td>
            <td className="wide">{process.host}</td>
            <td className="wide">{process.version}</td>
            <td className="wide">
              <Age at={process.started_at} />
            </td>
            <td className="c-num">{figure(process.figures.poller_devices)}</td>
            <td className="c-num wide">{figure(process.figures.log_lines_dropped)}</td>
          </tr>
        ))}
      </Grid>
    </section>
  );
}

const processShape = (state: string) =>
  state === "running" ? "up" : state === "gone" || state === "failed" ? "down" : "unknown";
const figure = (value: number | undefined): string => (value === undefined ? "–" : count(value));

function Roles({ status }: { status: SystemStatus }) {
  return (
    <section aria-labelledby="roles-head">
      <div className="section-head">
        <h2 id="roles-head">Components</h2>
      </div>
      <Grid columns={ROLE_COLUMNS}>
        {status.roles.map((role) => (
          <tr key={`${role.instance}/${role.name}`}>
            <td>{role.name}</td>
            <td>{role.instance}</td>
            <td>
              <span className="state-mark">
                <StateShape state={goodRole(role.state) ? "up" : "degraded"} />
                {role.state}
              </span>
            </td>
            <td className="c-num">
              <Lag records={role.lag} ms={role.lag_ms} />
            </td>
            <td className="wide muted" title={role.detail}>
              {role.detail}
            </td>
          </tr>
        ))}
      </Grid>
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

function Slowest({ items }: { items: PollerTiming[] }) {
  return (
    <>
      <Grid columns={POLL_COLUMNS}>
        {items.slice(0, SLOWEST).map((item) => (
          <tr key={`${item.device}${item.connector}`}>
            <td>
              <Link to={`/devices/${encodeURIComponent(item.device)}`} data-step="">
                {item.device_name}
              </Link>
            </td>
            <td className="wide">{item.connector}</td>
            <td className="c-num">
              {item.last_duration_ms === null ? "–" : duration(item.last_duration_ms)}
            </td>
            <td className="wide" title="How long its requests waited for answers, all together">
              {item.slowest_table === null ? (
                <span className="muted">–</span>
              ) : (
                `${item.slowest_table} ${duration(item.slowest_table_ms ?? 0)}`
              )}
            </td>
            <td>
              <Outcome text={item.last_outcome} />
            </td>
            <td className="wide">
              <Age at={item.last_at} />
            </td>
            <td className="c-num wide">{count(item.requests)}</td>
            <td className="c-num wide">
              {item.timeouts > 0 ? <span className="alarm">{count(item.timeouts)}</span> : 0}
            </td>
          </tr>
        ))}
      </Grid>
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
      <dl className="facts">
        <dt>This page is from</dt>
        <dd>
          {status.instance}, version {status.version}
        </dd>
        <dt>Running for</dt>
        <dd title={absolute(status.started_at)}>{duration(now - status.started_at)}</dd>
        <dt>Event log</dt>
        <dd>
          {log.kind} <code>{log.id}</code>
        </dd>
        <dt>Database</dt>
        <dd>
          {database.version}, tier {database.tier}, migration {database.migration}
        </dd>
        <dt>API</dt>
        <dd>
          <a href="/docs">its documentation</a>
        </dd>
      </dl>
    </section>
  );
}
