// All anomalies, open ones first, as they happen.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useMemo } from "react";
import { useCalm } from "../../lib/calm";
import { count, plural } from "../../lib/format";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading, NotUpToDate } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { Choice } from "../../parts/Menu";
import { PageHeading } from "../../parts/PageHeading";
import { deviceQuery } from "../inventory/queries";
import { AnomalyTable } from "./AnomalyTable";
import { PERIODS, periodOf } from "./periods";
import { anomaliesQuery, anomalyPagesQuery } from "./queries";

const route = getRouteApi("/anomalies");

/** More open ones than this are a storm; the newest are shown. */
const MOST_OPEN = 500;

const OPEN = [
  { value: "", label: "open and cleared" },
  { value: "true", label: "open" },
  { value: "false", label: "cleared" },
] as const;

/** Rounded, so that the question stays the same from one second to the next. */
const startOf = (ms: number | null): number | undefined =>
  ms === null ? undefined : Math.floor((Date.now() - ms) / 600_000) * 600_000;

function useItems() {
  const { open, period, device } = route.useSearch();
  const from = startOf(periodOf(period).ms);
  const opened = useQuery({
    ...anomaliesQuery({ open: "true", device }, MOST_OPEN),
    enabled: open !== "false",
  });
  const cleared = useInfiniteQuery({
    ...anomalyPagesQuery({ open: "false", device, from }),
    enabled: open !== "true",
  });
  const items = useMemo(() => {
    const first = open === "false" ? [] : (opened.data?.items ?? []);
    const rest = open === "true" ? [] : (cleared.data?.pages.flatMap((page) => page.items) ?? []);
    const seen = new Set(first.map((item) => item.id));
    return [...first, ...rest.filter((item) => !seen.has(item.id))];
  }, [open, opened.data, cleared.data]);
  const openTotal = open === "false" ? 0 : (opened.data?.total ?? 0);
  const total = openTotal + (open === "true" ? 0 : (cleared.data?.pages[0]?.total ?? 0));
  return { items, openTotal, total, cleared, query: open === "true" ? opened : cleared };
}

export default function AnomaliesPage() {
  const { open, period, device } = route.useSearch();
  const { items, openTotal, total, cleared, query } = useItems();
  const calm = useCalm(items);
  const waiting = items.length > 0 ? calm.waiting : 0;
  return (
    <>
      <div className="section-head">
        <PageHeading title="Anomalies" className="grow">
          {openTotal > 0 ? plural(openTotal, "open anomaly", "open anomalies") : "Anomalies"}{" "}
          <span className="muted">{query.data && `${count(total)} in all`}</span>
        </PageHeading>
        <Filters />
      </div>
      {waiting > 0 && (
        <Button className="notice" onClick={calm.show}>
          {plural(waiting, "change")} held while you look: show
        </Button>
      )}
      {query.error && items.length > 0 && (
        <NotUpToDate error={query.error} retry={() => query.refetch()} />
      )}
      {query.error && items.length === 0 ? (
        <Failed error={query.error} what="the anomalies" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading what="the anomalies" rows={10} />
      ) : items.length === 0 ? (
        <Nothing filtered={Boolean(open || device || period)} />
      ) : (
        <AnomalyTable label="Anomalies" items={calm.items} hold={calm.hold} />
      )}
      {open !== "true" && cleared.hasNextPage && (
        <p>
          <Button busy={cleared.isFetchingNextPage} onClick={() => void cleared.fetchNextPage()}>
            {cleared.isFetchingNextPage ? "Loading…" : `Show more of ${count(total)}`}
          </Button>
        </p>
      )}
    </>
  );
}

function Filters() {
  const { open, period, device } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <div className="filters">
      {device && <DeviceChip id={device} />}
      <Choice
        label="State"
        value={open ?? ""}
        options={OPEN}
        onChoose={(value) =>
          void navigate({ to: ".", search: (old) => ({ ...old, open: value || undefined }) })
        }
      />
      <Choice
        label="Period"
        value={periodOf(period).name}
        options={PERIODS.map(({ name, label }) => ({ value: name, label }))}
        disabled={open === "true"}
        onChoose={(value) =>
          void navigate({ to: ".", search: (old) => ({ ...old, period: value }) })
        }
      />
    </div>
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
  const navigate = route.useNavigate();
  return (
    <Button
      onClick={() => void navigate({ to: ".", search: (old) => ({ ...old, device: undefined }) })}
    >
      {device.data?.name ?? "one device"} <X className="icon" aria-hidden="true" />
      <span className="visually-hidden">remove the filter</span>
    </Button>
  );
}
