// The first page: what is wrong and since when, then all devices, worst first.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import type { DeviceSummary, Summary } from "../../api/types";
import { useCalm } from "../../lib/calm";
import { useNow } from "../../lib/clock";
import { count, duration, plural } from "../../lib/format";
import { STALE_INTERVALS } from "../../lib/fresh";
import { Button, buttonClass } from "../../parts/Button";
import { Answer, Empty, Failed, Loading, NotUpToDate } from "../../parts/Face";
import { SearchField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { Choice } from "../../parts/Menu";
import { PageHeading } from "../../parts/PageHeading";
import { Age, STATES, StateShape } from "../../parts/State";
import { AnomalyTable } from "../monitoring/AnomalyTable";
import { anomaliesQuery } from "../monitoring/queries";
import { DeviceTable } from "./DeviceTable";
import { devicesQuery, summaryQuery, worstDeviceQuery } from "./queries";
import "./inventory.css";

const route = getRouteApi("/");

/** The newest sample of the whole network; older than this, collection itself is in doubt. */
const COLLECTION_STALE_MS = 180_000;

export default function DevicesPage() {
  const { q, state, site, sort } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = { q, state, site, sort };
  const filtered = Boolean(filter.q || filter.state || filter.site);
  const summary = useQuery(summaryQuery);
  const devices = useInfiniteQuery(devicesQuery(filter));
  const rows = devices.data?.pages.flatMap((page) => page.items) ?? [];
  const total = devices.data?.pages[0]?.total ?? 0;
  const calm = useCalm(rows);
  return (
    <>
      <Answer query={summary} what="the summary" heading="Devices" rows={1}>
        {(data) => <Verdict summary={data} />}
      </Answer>
      <OpenAnomalies />
      <section aria-labelledby="devices-head">
        <div className="section-head">
          <h2 id="devices-head">
            Devices <span className="muted">{devices.data && count(total)}</span>
          </h2>
          <Filters rows={rows} />
          <Link className={buttonClass("primary")} to="/devices/new">
            <Plus className="icon" aria-hidden="true" />
            Add device
          </Link>
        </div>
        {calm.waiting > 0 && (
          <Button className="notice" onClick={calm.show}>
            {plural(calm.waiting, "row")} moved while you look: show
          </Button>
        )}
        {devices.error && rows.length > 0 && (
          <NotUpToDate error={devices.error} retry={() => devices.refetch()} />
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
            sort={sort ?? "state"}
            onSort={(next) =>
              void navigate({
                to: ".",
                search: (old) => ({ ...old, sort: next === "state" ? undefined : next }),
                resetScroll: false,
              })
            }
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

const ALL = { value: "", label: "all" };

function Filters({ rows }: { rows: DeviceSummary[] }) {
  const { q: inUrl = "", site, state } = route.useSearch();
  const navigate = route.useNavigate();
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
  const sites = new Set(rows.map((row) => row.site).filter((name) => name !== null));
  if (site) sites.add(site);
  return (
    <div className="filters">
      <SearchField
        label="Filter devices"
        placeholder="Filter by name, address, tag"
        value={draft ?? inUrl}
        onChange={type}
      />
      <Choice
        label="Site"
        value={site ?? ""}
        options={[ALL, ...[...sites].sort().map((name) => ({ value: name, label: name }))]}
        onChoose={(value) =>
          void navigate({
            to: ".",
            search: (old) => ({ ...old, site: value || undefined }),
            resetScroll: false,
          })
        }
      />
      <Choice
        label="State"
        value={state ?? ""}
        options={[ALL, ...STATES.map((name) => ({ value: name, label: name }))]}
        onChoose={(value) =>
          void navigate({
            to: ".",
            search: (old) => ({ ...old, state: value || undefined }),
            resetScroll: false,
          })
        }
      />
    </div>
  );
}
