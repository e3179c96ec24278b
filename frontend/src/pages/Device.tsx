// One device in one scroll: state and since when, what is odd, charts, ports, facts.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import {
  anomaliesQuery,
  devicePollersQuery,
  deviceQuery,
  interfacesQuery,
  seriesQuery,
} from "../api/queries";
import type { DeviceDetail } from "../api/types";
import { RangeBar } from "../charts/RangeBar";
import { advancedPairs } from "../lib/advanced";
import { useNow } from "../lib/clock";
import { absolute, duration, moment, plural, zone } from "../lib/format";
import { isFrozen, lastAnswer, reasonOf, seenAt, staleAfter } from "../lib/fresh";
import { Link, useSearch, useSetParams } from "../lib/router";
import { useView } from "../lib/view";
import { useWatchDevice } from "../live/live";
import { AnomalyLine } from "../ui/AnomalyLine";
import { Answer, Failed, Loading, NoData } from "../ui/Face";
import { isRemoved, Removed } from "../ui/Removed";
import { Age, StateMark, StateShape } from "../ui/State";
import { DeleteDevice } from "./DeleteDevice";
import { Charts, healthSeries, portSeries } from "./DeviceCharts";
import { chosenPort, Interfaces } from "./Interfaces";
import { Polling } from "./Polling";

export default function DevicePage({ id }: { id: string }) {
  const device = useQuery(deviceQuery(id));
  const removed = isRemoved(device.error);
  useWatchDevice(device.data && !removed ? id : null);
  const name = device.data?.name;
  useEffect(() => {
    if (name) document.title = `${name} · OpsConductor`;
  }, [name]);
  if (device.data && removed) return <Removed name={device.data.name} />;
  if (!device.data) {
    return device.error ? (
      <>
        <h1 className="visually-hidden">Device</h1>
        <Failed error={device.error} what="this device" retry={() => void device.refetch()} />
      </>
    ) : (
      <Loading what="the device" rows={6} />
    );
  }
  return (
    <>
      <Head device={device.data} askedAt={device.dataUpdatedAt} />
      <Limits facts={device.data.facts} />
      <DeviceAnomalies device={device.data} />
      {lastAnswer(device.data) === null && <Waiting device={device.data} />}
      <Measured device={device.data} />
      <Polling device={device.data} />
      <div className="two">
        <Facts device={device.data} />
        <History device={device.data} />
      </div>
    </>
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
        <h1>{device.name}</h1>
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
          <Link className="button" to={`/devices/${encodeURIComponent(device.id)}/edit`}>
            Edit
          </Link>
          <button type="button" className="danger" onClick={() => setDeleting(true)}>
            Delete
          </button>
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
          <Link to={`/devices/${encodeURIComponent(device.id)}/edit`}>Switch it on</Link>
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
        <Link to={`/anomalies?device=${encodeURIComponent(id)}`}>All of this device</Link>
      </div>
      <Answer query={open} what="the anomalies" rows={1}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="muted">{noneText(device)}</p>
          ) : (
            <ul className="lines">
              {data.items.map((item) => (
                <AnomalyLine key={item.id} item={item} device={false} />
              ))}
            </ul>
          )
        }
      </Answer>
    </section>
  );
}

function Measured({ device }: { device: DeviceDetail }) {
  const { id } = device;
  const view = useView();
  const params = useSearch();
  const set = useSetParams();
  const interfaces = useQuery(interfacesQuery(id));
  const series = useQuery(seriesQuery(id));
  const ports = interfaces.data?.items ?? [];
  const [first, setFirst] = useState<string | null>(null);
  const wanted = params.get("if") ?? first;
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
            onChoose={(name) => set({ if: name }, { replace: true })}
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

const isLimit = (name: string): boolean => name.endsWith("_limit");

/** What was left out of this device, with the name of the limit. */
function Limits({ facts }: { facts: Record<string, string> }) {
  const limits = Object.entries(facts).filter(([name]) => isLimit(name));
  return limits.map(([name, text]) => (
    <p key={name} className="warn-line">
      ▲ {text}
    </p>
  ));
}

function Facts({ device }: { device: DeviceDetail }) {
  const known = Object.entries(device.facts).filter(([name]) => !isLimit(name));
  const facts = known.sort(([a], [b]) => a.localeCompare(b));
  return (
    <section aria-labelledby="facts-head">
      <div className="section-head">
        <h2 id="facts-head">Facts</h2>
      </div>
      {facts.length === 0 ? (
        <NoData title="No facts yet">
          {device.snmp
            ? "Names and versions come once SNMP answers in full."
            : "They come by SNMP, which is off for this device."}
        </NoData>
      ) : (
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt title={name}>{name.replace(/_/g, " ")}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className="hint">
        Source: {device.source}, changed {absolute(device.updated_at)} {zone(device.updated_at)}
      </p>
    </section>
  );
}

function History({ device }: { device: DeviceDetail }) {
  const now = useNow();
  return (
    <section aria-labelledby="history-head">
      <div className="section-head">
        <h2 id="history-head">
          State changes <span className="muted">{zone(now)}</span>
        </h2>
      </div>
      {device.status_history.length === 0 ? (
        <NoData title="No change of state yet" />
      ) : (
        <ul className="history">
          {device.status_history.map((change) => (
            <li key={`${change.since}${change.state}`}>
              <time dateTime={new Date(change.since).toISOString()} title={absolute(change.since)}>
                {moment(change.since, now)}
              </time>
              <span className="state-mark">
                <StateShape state={change.state} />
                <span className={`state-word state-${change.state}`}>{change.state}</span>
              </span>
              <span className="muted">{change.reason}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
