// uPlot, loaded when the first chart is opened.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { AnomalyItem } from "../../../api/types";
import { ticks } from "../../../lib/format";
import { isState } from "../../../lib/metric";
import { useShownTheme } from "../../../lib/theme";
import type { PlotData } from "./data";
import { heightOf, timeTicks } from "./scale";

interface PlotProps {
  data: PlotData;
  anomalies: AnomalyItem[];
  metric: string;
  unit: string;
  from: number;
  to: number;
  label: string;
  onCursor: (at: number | null) => void;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
  canvas: (canvas: HTMLCanvasElement | null) => void;
}

/** A colour of the style sheet as the canvas needs it. */
function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const text = getComputedStyle(probe).color;
  probe.remove();
  return text;
}

interface Marks {
  anomalies: AnomalyItem[];
  gaps: PlotData["gaps"];
}

/** Under the lines: what is not known hatched, what was odd shaded with a mark on top. */
function drawMarks(plot: uPlot, marks: Marks): void {
  const { ctx, bbox } = plot;
  const scale = uPlot.pxRatio;
  const right = bbox.left + bbox.width;
  const place = (ms: number) =>
    Math.min(right, Math.max(bbox.left, plot.valToPos(ms / 1000, "x", true)));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour("muted");
  ctx.globalAlpha = 0.35;
  ctx.lineWidth = scale;
  for (const gap of marks.gaps) hatch(ctx, place(gap.from), place(gap.to), bbox, scale);
  ctx.globalAlpha = 1;
  for (const anomaly of marks.anomalies) {
    const from = place(anomaly.onset_at);
    const to = Math.max(from + 2 * scale, place(anomaly.cleared_at ?? Number.MAX_SAFE_INTEGER));
    if (to <= bbox.left || from >= right) continue;
    ctx.fillStyle = colour("chart-anomaly");
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.fillStyle = colour("down");
    ctx.fillRect(from, bbox.top, to - from, 2 * scale);
    ctx.beginPath();
    ctx.moveTo(from, bbox.top);
    ctx.lineTo(from + 9 * scale, bbox.top);
    ctx.lineTo(from, bbox.top + 9 * scale);
    ctx.fill();
  }
  ctx.restore();
}

function hatch(
  ctx: CanvasRenderingContext2D,
  from: number,
  to: number,
  bbox: uPlot.BBox,
  scale: number,
): void {
  if (to - from < 1) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, bbox.top, to - from, bbox.height);
  ctx.clip();
  ctx.beginPath();
  for (let x = from - bbox.height; x < to; x += 7 * scale) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

const LABEL_FONT = "12px system-ui, sans-serif";
const LEAST_LABEL_PX = 78;
/** Between a label and the plot, and in front of it. */
const LABEL_GAP_PX = 16;
/** Half of the widest label of the time axis: one at the end must not be cut. */
const TIME_LABEL_HALF_PX = 32;

/** Wide enough for every label: one that is cut on the left is another number. */
function labelSpace(plot: uPlot, labels: string[] | null): number {
  plot.ctx.save();
  plot.ctx.font = LABEL_FONT;
  const widths = (labels ?? []).map((label) => plot.ctx.measureText(label).width);
  plot.ctx.restore();
  return Math.max(LEAST_LABEL_PX, Math.ceil(Math.max(0, ...widths)) + LABEL_GAP_PX);
}

function options(
  props: PlotProps,
  size: { width: number; height: number },
  marks: { current: Marks },
  latest: { current: PlotProps },
): uPlot.Options {
  const axis = {
    stroke: colour("muted"),
    font: LABEL_FONT,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const none = { points: { show: false } };
  const invisible = { ...none, stroke: "transparent", width: 0 };
  // By the view that is about to be drawn: while uPlot asks, its own scale is still the old one.
  const height = (): [number, number] => {
    const { data, metric, unit, from, to } = latest.current;
    return heightOf(data, metric, unit, from / 1000, to / 1000);
  };
  const stepped = isState(props.metric) && uPlot.paths.stepped?.({ align: 1 });
  return {
    ...size,
    padding: [8, TIME_LABEL_HALF_PX, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      sync: {
        key: "time",
        filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave" },
      },
      points: { size: 7 },
      bind: {
        dblclick: () => () => {
          latest.current.onReset();
          return null;
        },
      },
    },
    scales: { x: { time: true, auto: false }, y: { range: height } },
    axes: [
      {
        ...axis,
        values: (_, splits, __, ___, step) => timeTicks(splits, step),
        space: 2 * TIME_LABEL_HALF_PX + 8,
        size: 28,
      },
      {
        ...axis,
        size: labelSpace,
        values: (_, splits) => ticks(splits, props.unit),
      },
    ],
    bands: [
      { series: [2, 1], fill: colour("chart-band") },
      { series: [5, 4], fill: colour("chart-envelope") },
    ],
    series: [
      {},
      invisible,
      invisible,
      { ...none, stroke: colour("chart-expected"), dash: [5, 4], width: 1.2 },
      { ...none, stroke: colour("chart-envelope"), width: 1 },
      { ...none, stroke: colour("chart-envelope"), width: 1 },
      {
        stroke: colour("chart-value"),
        width: 1.6,
        ...(stepped && { paths: stepped }),
      },
    ],
    hooks: {
      drawClear: [(plot) => drawMarks(plot, marks.current)],
      setCursor: [
        (plot) => {
          const left = plot.cursor.left ?? -1;
          latest.current.onCursor(left < 0 ? null : plot.posToVal(left, "x") * 1000);
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const from = plot.posToVal(left, "x") * 1000;
          const to = plot.posToVal(left + width, "x") * 1000;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(Math.round(from), Math.round(to));
        },
      ],
    },
  };
}

const aligned = (data: PlotData): uPlot.AlignedData => [
  data.x,
  data.lower,
  data.upper,
  data.expected,
  data.min,
  data.max,
  data.value,
];

export default function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef<Marks>({ anomalies: props.anomalies, gaps: props.data.gaps });
  const latest = useRef(props);
  const theme = useShownTheme();
  useEffect(() => {
    latest.current = props;
    marks.current = { anomalies: props.anomalies, gaps: props.data.gaps };
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read anew for a theme
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const size = () => ({
      width: Math.max(120, element.clientWidth),
      height: element.clientHeight,
    });
    const first = latest.current;
    const made = new uPlot(options(first, size(), marks, latest), aligned(first.data), element);
    made.setScale("x", { min: first.from / 1000, max: first.to / 1000 });
    plot.current = made;
    first.canvas(made.ctx.canvas);
    const observer = new ResizeObserver(() => made.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      first.canvas(null);
      made.destroy();
      plot.current = null;
    };
  }, [theme, props.metric, props.unit]);

  useEffect(() => {
    plot.current?.setData(aligned(props.data), false);
    plot.current?.setScale("x", { min: props.from / 1000, max: props.to / 1000 });
  }, [props.data, props.from, props.to]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: marks are drawn from the ref
  useEffect(() => plot.current?.redraw(false), [props.anomalies]);

  return <div ref={box} className="plot-box" role="img" aria-label={props.label} />;
}
