// Add or edit a device. What was typed stays, also when the server says no.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";
import {
  createDevice,
  credentialsQuery,
  deviceQuery,
  forgetInventory,
  profilesQuery,
  updateDevice,
} from "../api/queries";
import type { EchoField } from "../lib/advanced";
import { asksSnmp, draftOf, EMPTY, formField, type Typed, typedOf } from "../lib/draft";
import { Link, navigate } from "../lib/router";
import { CredentialForm } from "../ui/CredentialForm";
import { Dialog } from "../ui/Dialog";
import { Answer } from "../ui/Face";
import { Field } from "../ui/Field";
import { isRemoved, Removed } from "../ui/Removed";
import { DeviceAdvanced } from "./DeviceAdvanced";
import { DeviceTestPanel } from "./DeviceTest";

export default function DeviceFormPage({ id }: { id?: string }) {
  return id ? <Edit id={id} /> : <Form start={EMPTY} />;
}

function Edit({ id }: { id: string }) {
  const device = useQuery({ ...deviceQuery(id), refetchInterval: false });
  if (device.data && isRemoved(device.error)) return <Removed name={device.data.name} />;
  return (
    <Answer query={device} what="the device" rows={6}>
      {(data) => <Form key={data.id} start={typedOf(data)} id={id} name={data.name} />}
    </Answer>
  );
}

function useSave(id: string | undefined, typed: Typed) {
  const client = useQueryClient();
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
      navigate(`/devices/${encodeURIComponent(device.id)}`);
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

function Form({ start, id, name }: FormProps) {
  const [typed, setTyped] = useState(start);
  const form = useRef<HTMLFormElement>(null);
  /** Fields changed since the last try: what was said of them may be mended. */
  const [mended, setMended] = useState<ReadonlySet<string>>(new Set());
  const set = (change: Partial<Typed>) => {
    setTyped((old) => ({ ...old, ...change }));
    setMended((old) => new Set([...old, ...Object.keys(change)]));
  };
  const save = useSave(id, typed);
  const problem = save.error instanceof ApiError ? save.error : null;
  const error = (field: keyof Typed) => (mended.has(field) ? undefined : said(field));
  const marks = problem?.problem.errors ?? [];
  const said = (field: keyof Typed) =>
    marks.find((mark) => formField(mark.field) === field)?.detail;
  const atField = marks.length > 0;
  const mendedAll = atField && marks.every((mark) => mended.has(formField(mark.field)));
  // At every try: the same field may be wrong once more.
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMended(new Set());
    save.mutate();
  };
  const text = (field: Line) => ({
    name: field,
    value: typed[field],
    error: error(field),
    autoComplete: "off",
    onChange: (event: { target: { value: string } }) => set({ [field]: event.target.value }),
  });
  return (
    <>
      <h1>{id ? `Edit ${name}` : "Add device"}</h1>
      <form className="form stack" ref={form} onSubmit={submit} noValidate>
        {save.error && !mendedAll && (
          <p role="alert" className="warn-line">
            ▲ {atField ? "Not saved: see the marked fields." : `Not saved: ${save.error.message}`}
          </p>
        )}
        <Field
          label="IP address or host name"
          required
          placeholder="192.0.2.10"
          {...text("address")}
        />
        <div className="half">
          <Field label="Name" hint="Empty: the address" {...text("name")} />
          <Field label="Site" {...text("site")} />
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
          <Field label="SNMP port" inputMode="numeric" {...text("port")} />
        </div>
        <div className="half">
          <Field label="Poll every (seconds)" inputMode="numeric" {...text("interval")} />
          <Field label="Tags" hint="Separated by commas" {...text("tags")} />
        </div>
        <Checks typed={typed} set={set} error={error("snmp") ?? error("icmp")} />
        <DeviceAdvanced typed={typed} set={set} text={text} error={error} problem={problem} />
        <DeviceTestPanel typed={typed} />
        <div className="row">
          <button type="submit" className="primary" disabled={save.isPending}>
            {save.isPending ? "Saving…" : id ? "Save" : "Add device"}
          </button>
          <Link className="button" to={id ? `/devices/${encodeURIComponent(id)}` : "/"}>
            Cancel
          </Link>
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
    <label>
      <input
        type="checkbox"
        checked={field === "snmp" ? asksSnmp(typed) : typed[field]}
        disabled={field === "snmp" && needs}
        aria-describedby={field === "snmp" && needs ? "snmp-needs" : undefined}
        onChange={(event) => set({ [field]: event.target.checked })}
      />
      {label}
    </label>
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
    <div className={error ? "field invalid" : "field"}>
      <label htmlFor="profile">Profile</label>
      <select
        id="profile"
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby="profile-hint"
        onChange={(event) => onChoose(event.target.value)}
      >
        {[...new Set([...names, value])].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <p className={error ? "field-error" : "hint"} id="profile-hint">
        {error ?? "auto: chosen by what the device says it is"}
      </p>
    </div>
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
  return (
    <div className={error ? "field invalid" : "field"}>
      <label htmlFor="credential">Credential</label>
      <div className="row nowrap">
        <select
          id="credential"
          value={value}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? "credential-error" : undefined}
          onChange={(event) => onChoose(event.target.value)}
        >
          <option value="">None (ICMP only)</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <button type="button" onClick={() => setAdding(true)}>
          Add credential
        </button>
      </div>
      {query.error && <p className="field-error">The credentials could not be loaded.</p>}
      {error && (
        <p className="field-error" id="credential-error">
          {error}
        </p>
      )}
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
    </div>
  );
}
