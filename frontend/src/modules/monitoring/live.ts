// What live events do to the anomalies and charts that are shown.
import type { Query } from "@tanstack/react-query";
import type { LiveAnomaly, LiveSamples, Samples } from "../../api/types";
import type { LiveHandlers } from "../../live/live";
import { withAnomaly, withSample } from "./charts/live";

export const live = {
  anomaly(anomaly: LiveAnomaly, tools) {
    tools.patch<Samples>({ queryKey: ["samples", anomaly.series] }, (old) =>
      withAnomaly(old, anomaly),
    );
    tools.settle("anomalies", "anomaly-pages", "series");
  },
  samples(batch: LiveSamples, tools) {
    for (const [series, value] of Object.entries(batch.series)) {
      tools.patch<Samples>({ queryKey: ["samples", series], predicate: isRelative }, (old) =>
        withSample(old, batch.at, value),
      );
    }
    tools.settle("series");
  },
  /** Samples are sent once: those of the time without a connection are asked for. */
  resumed(_: null, tools) {
    tools.settle("samples", "series");
  },
} satisfies LiveHandlers;

/** Of a view that moves with the clock; one that stands still takes no new samples. */
function isRelative({ queryKey }: Query): boolean {
  const range = queryKey[2];
  return (
    typeof range === "object" && range !== null && (range as { kind?: string }).kind === "relative"
  );
}
