// The first page: what is wrong and since when, then all devices, worst first.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { anomaliesQuery, devicesQuery, summaryQuery, worstDeviceQuery } from "../api/queries";
import type { DeviceSummary, Summary } from "../api/types";
import { useNow } from "../lib/clock";
import { count, duration, plural } from "../lib/format";
import { STALE_INTERVALS } from "../lib/fresh";
import { Link, useSearch, useSetParams, withParams } from "../lib/router";
import { AnomalyLine } from "../ui/AnomalyLine";
import { useCalm } from "../ui/calm";
import { Answer, Empty, Failed, Loading } from "../ui/Face";
import { Age, STATES, StateShape } from "../ui/State";
import { DeviceTable } from "./DeviceTable";

/** The newest sample of the whole network; older than this, collection itself is in doubt. */
const COLLECTION_STALE_MS = 180_000;

export function DevicesPage() {
  const params = useSearch();
  const filter = {
    q: params.get("q") ?? undefined,
    state: params.get("state") ?? undefined,
    site: params.get("site") ?? undefined,
    sort: params.get("sort") ?? undefined,
  };
  const filtered = Boolean(filter.q || filter.state || filter.site);
  const summary = useQuery(summaryQuery);
  const devices = useInfiniteQuery(devicesQuery(filter));
  const rows = devices.data?.pages.flatMap((page) => page.items) ?? [];
  const total = devices.data?.pages[0]?.total ?? 0;
  const calm = useCalm(rows);
  return (
    <>
      <Answer query={summary} what="the summary" rows={1}>
        {(data) => <Verdict summary={data} />}
      </Answer>
      <OpenAnomalies />
      <section aria-labelledby="devices-head">
        <div className="section-head">
          <h2 id="devices-head">
            Devices <span className="muted">{devices.data && count(total)}</span>
          </h2>
          <Filters rows={rows} />
          <Link className="button primary" to="/devices/new">
            Add device
          </Link>
        </div>
        {calm.waiting > 0 && (
          <button type="button" className="notice" onClick={calm.show}>
            {plural(calm.waiting, "row")} moved while you look: show
          </button>
        )}
        {devices.error && rows.length > 0 && (
          <p className="warn-line" role="status">
            ▲ Not up to date: {devices.error.message}
          </p>
        )}
        {devices.error && rows.length === 0 ? (
          <Failed error={devices.error} what="the devices" retry={() => void devices.refetch()} />
        ) : devices.isPending ? (
          <Loading what="the devices" rows={8} />
        ) : total === 0 ? (
          <NoDevices filtered={filtered} />
        ) : (
          <DeviceTable
            rows={calm.items}
            total={total}
            asOf={devices.data?.pages[0]?.asked_at ?? 0}
            hold={calm.hold}
            more={
              devices.hasNextPage && !devices.isFetchingNextPage && !devices.isPlaceholderData
                ? () => void devices.fetchNextPage()
                : null
            }
          />
        )}
      </section>
    </>
  );
}

function NoDevices({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty title="No device matches">
      <p>
        <Link to="/">Clear the filter</Link>, or search for part of a name or address.
      </p>
    </Empty>
  ) : (
    <Empty title="No device yet">
      <p>
        <Link to="/devices/new">Add the first device</Link>, or list devices in an inventory file.
      </p>
    </Empty>
  );
}

/** The sentence that answers "is something wrong, and since when?". */
function Verdict({ summary }: { summary: Summary }) {
  const now = useNow();
  const first = useQuery(worstDeviceQuery).data?.items[0];
  const { devices } = summary;
  const all = STATES.reduce((sum, state) => sum + (devices[state] ?? 0), 0);
  const parts = [
    devices.down > 0 && `${count(devices.down)} down`,
    devices.degraded > 0 && `${count(devices.degraded)} degraded`,
    devices.unknown > 0 && `${count(devices.unknown)} unknown`,
    summary.open_anomalies > 0 && plural(summary.open_anomalies, "open anomaly", "open anomalies"),
  ].filter(Boolean);
  const worst = first?.state === "up" ? undefined : first;
  const expected = devices.up + devices.degraded + devices.unknown > 0;
  const most = Math.max(COLLECTION_STALE_MS, STALE_INTERVALS * (summary.shortest_interval_ms ?? 0));
  const old = summary.newest_sample_at === null || now - summary.newest_sample_at > most;
  // Of devices that are all down nothing can be newer.
  const stale = old && expected;
  return (
    <section className="verdict" aria-label="What is wrong">
      <h1>
        {stale && all > 0 && "Nothing is being collected"}
        {stale && all > 0 && parts.length > 0 && ": "}
        {parts.join(", ") || (!stale && (all === 0 ? "Nothing is watched yet" : "All well"))}
      </h1>
      <p className="muted">
        {worst && worst.since > 0 && (
          <>
            Worst: <Link to={`/devices/${encodeURIComponent(worst.id)}`}>{worst.name}</Link>,{" "}
            {worst.state} for {duration(now - worst.since)}
            {worst.reason && `: ${worst.reason}`}.{" "}
          </>
        )}
        {all > 0 && (
          <span className={stale ? "stale" : undefined}>
            Newest sample:{" "}
            <Age at={summary.newest_sample_at} {...(stale && { staleAfter: most })} />.
            {stale && (
              <>
                {" "}
                What stands below was so then: <Link to="/system">see the system</Link>.
              </>
            )}
          </span>
        )}
      </p>
      <StateCounts summary={summary} frozen={stale} />
    </section>
  );
}

function StateCounts({ summary, frozen }: { summary: Summary; frozen: boolean }) {
  const params = useSearch();
  const chosen = params.get("state");
  return (
    <ul className="counts">
      {STATES.map((state) => (
        <li key={state}>
          <Link
            to={withParams({ state: chosen === state ? null : state })}
            aria-current={chosen === state ? "true" : undefined}
            className={summary.devices[state] ? "" : "zero"}
          >
            <StateShape state={frozen && state === "up" ? "unknown" : state} />
            <b>{count(summary.devices[state] ?? 0)}</b>{" "}
            {frozen && state === "up" ? "were up" : state}
          </Link>
        </li>
      ))}
    </ul>
  );
}

const SHOWN = 5;

function OpenAnomalies() {
  const open = useQuery(anomaliesQuery({ open: "true" }, 50));
  if (!open.data || open.data.items.length === 0) return null;
  const worst = [...open.data.items].sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  return (
    <section aria-labelledby="open-head">
      <div className="section-head">
        <h2 id="open-head">
          Open anomalies <span className="muted">worst first</span>
        </h2>
        <Link to="/anomalies?open=true">All {count(open.data.total)}</Link>
      </div>
      <ul className="lines">
        {worst.slice(0, SHOWN).map((item) => (
          <AnomalyLine key={item.id} item={item} />
        ))}
      </ul>
    </section>
  );
}

function Filters({ rows }: { rows: DeviceSummary[] }) {
  const params = useSearch();
  const set = useSetParams();
  const [text, setText] = useState(params.get("q") ?? "");
  const [seen, setSeen] = useState(params.get("q") ?? "");
  const inUrl = params.get("q") ?? "";
  if (inUrl !== seen) {
    // The URL changed without this field (Back, a link): it leads.
    setSeen(inUrl);
    setText(inUrl);
  }
  const site = params.get("site");
  const sites = new Set(rows.map((row) => row.site).filter((name) => name !== null));
  if (site) sites.add(site);
  return (
    <div className="filters">
      <input
        type="search"
        aria-label="Filter devices"
        placeholder="Filter by name, address, tag"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setSeen(event.target.value);
          set({ q: event.target.value }, { replace: true });
        }}
      />
      <select
        aria-label="Site"
        value={site ?? ""}
        onChange={(event) => set({ site: event.target.value })}
      >
        <option value="">All sites</option>
        {[...sites].sort().map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="State"
        value={params.get("state") ?? ""}
        onChange={(event) => set({ state: event.target.value })}
      >
        <option value="">All states</option>
        {STATES.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </select>
    </div>
  );
}
