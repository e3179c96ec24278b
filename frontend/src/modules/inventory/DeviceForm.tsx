// Add or edit a device. What was typed stays, also when the server says no.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { toast } from "../../lib/toast";
import { Button, buttonClass } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { Combobox } from "../../parts/Combobox";
import { Dialog } from "../../parts/Dialog";
import { Warning } from "../../parts/Face";
import { TextField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { NumberField } from "../../parts/NumberField";
import { PageHeading } from "../../parts/PageHeading";
import { Select } from "../../parts/Select";
import { CredentialForm } from "../credentials/CredentialForm";
import { credentialsQuery } from "../credentials/queries";
import type { EchoField } from "./advanced";
import { DeviceAdvanced } from "./DeviceAdvanced";
import { DeviceTestPanel } from "./DeviceTest";
import { asksSnmp, draftOf, formField, type Typed } from "./draft";
import { createDevice, forgetInventory, profilesQuery, updateDevice } from "./queries";
import "./inventory.css";

function useSave(id: string | undefined, typed: Typed) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => {
      const { draft, wrong } = draftOf(typed);
      if (Object.keys(wrong).length > 0) {
        const errors = Object.entries(wrong).map(([field, detail]) => ({ field, detail }));
        throw new ApiError({ title: "Something is not right yet", status: 422, errors });
      }
      return id ? updateDevice(id, draft) : createDevice(draft);
    },
    onSuccess: (device) => {
      forgetInventory(client);
      void client.invalidateQueries({ queryKey: ["device", device.id] });
      toast({ title: `${device.name} was ${id ? "saved" : "added"}` });
      void navigate({ to: "/devices/$id", params: { id: device.id } });
    },
  });
}

/** What is typed into a line. */
type Line = "address" | "name" | "site" | "tags" | "port" | "interval" | EchoField;

interface FormProps {
  start: Typed;
  id?: string;
  name?: string;
}

export function DeviceForm({ start, id, name }: FormProps) {
  const [typed, setTyped] = useState(start);
  const form = useRef<HTMLFormElement>(null);
  /** Fields changed since the last try: what was said of them may hold no more. */
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const set = (change: Partial<Typed>) => {
    setTyped((old) => ({ ...old, ...change }));
    setTouched((old) => new Set([...old, ...Object.keys(change)]));
  };
  const save = useSave(id, typed);
  const problem = save.error instanceof ApiError ? save.error : null;
  const error = (field: keyof Typed) => (touched.has(field) ? undefined : said(field));
  const marks = problem?.problem.errors ?? [];
  const said = (field: keyof Typed) =>
    marks.find((mark) => formField(mark.field) === field)?.detail;
  const atField = marks.length > 0;
  const touchedAll = atField && marks.every((mark) => touched.has(formField(mark.field)));
  // At every try: the same field may be wrong once more.
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(new Set());
    save.mutate();
  };
  const text = (field: Line) => ({
    name: field,
    value: typed[field],
    error: error(field),
    onChange: (value: string) => set({ [field]: value }),
  });
  return (
    <>
      <PageHeading title={id ? `Edit ${name}` : "Add device"} />
      <form className="form stack" ref={form} onSubmit={submit} noValidate>
        {save.error && !touchedAll && (
          <Warning role="alert">
            {atField ? "Not saved: see the marked fields." : `Not saved: ${save.error.message}`}
          </Warning>
        )}
        <TextField
          label="IP address or host name"
          required
          placeholder="192.0.2.10"
          {...text("address")}
        />
        <div className="half">
          <TextField label="Name" hint="Empty: the address" {...text("name")} />
          <TextField label="Site" {...text("site")} />
        </div>
        <CredentialChoice
          value={typed.credential}
          error={error("credential")}
          onChoose={(credential) => set({ credential })}
        />
        <div className="half">
          <ProfileChoice
            value={typed.profile}
            error={error("profile")}
            onChoose={(profile) => set({ profile })}
          />
          <NumberField label="SNMP port" min={1} max={65535} {...text("port")} />
        </div>
        <div className="half">
          <NumberField label="Poll every (seconds)" min={1} {...text("interval")} />
          <TextField label="Tags" hint="Separated by commas" {...text("tags")} />
        </div>
        <Checks typed={typed} set={set} error={error("snmp") ?? error("icmp")} />
        <DeviceAdvanced typed={typed} set={set} text={text} error={error} problem={problem} />
        <DeviceTestPanel typed={typed} />
        <div className="row">
          <Button type="submit" variant="primary" busy={save.isPending}>
            {save.isPending ? "Saving…" : id ? "Save" : "Add device"}
          </Button>
          {id ? (
            <Link className={buttonClass()} to="/devices/$id" params={{ id }}>
              Cancel
            </Link>
          ) : (
            <Link className={buttonClass()} to="/">
              Cancel
            </Link>
          )}
        </div>
      </form>
    </>
  );
}

function Checks({
  typed,
  set,
  error,
}: {
  typed: Typed;
  set: (change: Partial<Typed>) => void;
  error: string | undefined;
}) {
  const needs = typed.credential === "";
  const nothing = typed.enabled && !asksSnmp(typed) && !typed.icmp;
  const check = (field: "snmp" | "icmp" | "enabled", label: string) => (
    <Checkbox
      label={label}
      checked={field === "snmp" ? asksSnmp(typed) : typed[field]}
      disabled={field === "snmp" && needs}
      aria-describedby={field === "snmp" && needs ? "snmp-needs" : undefined}
      onChange={(checked) => set({ [field]: checked })}
    />
  );
  return (
    <fieldset className="checks">
      <legend className="label">What is polled</legend>
      {check("snmp", "SNMP")}
      {check("icmp", "ICMP (loss and round trip time)")}
      {check("enabled", "Polling switched on")}
      {needs && (
        <p className="hint" id="snmp-needs">
          SNMP needs a credential: choose one above. Without it the device is measured by ICMP only.
        </p>
      )}
      {(error || nothing) && (
        <p className="field-error" role="alert">
          {error ?? "Nothing would be measured: tick ICMP, or choose a credential for SNMP."}
        </p>
      )}
    </fieldset>
  );
}

function ProfileChoice({
  value,
  error,
  onChoose,
}: {
  value: string;
  error: string | undefined;
  onChoose: (name: string) => void;
}) {
  const query = useQuery(profilesQuery);
  const names = query.data?.items ?? ["auto"];
  return (
    <Select
      label="Profile"
      value={value}
      options={[...new Set([...names, value])].map((name) => ({ value: name, label: name }))}
      error={error}
      hint="auto: chosen by what the device says it is"
      onChange={onChoose}
    />
  );
}

function CredentialChoice({
  value,
  error,
  onChoose,
}: {
  value: string;
  error: string | undefined;
  onChoose: (name: string) => void;
}) {
  const [adding, setAdding] = useState(false);
  const query = useQuery(credentialsQuery);
  const names = (query.data?.items ?? []).map((item) => item.name);
  if (value && !names.includes(value)) names.push(value);
  const options = names.map((name) => ({ value: name, label: name }));
  return (
    <>
      <Combobox
        label="Credential"
        value={value}
        options={[{ value: "", label: "None (ICMP only)" }, ...options]}
        error={error ?? (query.error ? "The credentials could not be loaded." : undefined)}
        onChange={onChoose}
        action={<Button onClick={() => setAdding(true)}>Add credential</Button>}
      />
      {adding && (
        <Dialog title="Add credential" onClose={() => setAdding(false)}>
          <CredentialForm
            name=""
            onDone={(name) => {
              onChoose(name);
              setAdding(false);
            }}
          />
        </Dialog>
      )}
    </>
  );
}
