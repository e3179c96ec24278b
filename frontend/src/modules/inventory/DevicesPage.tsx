// The first page: what is wrong and since when, then all devices, worst first.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import type { DeviceSummary, Summary } from "../../api/types";
import { useNow } from "../../lib/clock";
import { count, duration, plural } from "../../lib/format";
import { STALE_INTERVALS } from "../../lib/fresh";
import { buttonClass } from "../../parts/Button";
import { Answer, Empty } from "../../parts/Face";
import { SearchField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { Choice } from "../../parts/Menu";
import { PageHeading } from "../../parts/PageHeading";
import { Age, STATES, StateShape } from "../../parts/State";
import { AnomalyTable } from "../monitoring/AnomalyTable";
import { anomaliesQuery } from "../monitoring/queries";
import { DeviceList } from "./DeviceList";
import { groupsQuery, summaryQuery, worstDeviceQuery } from "./queries";
import "./inventory.css";

// One chunk with this page, which is mostly there already.
export { DeviceList };

const route = getRouteApi("/");

/** The newest sample of the whole network; older than this, collection itself is in doubt. */
const COLLECTION_STALE_MS = 180_000;

export default function DevicesPage() {
  const { sort, ...filter } = route.useSearch();
  const navigate = route.useNavigate();
  const summary = useQuery(summaryQuery);
  return (
    <>
      <Answer query={summary} what="the summary" heading="Devices" rows={1}>
        {(data) => <Verdict summary={data} />}
      </Answer>
      <OpenAnomalies />
      <DeviceList
        filter={{ q: filter.q, state: filter.state, site: filter.site, group: filter.group }}
        sort={sort}
        onSort={(sort) =>
          void navigate({ to: ".", search: (old) => ({ ...old, sort }), resetScroll: false })
        }
        tools={(rows) => (
          <>
            <Filters rows={rows} />
            <Link className={buttonClass("primary")} to="/devices/new">
              <Plus className="icon" aria-hidden="true" />
              Add device
            </Link>
          </>
        )}
        none={
          <NoDevices filtered={Boolean(filter.q || filter.state || filter.site || filter.group)} />
        }
      />
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
      <PageHeading title="Devices">
        {stale && all > 0 && "Nothing is being collected"}
        {stale && all > 0 && parts.length > 0 && ": "}
        {parts.join(", ") || (!stale && (all === 0 ? "Nothing is watched yet" : "All well"))}
      </PageHeading>
      <p className="muted">
        {worst && worst.since > 0 && (
          <>
            Worst:{" "}
            <Link to="/devices/$id" params={{ id: worst.id }}>
              {worst.name}
            </Link>
            , {worst.state} for {duration(now - worst.since)}
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
  const { state: chosen } = route.useSearch();
  return (
    <ul className="counts">
      {STATES.map((state) => (
        <li key={state}>
          <Link
            to="/"
            search={(old) => ({ ...old, state: chosen === state ? undefined : state })}
            resetScroll={false}
            current={chosen === state ? "true" : undefined}
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
        <Link to="/anomalies" search={{ open: "true" }}>
          All {count(open.data.total)}
        </Link>
      </div>
      <AnomalyTable label="Open anomalies" items={worst.slice(0, SHOWN)} />
    </section>
  );
}

interface Option {
  value: string;
  label: string;
}
const ALL: Option = { value: "", label: "all" };
const asOption = (name: string): Option => ({ value: name, label: name });

function Filters({ rows }: { rows: DeviceSummary[] }) {
  const { q: inUrl = "", site, state, group } = route.useSearch();
  const navigate = route.useNavigate();
  const groups = useInfiniteQuery(groupsQuery).data?.pages.flatMap((page) => page.items) ?? [];
  // What is typed is ahead of the URL for a moment; otherwise the URL leads (Back, a link).
  const [draft, setDraft] = useState<string | null>(null);
  if (draft === inUrl) setDraft(null);
  const type = (q: string) => {
    setDraft(q);
    void navigate({
      to: ".",
      search: (old) => ({ ...old, q: q || undefined }),
      replace: true,
      resetScroll: false,
    });
  };
  const choice = (
    name: "site" | "state" | "group",
    label: string,
    value: string | undefined,
    options: readonly Option[],
  ) => (
    <Choice
      label={label}
      value={value ?? ""}
      options={[ALL, ...options]}
      onChoose={(chosen) =>
        void navigate({
          to: ".",
          search: (old) => ({ ...old, [name]: chosen || undefined }),
          resetScroll: false,
        })
      }
    />
  );
  const sites = new Set(rows.map((row) => row.site).filter((name) => name !== null));
  if (site) sites.add(site);
  const known = groups.map(({ id, name }) => ({ value: id, label: name }));
  if (group && !groups.some(({ id }) => id === group)) known.push({ value: group, label: "…" });
  return (
    <div className="filters">
      <SearchField
        label="Filter devices"
        placeholder="Filter by name, address, tag"
        value={draft ?? inUrl}
        onChange={type}
      />
      {choice("site", "Site", site, [...sites].sort().map(asOption))}
      {known.length > 0 && choice("group", "Group", group, known)}
      {choice("state", "State", state, STATES.map(asOption))}
    </div>
  );
}
