// One series over the page's range: what it is now, what was expected, and where it was odd.
import { useQuery } from "@tanstack/react-query";
import { Image, Table2 } from "lucide-react";
import { lazy, memo, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { Samples } from "../../../api/types";
import { useNow } from "../../../lib/clock";
import {
  absolute,
  bandText,
  gapReason,
  metricName,
  moment,
  quantity,
  resolutionName,
  resolutionPlural,
  shownUnit,
  zone,
} from "../../../lib/format";
import { Button } from "../../../parts/Button";
import { Failed, Loading, NoData } from "../../../parts/Face";
import { Age } from "../../../parts/State";
import type { Range } from "../range";
import { type Reading, readAt, staleSince, toPlot } from "./data";
import { download, fileName, toCsv, toPng } from "./export";
import { withInterval } from "./gaps";
import { samplesQuery } from "./queries";
import "./charts.css";

const Plot = lazy(() => import("./Plot"));
/** About as many as there are pixels; the server picks the resolution to fit. */
const POINTS = 800;
const END_STEP_MS = 5000;

export interface ChartCardProps {
  series: string;
  metric: string;
  instance: string;
  unit: string;
  /** What the inventory asks for now (ms): a longer interval may not have reached the samples. */
  intervalMs?: number;
  range: Range;
  /** The view in ms; moves on while the range is relative. */
  from: number;
  to: number;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

/** The server names the remedy; at what it looked is said in any case. */
const emptyText = ({ empty_reason, resolution }: Samples): string =>
  empty_reason || `None among the ${resolutionPlural(resolution)} of this range.`;

/** The end of what is shown, in steps of some seconds; the future has no gaps. */
function endOf(props: ChartCardProps): number {
  return Math.min(Date.now(), Math.ceil(props.to / END_STEP_MS) * END_STEP_MS);
}

/** True from the first time the element came near the view. */
function useSeen(ref: React.RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element || seen) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      { rootMargin: "300px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, seen]);
  return seen;
}

export const ChartCard = memo(function ChartCard(props: ChartCardProps) {
  const unit = shownUnit(props.metric, props.unit);
  const box = useRef<HTMLElement>(null);
  const seen = useSeen(box);
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const query = useQuery({ ...samplesQuery(props.series, props.range, POINTS), enabled: seen });
  const { intervalMs } = props;
  const samples = useMemo(
    () => query.data && withInterval(query.data, intervalMs),
    [query.data, intervalMs],
  );
  const end = endOf(props);
  const data = useMemo(
    () => samples && toPlot(samples, Math.max(end, Math.min(samples.to, Date.now()))),
    [samples, end],
  );
  const title = [metricName(props.metric), props.instance].filter(Boolean).join(" · ");
  const reading = samples ? readAt(samples, cursor) : null;
  return (
    <article className="chart" ref={box} aria-label={title} data-series={props.series}>
      <header>
        <h3 title={props.metric}>{title}</h3>
        {samples && samples.at.length > 0 && (
          <Downloads samples={samples} title={title} canvas={canvas} />
        )}
      </header>
      <Values
        reading={reading}
        unit={unit}
        cursor={cursor}
        samples={props.range.kind === "relative" ? samples : undefined}
      />
      <div className="plot">
        {query.error && !samples ? (
          <Failed error={query.error} what="this chart" retry={() => void query.refetch()} />
        ) : !samples || !data ? (
          <Loading what={title} rows={4} />
        ) : samples.at.length === 0 ? (
          <NoData title="No samples in this range">
            <p>{emptyText(samples)}</p>
          </NoData>
        ) : (
          <Suspense fallback={<Loading what={title} rows={4} />}>
            <Plot
              data={data}
              anomalies={samples.anomalies}
              metric={props.metric}
              unit={unit}
              from={props.from}
              to={props.to}
              label={describe(title, samples, unit)}
              onCursor={setCursor}
              onZoom={props.onZoom}
              onReset={props.onReset}
              canvas={(element) => {
                canvas.current = element;
              }}
            />
          </Suspense>
        )}
      </div>
      {samples && samples.at.length > 0 && <Foot samples={samples} gaps={data?.gaps.length ?? 0} />}
    </article>
  );
});

/** The chart in a sentence, for those who do not see it. */
function describe(title: string, samples: Samples, unit: string): string {
  const reading = readAt(samples, null);
  const odd = samples.anomalies.length;
  return `Chart of ${title}: newest ${quantity(reading?.value, unit)}, expected ${quantity(reading?.expected, unit)}, ${odd} anomalies in view`;
}

function Values({
  reading,
  unit,
  cursor,
  samples,
}: {
  reading: Reading | null;
  unit: string;
  cursor: number | null;
  /** Where the view ends now: what is old looks old. */
  samples: Samples | undefined;
}) {
  const now = useNow();
  const stale = samples && cursor === null ? staleSince(samples, now) : null;
  if (!reading) return <p className="values" />;
  const odd =
    reading.value !== null &&
    ((reading.lower !== null && reading.value < reading.lower) ||
      (reading.upper !== null && reading.value > reading.upper));
  return (
    <p className="values">
      <span>
        {reading.value === null ? (
          <i>no data{reading.gap && `: ${gapReason(reading.gap)}`}</i>
        ) : (
          <b className={stale !== null ? "stale" : odd ? "alarm" : undefined}>
            {odd && stale === null && "▲ "}
            {quantity(reading.value, unit)}
          </b>
        )}
      </span>
      {reading.expected !== null && (
        <span className="muted">expected {quantity(reading.expected, unit)}</span>
      )}
      {reading.expected !== null && (
        <span className="muted">band {bandText(reading.lower, reading.upper, unit)}</span>
      )}
      {cursor !== null && reading.min !== null && (
        <span className="muted">
          min {quantity(reading.min, unit)}, max {quantity(reading.max, unit)}
        </span>
      )}
      <span className="muted" title={absolute(reading.at)}>
        {cursor === null && "newest, "}
        {moment(reading.at, now)}
      </span>
      {stale !== null && <Age at={stale} staleAfter={0} />}
    </p>
  );
}

function Foot({ samples, gaps }: { samples: Samples; gaps: number }) {
  return (
    <footer>
      <span>
        <span className="swatch" />
        {samples.bucket_ms > 0 ? "mean" : "value"}
      </span>
      {samples.bucket_ms > 0 && (
        <span>
          <span className="swatch envelope" />
          min – max
        </span>
      )}
      {samples.baseline.at.length > 0 ? (
        <>
          <span>
            <span className="swatch expected" />
            expected
          </span>
          <span>
            <span className="swatch band" />
            band
          </span>
        </>
      ) : (
        samples.no_baseline_reason && <span>no baseline: {samples.no_baseline_reason}</span>
      )}
      {samples.anomalies.length > 0 && (
        <span>
          <span className="swatch span" />▲ anomaly
        </span>
      )}
      {gaps > 0 && (
        <span>
          <span className="swatch gap" />
          no data
        </span>
      )}
      <span>{resolutionName(samples.resolution, samples.bucket_ms)}</span>
    </footer>
  );
}

function Downloads({
  samples,
  title,
  canvas,
}: {
  samples: Samples;
  title: string;
  canvas: { current: HTMLCanvasElement | null };
}) {
  const csv = () =>
    download(fileName(samples, "csv"), new Blob([toCsv(samples)], { type: "text/csv" }));
  const png = async () => {
    if (!canvas.current) return;
    const about = `${absolute(samples.from)} – ${absolute(samples.to)}, ${zone(samples.to)}, ${resolutionName(samples.resolution, samples.bucket_ms)}`;
    const picture = await toPng(canvas.current, `${samples.series.device_name} · ${title}`, about);
    download(fileName(samples, "png"), picture);
  };
  return (
    <span className="tools">
      <Button variant="link" icon={Table2} onClick={csv} aria-label={`CSV of ${title}`}>
        CSV
      </Button>
      <Button variant="link" icon={Image} onClick={() => void png()} aria-label={`PNG of ${title}`}>
        PNG
      </Button>
    </span>
  );
}
