// Warnings and errors of all processes, newest first, as they come.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { logPagesQuery, systemQuery } from "../api/queries";
import type { LogLine } from "../api/types";
import { useNow } from "../lib/clock";
import { absolute, count, moment, plural, zone } from "../lib/format";
import { Link, useSearch, useSetParams } from "../lib/router";
import { Empty, Failed, Loading } from "../ui/Face";
import { type Column, Grid } from "../ui/Grid";
import { StateShape } from "../ui/State";

const HOUR = 3_600_000;
const PERIODS = [
  { name: "1h", label: "last hour", ms: HOUR },
  { name: "24h", label: "last 24 h", ms: 24 * HOUR },
  { name: "7d", label: "last 7 d", ms: 7 * 24 * HOUR },
] as const;
const COLUMNS: Column[] = [
  { head: "When" },
  { head: "Level" },
  { head: "Process", className: "wide" },
  { head: "Component", className: "wide" },
  { head: "What" },
];

/** Rounded, so that the question stays the same from one minute to the next. */
const startOf = (ms: number): number => Math.floor((Date.now() - ms) / 60_000) * 60_000;

export default function LogPage() {
  const params = useSearch();
  const period = PERIODS.find((each) => each.name === params.get("period")) ?? PERIODS[2];
  const text = (name: string) => params.get(name) ?? undefined;
  const query = useInfiniteQuery(
    logPagesQuery({
      process: text("process"),
      component: text("component"),
      level: text("level"),
      q: text("q"),
      from: startOf(period.ms),
    }),
  );
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="section-head">
        <h1 className="grow">Log</h1>
        <Filters period={period.name} />
      </div>
      {query.error && items.length === 0 ? (
        <Failed error={query.error} what="the log" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading what="the log" rows={10} />
      ) : items.length === 0 ? (
        <Nothing filtered={params.size > 0} />
      ) : (
        <Lines items={items} />
      )}
      {query.hasNextPage && (
        <p>
          <button
            type="button"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {query.isFetchingNextPage ? "Loading…" : "Show older ones"}
          </button>
        </p>
      )}
    </>
  );
}

function Filters({ period }: { period: string }) {
  const params = useSearch();
  const set = useSetParams();
  const status = useQuery(systemQuery);
  const process = params.get("process") ?? "";
  const component = params.get("component");
  const known = status.data?.processes.map((each) => each.instance) ?? [];
  const processes = process && !known.includes(process) ? [...known, process] : known;
  return (
    <div className="filters">
      <input
        type="search"
        aria-label="Text"
        placeholder="Text"
        maxLength={200}
        value={params.get("q") ?? ""}
        onChange={(event) => set({ q: event.target.value }, { replace: true })}
      />
      <select
        aria-label="Process"
        value={process}
        onChange={(event) => set({ process: event.target.value })}
      >
        <option value="">All processes</option>
        {processes.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <select
        aria-label="Level"
        value={params.get("level") ?? ""}
        onChange={(event) => set({ level: event.target.value })}
      >
        <option value="">Warnings and errors</option>
        <option value="error">Errors</option>
      </select>
      <select
        aria-label="Period"
        value={period}
        onChange={(event) => set({ period: event.target.value })}
      >
        {PERIODS.map((each) => (
          <option key={each.name} value={each.name}>
            {each.label}
          </option>
        ))}
      </select>
      {component && (
        <button type="button" onClick={() => set({ component: null })}>
          {component} <span aria-hidden="true">✕</span>
          <span className="visually-hidden">remove the filter</span>
        </button>
      )}
    </div>
  );
}

function Lines({ items }: { items: LogLine[] }) {
  const now = useNow();
  const set = useSetParams();
  return (
    <Grid columns={COLUMNS}>
      {items.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity and do not change
        <tr key={`${line.at}/${line.instance}/${at}`}>
          <td>
            <time
              dateTime={new Date(line.at).toISOString()}
              title={`${absolute(line.at)} ${zone(now)}`}
            >
              {moment(line.at, now)}
            </time>
          </td>
          <td>
            <span className="state-mark">
              <StateShape state={line.level === "error" ? "down" : "degraded"} />
              {line.level}
            </span>
          </td>
          <td className="wide">{line.instance}</td>
          <td className="wide">
            <button
              type="button"
              className="link quiet"
              onClick={() => set({ component: line.component })}
            >
              {line.component}
            </button>
          </td>
          <td title={line.target}>
            {line.message}
            {Object.entries(line.fields).map(([name, value]) => (
              <span key={name} className="muted">{` ${name}=${value}`}</span>
            ))}
            {line.suppressed > 0 && (
              <span className="alarm">
                {` ${count(line.suppressed)} more like it ${line.suppressed === 1 ? "was" : "were"} left out`}
              </span>
            )}
          </td>
        </tr>
      ))}
    </Grid>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty title="No line matches">
      <Link to="/system/log">Clear the filter</Link>
    </Empty>
  ) : (
    <Empty title={`No warning and no error in ${plural(7, "day")}`}>
      What any process warns of is listed here.
    </Empty>
  );
}
