// What live events do to the inventory that is shown.
import type { InfiniteData } from "@tanstack/react-query";
import type {
  DeviceDetail,
  DeviceSummary,
  LiveAnomaly,
  LiveSamples,
  LiveStatus,
  Page,
} from "../../api/types";
import type { LiveHandlers, LiveTools } from "../../live/live";

type Change = (device: DeviceSummary) => Partial<DeviceSummary>;

export const live = {
  status(status: LiveStatus, tools) {
    patchDevice(tools, status.device, () => ({
      state: status.state,
      since: status.since,
      reason: status.reason,
    }));
    tools.settle("summary", "worst-device");
    tools.refresh(["device", status.device]);
  },
  anomaly(anomaly: LiveAnomaly, tools) {
    const transition = anomaly.transition.toLowerCase();
    const step = transition === "onset" ? 1 : transition === "clear" ? -1 : 0;
    if (step !== 0) {
      patchDevice(tools, anomaly.device, (device) => ({
        open_anomalies: Math.max(0, device.open_anomalies + step),
      }));
    }
    tools.settle("summary", "interfaces");
  },
  samples(batch: LiveSamples, tools) {
    // One series alone may be a loss of 100 %, which is no answer: the device is asked for again.
    if (Object.keys(batch.series).length > 1) {
      patchDevice(tools, batch.device, () => ({ last_sample_at: batch.at }));
    }
    tools.settle("interfaces", "device");
  },
} satisfies LiveHandlers;

/** Changes a device where it is shown, without another order or another page. */
function patchDevice(tools: LiveTools, id: string, change: Change): void {
  tools.patch<InfiniteData<Page<DeviceSummary>>>({ queryKey: ["devices"] }, (old) =>
    patchPages(old, id, change),
  );
  tools.patch<DeviceDetail>({ queryKey: ["device", id] }, (old) => ({ ...old, ...change(old) }));
}

function patchPages(
  old: InfiniteData<Page<DeviceSummary>>,
  id: string,
  change: Change,
): InfiniteData<Page<DeviceSummary>> {
  const at = old.pages.findIndex((page) => page.items.some((item) => item.id === id));
  const page = old.pages[at];
  if (!page) return old;
  const items = page.items.map((item) => (item.id === id ? { ...item, ...change(item) } : item));
  const pages = old.pages.slice();
  pages[at] = { ...page, items };
  return { ...old, pages };
}
