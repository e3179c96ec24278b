// Fields of the device form that choose among what there is.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { Combobox } from "../../parts/Combobox";
import { Dialog } from "../../parts/Dialog";
import { Select } from "../../parts/Select";
import { CredentialForm } from "../credentials/CredentialForm";
import { credentialsQuery } from "../credentials/queries";
import { asksSnmp, type Typed } from "./draft";
import { profilesQuery } from "./queries";

export function Checks({
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

export function ProfileChoice({
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

export function CredentialChoice({
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
