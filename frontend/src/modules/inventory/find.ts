// The search among devices.
import { linkOptions } from "@tanstack/react-router";
import { get } from "../../api/client";
import type { DeviceSummary, Page } from "../../api/types";
import type { Hit } from "../../app/module";
import { plural } from "../../lib/format";
import { isFrozen } from "../../lib/fresh";

const MOST = 8;

export async function find(q: string, signal: AbortSignal): Promise<Hit[]> {
  const found = await get<Page<DeviceSummary>>("/inventory/v1/devices", { q, limit: MOST }, signal);
  const now = Date.now();
  const hits: Hit[] = found.items.map((device) => ({
    label: device.name,
    detail: [device.address, device.site].filter(Boolean).join(" · "),
    // What was up too long ago is not shown as up.
    state: isFrozen(device, now) ? "unknown" : device.state,
    link: linkOptions({ to: "/devices/$id", params: { id: device.id } }),
  }));
  if (found.total > hits.length) {
    hits.push({
      label: `All ${plural(found.total, "device")}`,
      link: linkOptions({ to: "/", search: { q } }),
    });
  }
  return hits;
}
