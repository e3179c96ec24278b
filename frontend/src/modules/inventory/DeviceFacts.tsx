// What a device says of itself, and how its state changed.
import type { DeviceDetail } from "../../api/types";
import { personName } from "../../entities/words";
import { useNow } from "../../lib/clock";
import { absolute, moment, zone } from "../../lib/format";
import { NoData } from "../../parts/Face";
import { Facts } from "../../parts/Facts";
import { StateShape } from "../../parts/State";

/** A fact that names a limit which was reached: it stands on top of the page. */
export const isLimit = (name: string): boolean => name.endsWith("_limit");

export function DeviceFacts({ device }: { device: DeviceDetail }) {
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
        <Facts facts={facts.map(([name, value]) => [name.replace(/_/g, " "), value])} />
      )}
      <p className="hint">
        Source: {device.source}, changed {absolute(device.updated_at)} {zone(device.updated_at)} by{" "}
        {personName(device.updated_by)}
      </p>
    </section>
  );
}

export function StateChanges({ device }: { device: DeviceDetail }) {
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
