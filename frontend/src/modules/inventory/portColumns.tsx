// The columns of the ports, and by what each is sorted.
import type { DeviceState, Interface, InterfaceMetric } from "../../api/types";
import { absolute, duration, quantity, speed } from "../../lib/format";
import { isOld, portAnswer } from "../../lib/fresh";
import type { Column } from "../../parts/DataTable";
import { StateShape } from "../../parts/State";
import { errorsOf, isOdd, portIn, portOut } from "./ports";
import type { PortSort } from "./sorts";

type Value = (port: Interface) => string | number | undefined;

const VALUES: Record<PortSort, Value> = {
  name: ({ name }) => name,
  alias: ({ alias }) => alias || undefined,
  oper: ({ oper_status }) => oper_status ?? undefined,
  speed: ({ speed_bps }) => speed_bps ?? undefined,
  in: (port) => portIn(port)?.value ?? undefined,
  out: (port) => portOut(port)?.value ?? undefined,
  errors: (port) => errorsOf(port) ?? undefined,
};

/** By what it is sorted; `held`: as it was when the pointer came. */
export function portValues(held: ReadonlyMap<string, Interface> | null): Record<PortSort, Value> {
  if (!held) return VALUES;
  const names = Object.keys(VALUES) as PortSort[];
  return Object.fromEntries(
    names.map((name) => [name, (port: Interface) => VALUES[name](held.get(port.name) ?? port)]),
  ) as Record<PortSort, Value>;
}

interface Shown {
  seen: number;
  staleAfter: number;
  answeredAt: number | null | undefined;
  chosen: string | null;
  onChoose: (name: string) => void;
  values: Record<PortSort, Value>;
}

export function portColumns(shown: Shown): readonly Column<Interface>[] {
  const { seen, staleAfter, answeredAt, chosen, onChoose, values } = shown;
  const answerOf = (port: Interface) => portAnswer(port, answeredAt);
  const isStale = (port: Interface) => isOld(answerOf(port), staleAfter, seen);
  const rate = (port: Interface, metric: InterfaceMetric | undefined) => (
    <Rate
      metric={metric}
      seen={seen}
      stale={isOld(metric?.at, staleAfter, seen)}
      said={isStale(port)}
    />
  );
  const column = (id: PortSort) => ({ id, sortable: true, value: values[id] });
  return [
    {
      ...column("name"),
      head: "Name",
      className: "c-if",
      cell: (port) => <Name port={port} chosen={port.name === chosen} onChoose={onChoose} />,
    },
    {
      ...column("alias"),
      head: "Alias",
      className: "c-alias",
      wide: true,
      cell: ({ alias }) =>
        alias ? <span title={alias}>{alias}</span> : <span className="muted">–</span>,
    },
    {
      ...column("oper"),
      head: "Status",
      className: "c-oper",
      cell: (port) => (
        <Status
          oper={port.oper_status}
          admin={port.admin_status}
          since={isStale(port) && port.present !== false ? answerOf(port) : null}
          seen={seen}
        />
      ),
    },
    {
      ...column("speed"),
      head: "Speed",
      className: "num",
      wide: true,
      cell: ({ speed_bps }) => speed(speed_bps),
    },
    { ...column("in"), head: "In", className: "num", cell: (port) => rate(port, portIn(port)) },
    { ...column("out"), head: "Out", className: "num", cell: (port) => rate(port, portOut(port)) },
    {
      ...column("errors"),
      head: "Errors",
      className: "num",
      wide: true,
      cell: (port) => <Errors value={errorsOf(port)} stale={isStale(port)} />,
    },
  ];
}

interface NameProps {
  port: Interface;
  chosen: boolean;
  onChoose: (name: string) => void;
}

function Name({ port, chosen, onChoose }: NameProps) {
  return (
    <>
      <button
        type="button"
        className="button link row-link"
        data-step=""
        aria-pressed={chosen}
        aria-label={`Charts of ${port.name}`}
        onClick={() => onChoose(port.name)}
      >
        {port.name}
      </button>
      {isOdd(port) && <span className="alarm"> ▲</span>}
    </>
  );
}

function Errors({ value, stale }: { value: number | null; stale: boolean }) {
  if (value === null) return <span className="muted">–</span>;
  if (stale) return <span className="stale">{quantity(value, "1/s")}</span>;
  if (value > 0) return <span className="alarm">{quantity(value, "1/s")}</span>;
  return <span className="muted">0</span>;
}

/** A rate, and where it is old, how old; `said`: the row says so already. */
function Rate({
  metric,
  seen,
  stale,
  said,
}: {
  metric: InterfaceMetric | undefined;
  seen: number;
  stale: boolean;
  said: boolean;
}) {
  const text = quantity(metric?.value, metric?.unit ?? "bps");
  if (!stale || !metric?.at) return text;
  return (
    <span className="stale" title={`measured ${absolute(metric.at)}`}>
      {text}
      {!said && <small> {duration(seen - metric.at)} ago</small>}
    </span>
  );
}

/** ifOperStatus (RFC 2863) as a mark. Down on purpose is no alarm; down against the will is. */
function markOf(oper: string, admin: string | null): DeviceState {
  if (oper === "up") return "up";
  if (oper === "testing" || oper === "dormant") return "degraded";
  return oper.endsWith("down") && admin !== "down" ? "down" : "unknown";
}

function Status({
  oper,
  admin,
  since,
  seen,
}: {
  oper: string | null;
  admin: string | null;
  /** When it was last answered for, where that is too long ago. */
  since: number | null;
  seen: number;
}) {
  if (oper === null) return <span className="muted">unknown</span>;
  const words = oper.replace(/_/g, " ");
  if (since !== null) {
    return (
      <span className="state-mark" title={`last answer ${absolute(since)}`}>
        <StateShape state="unknown" />
        <span className="stale">
          was {words}, {duration(seen - since)} ago
        </span>
      </span>
    );
  }
  return (
    <span className="state-mark">
      <StateShape state={markOf(oper, admin)} />
      <span>
        {words} <span className="muted not-narrow">/ {admin ?? "?"}</span>
      </span>
    </span>
  );
}
