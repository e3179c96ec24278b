// What is read off a port, and which port is worth a look.
import type { Interface, InterfaceMetric } from "../../api/types";

const metricOf = (port: Interface, name: RegExp): InterfaceMetric | undefined =>
  port.metrics.find((metric) => name.test(metric.metric));

export const portIn = (port: Interface) => metricOf(port, /^if_in_bps$|in.*bps/);
export const portOut = (port: Interface) => metricOf(port, /^if_out_bps$|out.*bps/);
export const isOdd = (port: Interface): boolean =>
  port.metrics.some((metric) => metric.open_anomaly);
/** All errors and discards together, per second. */
export const errorsOf = (port: Interface): number | null => {
  const values = port.metrics
    .filter((metric) => /err|discard/.test(metric.metric) && metric.value !== null)
    .map((metric) => metric.value ?? 0);
  return values.length ? values.reduce((a, b) => a + b) : null;
};

/** The port asked for, or the one most worth a look: odd first, then busy. */
export function chosenPort(ports: Interface[], wanted: string | null): Interface | null {
  const asked = ports.find((port) => port.name === wanted);
  if (asked) return asked;
  const weight = (port: Interface) =>
    (isOdd(port) ? 1e18 : 0) + (portIn(port)?.value ?? 0) + (portOut(port)?.value ?? 0);
  return ports.reduce<Interface | null>(
    (best, port) => (best === null || weight(port) > weight(best) ? port : best),
    null,
  );
}
