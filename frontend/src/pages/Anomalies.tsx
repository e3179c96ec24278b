// All anomalies, open ones first, as they happen.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { anomaliesQuery, anomalyPagesQuery, deviceQuery } from "../api/queries";
import { count, plural } from "../lib/format";
import { Link, useSearch, useSetParams } from "../lib/router";
import { AnomalyLine } from "../ui/AnomalyLine";
import { useCalm } from "../ui/calm";
import { Empty, Failed, Loading } from "../ui/Face";

/** More open ones than this are a storm; the newest are shown. */
const MOST_OPEN = 500;
const DAY = 86_400_000;
const PERIODS = [
  { name: "24h", label: "last 24 h", ms: DAY },
  { name: "7d", label: "last 7 d", ms: 7 * DAY },
  { name: "30d", label: "last 30 d", ms: 30 * DAY },
  { name: "all", label: "all time", ms: null },
] as const;

/** Rounded, so that the question stays the same from one second to the next. */
const startOf = (ms: number | null): number | undefined =>
  ms === null ? undefined : Math.floor((Date.now() - ms) / 600_000) * 600_000;

export default function AnomaliesPage() {
  const params = useSearch();
  const set = useSetParams();
  const open = params.get("open");
  const period = PERIODS.find((each) => each.name === params.get("period")) ?? PERIODS[1];
  const device = params.get("device") ?? undefined;
  const from = startOf(period.ms);
  const opened = useQuery({
    ...anomaliesQuery({ open: "true", device }, MOST_OPEN),
    enabled: open !== "false",
  });
  const cleared = useInfiniteQuery({
    ...anomalyPagesQuery({ open: "false", device, from }),
    enabled: open !== "true",
  });
  const query = open === "true" ? opened : cleared;
  const items = useMemo(() => {
    const first = open === "false" ? [] : (opened.data?.items ?? []);
    const rest = open === "true" ? [] : (cleared.data?.pages.flatMap((page) => page.items) ?? []);
    const seen = new Set(first.map((item) => item.id));
    return [...first, ...rest.filter((item) => !seen.has(item.id))];
  }, [open, opened.data, cleared.data]);
  const openTotal = open === "false" ? 0 : (opened.data?.total ?? 0);
  const total = openTotal + (open === "true" ? 0 : (cleared.data?.pages[0]?.total ?? 0));
  const calm = useCalm(items);
  const waiting = items.length > 0 ? calm.waiting : 0;
  return (
    <>
      <div className="section-head">
        <h1 className="grow">
          {openTotal > 0 ? plural(openTotal, "open anomaly", "open anomalies") : "Anomalies"}{" "}
          <span className="muted">{query.data && `${count(total)} in all`}</span>
        </h1>
        <div className="filters">
          <select
            aria-label="Open or cleared"
            value={open ?? ""}
            onChange={(event) => set({ open: event.target.value })}
          >
            <option value="">Open and cleared</option>
            <option value="true">Open</option>
            <option value="false">Cleared</option>
          </select>
          <select
            aria-label="Period"
            value={period.name}
            disabled={open === "true"}
            onChange={(event) => set({ period: event.target.value })}
          >
            {PERIODS.map((each) => (
              <option key={each.name} value={each.name}>
                {each.label}
              </option>
            ))}
          </select>
          {device && <DeviceChip id={device} />}
        </div>
      </div>
      {waiting > 0 && (
        <button type="button" className="notice" onClick={calm.show}>
          {plural(waiting, "change")} held while you look: show
        </button>
      )}
      {query.error && items.length === 0 ? (
        <Failed error={query.error} what="the anomalies" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading what="the anomalies" rows={10} />
      ) : items.length === 0 ? (
        <Nothing filtered={Boolean(open || device || params.get("period"))} />
      ) : (
        <ul className="lines history-lines" aria-label="Anomalies" {...calm.hold}>
          {calm.items.map((item) => (
            <AnomalyLine key={item.id} item={item} />
          ))}
        </ul>
      )}
      {open !== "true" && cleared.hasNextPage && (
        <p>
          <button
            type="button"
            disabled={cleared.isFetchingNextPage}
            onClick={() => void cleared.fetchNextPage()}
          >
            {cleared.isFetchingNextPage ? "Loading…" : `Show more of ${count(total)}`}
          </button>
        </p>
      )}
    </>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty title="No anomaly matches">
      <Link to="/anomalies">Clear the filter</Link>
    </Empty>
  ) : (
    <Empty title="No anomaly in this period">
      Bands are learned from a device’s own history; new ones stay quiet while they learn.
    </Empty>
  );
}

function DeviceChip({ id }: { id: string }) {
  const device = useQuery(deviceQuery(id));
  const set = useSetParams();
  return (
    <button type="button" onClick={() => set({ device: null })}>
      {device.data?.name ?? "one device"} <span aria-hidden="true">✕</span>
      <span className="visually-hidden">remove the filter</span>
    </button>
  );
}
