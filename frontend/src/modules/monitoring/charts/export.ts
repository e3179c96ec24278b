// A chart as a table or as a picture.
import type { Samples } from "../../../api/types";
import { lastAtOrBefore } from "./base";
import { bandEnds } from "./data";

const cell = (value: number | null | undefined): string =>
  value === null || value === undefined ? "" : String(value);

/** One row a sample, times in UTC, with the expected value and band that held then. */
export function toCsv(samples: Samples): string {
  const { series, baseline } = samples;
  const rows = [
    `# ${series.device_name} ${series.metric} ${series.instance} (${series.unit}), ${samples.resolution}`.replace(
      /[\r\n]/g,
      " ",
    ),
    "time,value,min,max,expected,lower,upper",
  ];
  const ends = bandEnds(samples, samples.to);
  for (const [i, at] of samples.at.entries()) {
    const last = lastAtOrBefore(baseline.at, at);
    // Past its end a band says nothing.
    const b = at <= (ends[last] ?? 0) ? last : -1;
    const fields = [
      samples.value[i],
      samples.min[i],
      samples.max[i],
      baseline.expected[b],
      baseline.lower[b],
      baseline.upper[b],
    ];
    rows.push([new Date(at).toISOString(), ...fields.map(cell)].join(","));
  }
  return `${rows.join("\n")}\n`;
}

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const fileName = (samples: Samples, ending: string): string => {
  const { device_name, metric, instance } = samples.series;
  const words = [device_name, instance, metric].filter(Boolean).join("_");
  return `${words.replace(/[^\w.-]+/g, "-")}.${ending}`;
};

/** The canvas with a title above, on the page's own background. */
export function toPng(canvas: HTMLCanvasElement, title: string, about: string): Promise<Blob> {
  const scale = window.devicePixelRatio || 1;
  const head = 44 * scale;
  const picture = document.createElement("canvas");
  picture.width = canvas.width;
  picture.height = canvas.height + head;
  const style = getComputedStyle(document.body);
  const ink = picture.getContext("2d");
  if (!ink) return Promise.reject(new Error("This browser cannot draw the picture"));
  ink.fillStyle = style.backgroundColor;
  ink.fillRect(0, 0, picture.width, picture.height);
  ink.fillStyle = style.color;
  ink.font = `600 ${14 * scale}px system-ui, sans-serif`;
  ink.fillText(title, 12 * scale, 18 * scale);
  ink.font = `${12 * scale}px system-ui, sans-serif`;
  ink.fillText(about, 12 * scale, 36 * scale);
  ink.drawImage(canvas, 0, head);
  return new Promise((resolve, reject) => {
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("No picture was made"))));
  });
}
