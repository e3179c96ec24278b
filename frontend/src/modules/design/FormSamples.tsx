import { useState } from "react";
import { Checkbox } from "../../parts/Checkbox";
import { Combobox } from "../../parts/Combobox";
import { DateTimeField } from "../../parts/DateTimeField";
import { SearchField, TextField } from "../../parts/Field";
import { Finder } from "../../parts/Finder";
import { NumberField } from "../../parts/NumberField";
import { emptyValues, type FieldSchema, SchemaFields } from "../../parts/SchemaForm";
import { Select } from "../../parts/Select";
import { Group, Sample, Samples } from "./Sample";

const SITES = ["Basel", "Bern", "Geneva", "Lausanne", "Lugano", "Zurich"].map((label) => ({
  value: label.toLowerCase(),
  label,
}));
const MORNING = Date.UTC(2026, 10, 30, 9, 5);
const SCHEMA: readonly FieldSchema[] = [
  { name: "user", label: "User name", kind: "text", required: true },
  { name: "password", label: "Password", kind: "secret", hint: "Never shown again" },
  { name: "timeout", label: "Timeout (ms)", kind: "number", min: 10, max: 60_000 },
  {
    name: "protocol",
    label: "Authentication",
    kind: "choice",
    options: [
      { value: "sha256", label: "SHA-256" },
      { value: "sha512", label: "SHA-512" },
    ],
  },
  { name: "strict", label: "Check host keys", kind: "check" },
];

function useText(start: string) {
  const [value, onChange] = useState(start);
  return { value, onChange };
}

export function FormSamples() {
  const name = useText("core-rtr-1.zrh");
  const empty = useText("");
  const [typed, setTyped] = useState("");
  const found = SITES.filter(
    ({ label }) => typed && label.toLowerCase().includes(typed.toLowerCase()),
  );
  const [values, setValues] = useState(() => emptyValues(SCHEMA));
  return (
    <Group title="Fields">
      <Samples>
        <Sample title="text">
          <TextField label="Name" hint="As people call it" {...name} />
        </Sample>
        <Sample title="empty, required">
          <TextField label="Address" required placeholder="192.0.2.10" {...empty} />
        </Sample>
        <Sample title="wrong">
          <TextField label="Address wrong" error="is no IP address" {...name} />
        </Sample>
        <Sample title="disabled">
          <TextField label="Address disabled" disabled {...name} />
        </Sample>
        <Sample title="search">
          <SearchField label="Filter" placeholder="Filter by name" {...useText("")} />
        </Sample>
        <Sample title="finder">
          <Finder
            label="Add a site"
            placeholder="Part of its name"
            found={found.map((site) => ({ ...site, detail: "Switzerland" }))}
            onText={setTyped}
            onPick={() => undefined}
            note={typed ? `No site matches “${typed}”` : "Type part of a name"}
          />
        </Sample>
        <Sample title="number">
          <NumberField label="Port" min={1} max={65_535} {...useText("161")} />
        </Sample>
        <Sample title="number, wrong">
          <NumberField label="Echoes" max={20} error="from 1 to 20" {...useText("21")} />
        </Sample>
        <Sample title="number, disabled">
          <NumberField label="Spacing" disabled placeholder="default: 200" {...useText("")} />
        </Sample>
        <Sample title="select">
          <Select label="Site" options={SITES} {...useText("bern")} />
        </Sample>
        <Sample title="select, wrong">
          <Select label="Site wrong" options={SITES} error="is closed" {...useText("basel")} />
        </Sample>
        <Sample title="select, disabled">
          <Select label="Site disabled" disabled options={SITES} {...useText("basel")} />
        </Sample>
        <Sample title="combobox">
          <Combobox label="Find a site" options={SITES} {...useText("zurich")} />
        </Sample>
        <Sample title="combobox, empty and wrong">
          <Combobox label="No site" options={SITES} error="choose one" {...useText("")} />
        </Sample>
        <Sample title="combobox, disabled">
          <Combobox label="Disabled site" disabled options={SITES} {...useText("lugano")} />
        </Sample>
        <Checks />
        <Times />
        <Sample title="a form from a list of fields">
          <div className="stack">
            <SchemaFields
              fields={SCHEMA}
              values={values}
              error={() => undefined}
              onChange={(field, value) => setValues((old) => ({ ...old, [field]: value }))}
            />
          </div>
        </Sample>
      </Samples>
    </Group>
  );
}

function Checks() {
  const [on, setOn] = useState(true);
  const [off, setOff] = useState(false);
  return (
    <>
      <Sample title="checkbox">
        <div className="stack">
          <Checkbox label="SNMP" checked={on} onChange={setOn} />
          <Checkbox label="ICMP" checked={off} onChange={setOff} hint="Loss and round trip time" />
          <Checkbox label="Wrong" checked={off} onChange={setOff} error="needs a credential" />
          <Checkbox label="Disabled" checked disabled onChange={setOff} />
        </div>
      </Sample>
      <Sample title="switch">
        <div className="stack">
          <Checkbox asSwitch label="Polling" checked={on} onChange={setOn} />
          <Checkbox asSwitch label="Traps" checked={off} onChange={setOff} />
          <Checkbox asSwitch label="Disabled switch" checked disabled onChange={setOff} />
        </div>
      </Sample>
    </>
  );
}

function Times() {
  const [at, setAt] = useState<number | null>(MORNING);
  const [none, setNone] = useState<number | null>(null);
  return (
    <>
      <Sample title="date and time">
        <DateTimeField label="From" hint="Arrow keys step" value={at} onChange={setAt} />
      </Sample>
      <Sample title="date and time, wrong">
        <DateTimeField label="To" value={at} onChange={setAt} error="must come after the start" />
      </Sample>
      <Sample title="date and time, empty and disabled">
        <DateTimeField label="Until" disabled value={none} onChange={setNone} />
      </Sample>
    </>
  );
}
