// One device in one scroll: state and since when, what is odd, charts, ports, facts.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import type { DeviceDetail } from "../../api/types";
import { EntityTabs } from "../../entities/EntityTabs";
import { isRemoved } from "../../entities/Removed";
import { useNow } from "../../lib/clock";
import { duration, plural } from "../../lib/format";
import { isFrozen, lastAnswer, reasonOf, seenAt, staleAfter } from "../../lib/fresh";
import { useWatchDevice } from "../../live/live";
import { Button, buttonClass } from "../../parts/Button";
import { Answer, Failed, Loading, NoData, Warning } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { Age, StateMark } from "../../parts/State";
import { AnomalyTable } from "../monitoring/AnomalyTable";
import { seriesQuery } from "../monitoring/charts/queries";
import { RangeBar } from "../monitoring/charts/RangeBar";
import { anomaliesQuery } from "../monitoring/queries";
import { useView } from "../monitoring/view";
import { advancedPairs } from "./advanced";
import { DeleteDevice } from "./DeleteDevice";
import { Charts, healthSeries, portSeries } from "./DeviceCharts";
import { DeviceFacts, isLimit, StateChanges } from "./DeviceFacts";
import { DEVICE_FIELDS } from "./fields";
import { Interfaces } from "./Interfaces";
import { Polling } from "./Polling";
import { chosenPort } from "./ports";
import { devicePath, devicePollersQuery, deviceQuery, interfacesQuery } from "./queries";
import { RemovedDevice } from "./RemovedDevice";
import "./inventory.css";

const route = getRouteApi("/devices/$id");

export default function DevicePage() {
  const { id } = route.useParams();
  const device = useQuery(deviceQuery(id));
  const removed = isRemoved(device.error);
  useWatchDevice(device.data && !removed ? id : null);
  if (removed) return <RemovedDevice id={id} name={device.data?.name} error={device.error} />;
  if (!device.data) {
    return device.error ? (
      <>
        <PageHeading title="Device" hidden />
        <Failed error={device.error} what="this device" retry={() => void device.refetch()} />
      </>
    ) : (
      <Loading what="the device" heading="Device" rows={6} />
    );
  }
  return (
    <>
      <Head device={device.data} askedAt={device.dataUpdatedAt} />
      <Limits facts={device.data.facts} />
      <Faces device={device.data} />
    </>
  );
}

/** How it is now, and how its settings came to be what they are. */
function Faces({ device }: { device: DeviceDetail }) {
  return (
    <EntityTabs
      path={devicePath(device.id)}
      what="device"
      fields={DEVICE_FIELDS}
      open={route.useSearch().tab}
      first={{ value: "now", label: "Now", content: <Now device={device} /> }}
    />
  );
}

function Now({ device }: { device: DeviceDetail }) {
  return (
    <div className="page">
      <DeviceAnomalies device={device} />
      {lastAnswer(device) === null && <Waiting device={device} />}
      <Measured device={device} />
      <Polling device={device} />
      <div className="two">
        <DeviceFacts device={device} />
        <StateChanges device={device} />
      </div>
    </div>
  );
}

function Head({ device, askedAt }: { device: DeviceDetail; askedAt: number }) {
  const [deleting, setDeleting] = useState(false);
  const now = useNow();
  const seen = seenAt(askedAt, now);
  const polls = useQuery(devicePollersQuery(device.id)).data?.items ?? [];
  const reason = reasonOf(device, polls, now);
  return (
    <section className="device-head" aria-label="Device">
      <div className="title">
        <PageHeading title={device.name} />
        {device.enabled ? (
          <StateMark
            state={device.state}
            since={device.since}
            frozen={isFrozen(device, seen)}
            big
          />
        ) : (
          <span className="muted">not polled (switched off)</span>
        )}
        <div className="actions">
          <Link className={buttonClass()} to="/devices/$id/edit" params={{ id: device.id }}>
            <Pencil className="icon" aria-hidden="true" />
            Edit
          </Link>
          <Button variant="danger" icon={Trash2} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </div>
      </div>
      {reason && device.state !== "up" && <p className={`state-${device.state}`}>{reason}</p>}
      <dl className="pairs">
        <Pair
          name="Address"
          value={`${device.address}${device.port === 161 ? "" : `:${device.port}`}`}
        />
        {device.site && <Pair name="Site" value={device.site} />}
        <Pair name="Profile" value={device.profile} />
        <Pair name="Credential" value={device.credential ?? "none"} />
        <Pair name="Interval" value={duration(device.interval_ms)} />
        {advancedPairs(device).map(([name, value]) => (
          <Pair key={name} name={name} value={value} />
        ))}
        {device.tags.length > 0 && <Pair name="Tags" value={device.tags.join(", ")} />}
        <div>
          <dt>Last answer</dt>
          <dd>
            <Age
              at={lastAnswer(device)}
              asOf={seen}
              staleAfter={staleAfter(device)}
              none={device.state === "down" ? "none: it has never answered" : "none yet"}
            />
          </dd>
        </div>
      </dl>
      {deleting && <DeleteDevice device={device} onClose={() => setDeleting(false)} />}
    </section>
  );
}

const Pair = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function Waiting({ device }: { device: DeviceDetail }) {
  return (
    <NoData
      title={device.state === "down" ? "Nothing measured yet" : "Waiting for the first values"}
    >
      {device.state === "down" ? (
        <p>It was polled and gave no answer: the reason stands above. Polling goes on.</p>
      ) : device.enabled ? (
        <p>
          It is polled every {duration(device.interval_ms)}; the page fills by itself. Rates need
          two polls.
        </p>
      ) : (
        <p>
          Polling is switched off.{" "}
          <Link to="/devices/$id/edit" params={{ id: device.id }}>
            Switch it on
          </Link>
        </p>
      )}
    </NoData>
  );
}

/** No anomaly is good news only where something is measured. */
function noneText(device: DeviceDetail): string {
  if (lastAnswer(device) === null) return "None: nothing has been measured yet.";
  if (device.state === "up") return "None open.";
  return "None open, but not everything is being measured now.";
}

function DeviceAnomalies({ device }: { device: DeviceDetail }) {
  const { id } = device;
  const open = useQuery(anomaliesQuery({ device: id, open: "true" }, 50));
  return (
    <section aria-labelledby="odd-head">
      <div className="section-head">
        <h2 id="odd-head">
          {open.data?.items.length
            ? plural(open.data.total, "open anomaly", "open anomalies")
            : "Open anomalies"}
        </h2>
        <Link to="/anomalies" search={{ device: id }}>
          All of this device
        </Link>
      </div>
      <Answer query={open} what="the anomalies" rows={1}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="muted">{noneText(device)}</p>
          ) : (
            <AnomalyTable label="Open anomalies" items={data.items} device={false} />
          )
        }
      </Answer>
    </section>
  );
}

function Measured({ device }: { device: DeviceDetail }) {
  const { id } = device;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: Partial<typeof search>, replace = false) =>
    void navigate({
      to: ".",
      search: (old) => ({ ...old, ...change }),
      replace,
      resetScroll: false,
    });
  const view = useView(search, set);
  const interfaces = useQuery(interfacesQuery(id));
  const series = useQuery(seriesQuery(id));
  const ports = interfaces.data?.items ?? [];
  const [first, setFirst] = useState<string | null>(null);
  const wanted = search.if ?? first;
  const port = chosenPort(ports, wanted);
  // The port that the page opened with stays, also when another becomes the busiest.
  if (first === null && port) setFirst(port.name);
  const names = new Set(ports.map((item) => item.name));
  // The face above says why; a loss of 100 % is a measurement all the same.
  if (lastAnswer(device) === null && !series.data?.items.length) return null;
  return (
    <>
      <RangeBar
        range={view.range}
        from={view.from}
        to={view.to}
        onRange={view.setRange}
        note={view.held && view.range.kind === "relative" ? "held while you look" : null}
      />
      <Answer query={series} what="the series" rows={4}>
        {(data) => (
          <Charts
            title="Health"
            series={healthSeries(data.items, names)}
            view={view}
            intervalMs={device.interval_ms}
          />
        )}
      </Answer>
      <Answer query={interfaces} what="the interfaces" rows={6}>
        {(data) => (
          <Interfaces
            items={data.items}
            asOf={interfaces.dataUpdatedAt}
            staleAfter={staleAfter(device)}
            answeredAt={device.snmp_answer_at}
            chosen={port?.name ?? null}
            onChoose={(name) => set({ if: name }, true)}
            sort={search.ports}
            onSort={(ports) => set({ ports }, true)}
          />
        )}
      </Answer>
      {port && (
        <Charts
          title={[port.name, port.alias].filter(Boolean).join(" · ")}
          series={portSeries(port)}
          view={view}
          intervalMs={device.interval_ms}
        />
      )}
    </>
  );
}

/** What was left out of this device, with the name of the limit. */
function Limits({ facts }: { facts: Record<string, string> }) {
  const limits = Object.entries(facts).filter(([name]) => isLimit(name));
  return limits.map(([name, text]) => <Warning key={name}>{text}</Warning>);
}
