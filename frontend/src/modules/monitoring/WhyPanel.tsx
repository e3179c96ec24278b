// "Why?": what was seen, what was expected, how that was judged, and the time around it.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { AnomalyEvidence, AnomalyItem } from "../../api/types";
import { useNow } from "../../lib/clock";
import {
  absolute,
  bandText,
  duration,
  metricName,
  quantity,
  shownUnit,
  zone,
} from "../../lib/format";
import { useWatchDevice } from "../../live/live";
import { buttonClass } from "../../parts/Button";
import { Drawer } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { AnomalyAge, what } from "./AnomalyTable";
import { ChartCard } from "./charts/ChartCard";
import { direction, distance, evidenceOf } from "./evidence";
import { anomaliesQuery } from "./queries";
import type { Range } from "./range";

const BEFORE_MS = 30 * 60_000;
const AFTER_MS = 15 * 60_000;

const METHODS: Record<string, string> = {
  seasonal:
    "The expected value is learned from the same time of day on earlier days; the band is the usual scatter around it, measured so that outliers do not widen it.",
  "robust-ewma-hour":
    "The expected value follows the series, newer values counting more, and knows the usual difference of each hour of the day. The band is four times the usual scatter; values far outside teach it little.",
  mad: "The expected value is the median of recent values; the band is the median distance from it.",
};

function methodText(method: string): string {
  const found = Object.entries(METHODS).find(([name]) => method.toLowerCase().includes(name));
  return found?.[1] ?? "";
}

export default function WhyPanel({ why, onClose }: { why: string; onClose: () => void }) {
  const colon = why.indexOf(":");
  const series = why.slice(0, colon);
  const id = why.slice(colon + 1);
  const found = useQuery(anomaliesQuery({ series }, 200));
  const item = found.data?.items.find((each) => each.id === id);
  return (
    <Drawer title="Why?" onClose={onClose}>
      {item ? (
        <Reasons item={item} />
      ) : found.error ? (
        <Failed error={found.error} what="this anomaly" retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Loading what="the anomaly" rows={6} />
      ) : (
        <Empty title="This anomaly is not there any more">It may be past its retention.</Empty>
      )}
    </Drawer>
  );
}

function Reasons({ item }: { item: AnomalyItem }) {
  const device = { to: "/devices/$id", params: { id: item.device } } as const;
  const unit = shownUnit(item.metric, item.unit);
  const { peak } = evidenceOf(item);
  return (
    <div className="stack">
      <p className="why-sentence">
        <b>{what(item)}</b> on <Link {...device}>{item.device_name}</Link> was{" "}
        <b className="alarm">{quantity(peak.value, unit)}</b>
        {item.cleared_at === null ? " at its worst so far" : " at its worst"},{" "}
        {quantity(distance(peak), unit)} {direction(peak)} the expected{" "}
        <b>{quantity(peak.expected, unit)}</b>.
      </p>
      <p>
        <AnomalyAge item={item} />
      </p>
      <Evidence item={item} />
      <Around item={item} />
      <p>
        <Link {...device} className={buttonClass()} search={{ if: item.instance || undefined }}>
          Open {item.device_name}
        </Link>
      </p>
    </div>
  );
}

function Evidence({ item }: { item: AnomalyItem }) {
  const unit = shownUnit(item.metric, item.unit);
  const { onset, peak, clear } = evidenceOf(item);
  const now = useNow();
  return (
    <dl className="facts">
      <dt>Began</dt>
      <Seen sample={onset} unit={unit} />
      <dt>Worst</dt>
      <Seen sample={peak} unit={unit} />
      {clear && item.cleared_at !== null && (
        <>
          <dt>Cleared</dt>
          <Seen sample={clear} unit={unit} />
        </>
      )}
      <dt>Score</dt>
      <dd>
        {item.score.toFixed(1)}{" "}
        <span className="muted">distance from expected, in units of the series’ usual scatter</span>
      </dd>
      {item.cleared_at !== null && (
        <>
          <dt>Lasted</dt>
          <dd>
            {duration(item.cleared_at - item.onset_at)}, to {absolute(item.cleared_at)} {zone(now)}
          </dd>
        </>
      )}
      <dt>Method</dt>
      <dd>
        {item.method}, version {item.version}
        {methodText(item.method) && <p className="hint">{methodText(item.method)}</p>}
      </dd>
      <dt>Metric</dt>
      <dd>
        {metricName(item.metric)} <code>{item.metric}</code>
      </dd>
    </dl>
  );
}

/** One sample of it, with what was expected of that sample. */
function Seen({ sample, unit }: { sample: AnomalyEvidence; unit: string }) {
  return (
    <dd>
      <b>{quantity(sample.value, unit)}</b>, {quantity(distance(sample), unit)} {direction(sample)}{" "}
      the expected {quantity(sample.expected, unit)}
      <p className="hint">
        band {bandText(sample.lower, sample.upper, unit)}, {absolute(sample.at)}
      </p>
    </dd>
  );
}

/** While it is open the chart goes on; afterwards it stands still around it. */
function Around({ item }: { item: AnomalyItem }) {
  const now = useNow();
  const navigate = useNavigate();
  useWatchDevice(item.device);
  const end = item.cleared_at;
  const range: Range = useMemo(() => {
    const from = item.onset_at - BEFORE_MS;
    const to = (end ?? Date.now()) + AFTER_MS;
    if (end === null) return { kind: "relative", ms: to - from };
    return { kind: "absolute", from, to: Math.min(Date.now(), to) };
  }, [item.onset_at, end]);
  const to = Math.ceil(now / 5000) * 5000;
  const shown = range.kind === "relative" ? { from: to - range.ms, to } : range;
  const open = (from: number, to: number) =>
    void navigate({
      to: "/devices/$id",
      params: { id: item.device },
      search: { from, to, if: item.instance || undefined },
    });
  return (
    <ChartCard
      series={item.series}
      metric={item.metric}
      instance={item.instance}
      unit={item.unit}
      range={range}
      from={shown.from}
      to={shown.to}
      onZoom={open}
      onReset={() => undefined}
    />
  );
}
