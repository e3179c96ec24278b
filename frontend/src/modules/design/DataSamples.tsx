import { useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { type Column, DataTable, type Sorted } from "../../parts/DataTable";
import { Empty, Failed, Loading, NoData, NotUpToDate, Warning } from "../../parts/Face";
import { Facts } from "../../parts/Facts";
import { Age, Badge, STATES, StateMark } from "../../parts/State";
import { sortHere } from "../../parts/sortHere";
import { Group, Sample, Samples } from "./Sample";

interface Row {
  name: string;
  load: number;
}

const ROWS: Row[] = Array.from({ length: 5000 }, (_, i) => ({
  name: `Gi0/${i}`,
  load: (i * 37) % 101,
}));
const COLUMNS: readonly Column<Row>[] = [
  { id: "name", head: "Name", sortable: true, value: (row) => row.name, cell: (row) => row.name },
  {
    id: "load",
    head: "Load",
    className: "num",
    sortable: true,
    value: (row) => row.load,
    cell: (row) => `${row.load} %`,
  },
  { id: "note", head: "Note", wide: true, cell: () => <span className="muted">wide only</span> },
];

const problem = (status: number, detail: string) => new ApiError({ title: detail, status, detail });
const STALE_MS = 60_000;

export function DataSamples() {
  const [now] = useState(Date.now);
  return (
    <>
      <Group title="States">
        <Samples>
          {STATES.map((state) => (
            <Sample key={state} title={state}>
              <StateMark state={state} since={now - 250_000} />
            </Sample>
          ))}
          <Sample title="too old to be said of now">
            <StateMark state="up" since={now} frozen />
          </Sample>
          <Sample title="ages">
            <div className="row">
              <Age at={now - 20_000} />
              <Age at={now - 600_000} staleAfter={STALE_MS} />
              <Age at={null} />
            </div>
          </Sample>
          <Sample title="badges">
            <div className="row">
              <Badge tone="neutral">new</Badge>
              <Badge tone="good">running</Badge>
              <Badge tone="warning">retrying</Badge>
              <Badge tone="alarm">failed</Badge>
            </div>
          </Sample>
          <Sample title="warnings">
            <div className="stack">
              <Warning>ICMP is not permitted for this user.</Warning>
              <NotUpToDate error={new Error("no answer")} retry={() => undefined} />
            </div>
          </Sample>
          <Sample title="facts">
            <Facts
              facts={[
                ["Version", "0.1.0"],
                ["Running for", "4 d"],
              ]}
            />
          </Sample>
        </Samples>
      </Group>
      <Group title="Faces">
        <Samples>
          <Loading what="the samples" />
          <Empty title="No device yet">Add the first one.</Empty>
          <NoData title="No samples in this range">Choose a longer one.</NoData>
          <Failed error={problem(403, "Not for you")} what="the devices" />
          <Failed error={problem(404, "No such thing")} what="this device" />
          <Failed error={problem(500, "The database is away")} what="it" retry={() => undefined} />
        </Samples>
      </Group>
      <Tables />
    </>
  );
}

function Tables() {
  const box = useRef<HTMLElement>(null);
  const [sorted, setSorted] = useState<Sorted>({ id: "name", desc: false });
  const [at, setAt] = useState<string | null>(null);
  return (
    <Group title="Tables">
      <DataTable label="Short table" columns={COLUMNS} rows={ROWS.slice(0, 3)} rowId={nameOf} />
      <div className="row">
        <Button onClick={() => setAt("Gi0/4000")}>Show Gi0/4000</Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keys */}
      <section className="table-box" tabIndex={0} aria-label="5,000 rows" ref={box}>
        <DataTable
          label="Long table"
          columns={COLUMNS}
          rows={ROWS}
          rowId={nameOf}
          rowProps={(row) => ({ className: row.name === at ? "chosen" : undefined })}
          box={box}
          shown={at}
          sorter={sortHere}
          sorted={sorted}
          onSort={(id) => setSorted({ id, desc: id === sorted.id && !sorted.desc })}
        />
      </section>
    </Group>
  );
}

const nameOf = (row: Row): string => row.name;
