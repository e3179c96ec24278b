import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../../api/client";
import { plural } from "../../lib/format";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { Warning } from "../../parts/Face";
import { TextField } from "../../parts/Field";
import { emptyValues, type FormValues, SchemaFields } from "../../parts/SchemaForm";
import { Select } from "../../parts/Select";
import { KINDS, kindOf } from "./kinds";
import { createCredential, credentialsQuery, putCredential } from "./queries";

interface CredentialFormProps {
  /** With a name it replaces that one's secret, without one it makes a new credential. */
  name: string;
  /** Of the one whose secret is replaced. */
  kind?: string | undefined;
  onDone: (name: string) => void;
}

export function CredentialForm({ name: fixed, kind: given, onDone }: CredentialFormProps) {
  const client = useQueryClient();
  const [name, setName] = useState(fixed);
  const [kind, setKind] = useState(kindOf(given));
  const [values, setValues] = useState<FormValues>(() => emptyValues(kind.fields));
  const save = useMutation({
    mutationFn: (replace: boolean) => {
      const body = { kind: kind.kind, ...values };
      return replace ? putCredential(name.trim(), body) : createCredential(name.trim(), body);
    },
    onSuccess: async (_, replaced) => {
      setValues(emptyValues(kind.fields));
      await client.invalidateQueries({ queryKey: ["credentials"] });
      toast({ title: `${name.trim()} ${replaced ? "has a new secret" : "was saved"}` });
      onDone(name.trim());
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    save.mutate(fixed !== "");
  };
  const problem = save.error instanceof ApiError ? save.error : null;
  const taken = problem?.status === 409 && save.variables === false;
  const atField =
    taken || ["name", ...kind.fields.map((field) => field.name)].some((at) => problem?.field(at));
  const missing = kind.fields.some((field) => field.required && !values[field.name]);
  return (
    <form className="stack" onSubmit={submit}>
      {save.error && !atField && <Warning role="alert">{save.error.message}</Warning>}
      {!fixed && (
        <TextField
          label="Credential name"
          value={name}
          required
          maxLength={64}
          autoComplete="off"
          error={problem?.field("name") ?? (taken ? problem?.message : undefined)}
          hint="What devices refer to, e.g. lab-v2c"
          onChange={(value) => {
            setName(value);
            save.reset();
          }}
        />
      )}
      {!fixed && KINDS.length > 1 && (
        <Select
          label="Kind"
          value={kind.kind}
          options={KINDS.map((each) => ({ value: each.kind, label: each.label }))}
          onChange={(value) => {
            const next = kindOf(value);
            setKind(next);
            setValues(emptyValues(next.fields));
          }}
        />
      )}
      <SchemaFields
        fields={kind.fields}
        values={values}
        error={(field) => problem?.field(field)}
        onChange={(field, value) => setValues((old) => ({ ...old, [field]: value }))}
      />
      {taken && <Replacing name={name.trim()} />}
      <div className="row end">
        {taken && (
          <Button
            variant="danger"
            disabled={save.isPending || missing}
            onClick={() => save.mutate(true)}
          >
            Replace the secret of {name.trim()}
          </Button>
        )}
        <Button type="submit" variant="primary" busy={save.isPending}>
          {save.isPending ? "Saving…" : fixed ? "Replace the secret" : "Save credential"}
        </Button>
      </div>
    </form>
  );
}

/** What replacing would do, before it is done. */
function Replacing({ name }: { name: string }) {
  const known = useQuery(credentialsQuery).data?.items.find((item) => item.name === name);
  return (
    <p>
      Nothing was saved. Give it another name, or replace the old secret
      {known && known.devices > 0
        ? `: ${plural(known.devices, "device")} would be asked with the new one at once.`
        : "."}
    </p>
  );
}
