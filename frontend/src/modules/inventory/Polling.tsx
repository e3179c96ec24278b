// What came of a device's last polls, one line a connector: why a chart is not there.
import { useQuery } from "@tanstack/react-query";
import type { DeviceDetail, PollerTiming } from "../../api/types";
import { duration, outcomeText } from "../../lib/format";
import { connectorName, staleAfter } from "../../lib/fresh";
import { Facts } from "../../parts/Facts";
import { Age } from "../../parts/State";
import { devicePollersQuery } from "./queries";

export function Polling({ device }: { device: DeviceDetail }) {
  const pollers = useQuery(devicePollersQuery(device.id));
  const items = [...(pollers.data?.items ?? [])].sort((a, b) =>
    b.connector.localeCompare(a.connector),
  );
  if (items.length === 0) return null;
  return (
    <section aria-labelledby="polling-head">
      <div className="section-head">
        <h2 id="polling-head">Polling</h2>
      </div>
      <Facts
        facts={items.map((item) => [
          connectorName(item.connector),
          <Outcome key={item.connector} item={item} staleAfter={staleAfter(device)} />,
        ])}
      />
    </section>
  );
}

function Outcome({ item, staleAfter }: { item: PollerTiming; staleAfter: number }) {
  if (!item.last_outcome) return <span className="muted">not polled yet</span>;
  const good = item.last_outcome === "ok";
  return (
    <>
      <span className={good ? "" : "state-degraded"}>{outcomeText(item.last_outcome)}</span>
      {item.last_duration_ms !== null && item.last_duration_ms !== undefined && good && (
        <span className="muted"> in {duration(item.last_duration_ms)}</span>
      )}
      <span className="muted">, </span>
      <Age at={item.last_at ?? null} staleAfter={staleAfter} none="never" />
      <span className="muted">, by {item.instance}</span>
    </>
  );
}
