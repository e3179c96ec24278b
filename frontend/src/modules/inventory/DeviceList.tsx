// Devices that match a filter, with what stands there when there are none.
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { DeviceSummary } from "../../api/types";
import { useCalm } from "../../lib/calm";
import { count, plural } from "../../lib/format";
import { Button } from "../../parts/Button";
import { Failed, Loading, NotUpToDate } from "../../parts/Face";
import { DeviceTable } from "./DeviceTable";
import { type DeviceFilter, devicesQuery } from "./queries";
import type { DeviceSort } from "./sorts";

interface DeviceListProps {
  filter: DeviceFilter;
  sort: DeviceSort | undefined;
  /** Undefined is the usual order. */
  onSort: (sort: DeviceSort | undefined) => void;
  /** Beside the heading. */
  tools: (rows: DeviceSummary[]) => ReactNode;
  /** Where no device matches. */
  none: ReactNode;
}

export function DeviceList({ filter, sort, onSort, tools, none }: DeviceListProps) {
  const devices = useInfiniteQuery(devicesQuery({ ...filter, sort }));
  const rows = devices.data?.pages.flatMap((page) => page.items) ?? [];
  const total = devices.data?.pages[0]?.total ?? 0;
  const calm = useCalm(rows);
  return (
    <section aria-labelledby="devices-head">
      <div className="section-head">
        <h2 id="devices-head">
          Devices <span className="muted">{devices.data && count(total)}</span>
        </h2>
        {tools(rows)}
      </div>
      {calm.waiting > 0 && (
        <Button className="notice" onClick={calm.show}>
          {plural(calm.waiting, "row")} moved while you look: show
        </Button>
      )}
      {devices.error && rows.length > 0 && (
        <NotUpToDate error={devices.error} retry={() => devices.refetch()} />
      )}
      {devices.error && rows.length === 0 ? (
        <Failed error={devices.error} what="the devices" retry={() => void devices.refetch()} />
      ) : devices.isPending ? (
        <Loading what="the devices" rows={8} />
      ) : total === 0 ? (
        none
      ) : (
        <DeviceTable
          rows={calm.items}
          total={total}
          asOf={devices.data?.pages[0]?.asked_at ?? 0}
          hold={calm.hold}
          sort={sort ?? "state"}
          onSort={(next) => onSort(next === "state" ? undefined : next)}
          more={
            devices.hasNextPage && !devices.isFetchingNextPage && !devices.isPlaceholderData
              ? () => void devices.fetchNextPage()
              : null
          }
        />
      )}
    </section>
  );
}
