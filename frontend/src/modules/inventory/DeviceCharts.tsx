// Which charts a device shows, and in what order. Metrics are data: an unknown one gets a chart
// too, after the known ones.
import type { Interface, Series } from "../../api/types";
import { isState } from "../../lib/metric";
import { ChartCard } from "../monitoring/charts/ChartCard";
import type { View } from "../monitoring/view";

export interface Shown {
  id: string;
  metric: string;
  instance: string;
  unit: string;
  open: boolean;
}

/** Most charts in one group; the ports' own are behind the port's row. */
const MOST = 16;

const ORDER = [
  /^if_in_bps$/,
  /^if_out_bps$/,
  /bps/,
  /dbm|power/,
  /rtt/,
  /loss/,
  /cpu/,
  /mem/,
  /temp/,
  /err|discard/,
];

function rank(metric: string): number {
  const at = ORDER.findIndex((pattern) => pattern.test(metric));
  return (at < 0 ? ORDER.length : at) + (isState(metric) ? 100 : 0);
}

/** What only helps to judge other metrics has no chart: the table above says it. */
const HIDDEN = /discontinuity|^if_speed_bps$|^if_admin_status$|^lab_serial$/;

const sorted = (series: Shown[]): Shown[] =>
  series
    .filter((item) => !HIDDEN.test(item.metric))
    .sort(
      (a, b) =>
        Number(b.open) - Number(a.open) ||
        rank(a.metric) - rank(b.metric) ||
        a.metric.localeCompare(b.metric) ||
        a.instance.localeCompare(b.instance, undefined, { numeric: true }),
    )
    .slice(0, MOST);

/** What belongs to the device and not to a port. */
export function healthSeries(all: Series[], ports: Set<string>): Shown[] {
  const own = all.filter((item) => !ports.has(item.instance));
  return sorted(own.map(({ open_anomaly, ...item }) => ({ ...item, open: open_anomaly })));
}

export function portSeries(port: Interface): Shown[] {
  // Charts of a port keep their places; what is odd is marked, not moved.
  return sorted(
    port.metrics.map((item) => ({
      id: item.series,
      metric: item.metric,
      instance: port.name,
      unit: item.unit,
      open: false,
    })),
  );
}

export function Charts({
  title,
  series,
  view,
  intervalMs,
}: {
  title: string;
  series: Shown[];
  view: View;
  intervalMs: number;
}) {
  if (series.length === 0) return null;
  return (
    <section aria-label={`Charts: ${title}`} {...view.hold}>
      <div className="section-head">
        <h2>{title}</h2>
      </div>
      <div className="charts">
        {series.map((item) => (
          <ChartCard
            key={item.id}
            series={item.id}
            metric={item.metric}
            instance={item.instance}
            unit={item.unit}
            intervalMs={intervalMs}
            range={view.range}
            from={view.from}
            to={view.to}
            onZoom={view.zoom}
            onReset={view.reset}
          />
        ))}
      </div>
    </section>
  );
}
