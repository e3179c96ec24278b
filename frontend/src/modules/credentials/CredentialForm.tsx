// A credential's fields follow from its kind, as the API names it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../../api/client";
import type { CredentialKind } from "../../api/types";
import { plural } from "../../lib/format";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { Answer, Warning } from "../../parts/Face";
import { TextField } from "../../parts/Field";
import {
  emptyValues,
  type FormValues,
  filled,
  inForce,
  SchemaFields,
} from "../../parts/SchemaForm";
import { Select } from "../../parts/Select";
import { fieldsOf } from "./kinds";
import { createCredential, credentialKindsQuery, credentialsQuery, putCredential } from "./queries";

interface CredentialFormProps {
  /** With a name it replaces that one's secret, without one it makes a new credential. */
  name: string;
  /** Of the one whose secret is replaced. */
  kind?: string | undefined;
  onDone: (name: string) => void;
}

export function CredentialForm(props: CredentialFormProps) {
  const kinds = useQuery(credentialKindsQuery);
  return (
    <Answer query={kinds} what="the kinds of credential">
      {({ items }) => {
        // What is replaced keeps its kind.
        const offered = props.name ? items.filter(({ name }) => name === props.kind) : items;
        const first = offered[0];
        return first ? (
          <KnownForm {...props} kinds={offered} first={first} />
        ) : (
          <Warning>
            {props.name
              ? `This version of OpsConductor does not take credentials of the kind ${props.kind}: its secret cannot be replaced.`
              : "This version of OpsConductor takes no credentials."}
          </Warning>
        );
      }}
    </Answer>
  );
}

interface KnownFormProps extends CredentialFormProps {
  kinds: CredentialKind[];
  first: CredentialKind;
}

function KnownForm({ name: fixed, kinds, first, onDone }: KnownFormProps) {
  const client = useQueryClient();
  const [name, setName] = useState(fixed);
  const [chosen, setChosen] = useState(first.name);
  const [typed, setTyped] = useState<FormValues>({});
  const kind = kinds.find((each) => each.name === chosen) ?? first;
  const fields = fieldsOf(kind);
  const values = { ...emptyValues(fields), ...typed };
  const save = useMutation({
    mutationFn: (replace: boolean) => {
      const body = { kind: kind.name, ...filled(fields, values) };
      return replace ? putCredential(name.trim(), body) : createCredential(name.trim(), body);
    },
    onSuccess: async (_, replaced) => {
      setTyped({});
      void client.invalidateQueries({ queryKey: ["history"] });
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
  const shown = inForce(fields, values);
  const problem = save.error instanceof ApiError ? save.error : null;
  const taken = problem?.status === 409 && save.variables === false;
  const atField = taken || ["name", ...shown.map((field) => field.name)].some(at(problem));
  const missing = shown.some((field) => field.required && !values[field.name]);
  return (
    <form className="stack" onSubmit={submit}>
      {save.error && !atField && <Warning role="alert">{save.error.message}</Warning>}
      {!fixed && (
        <TextField
          label="Credential name"
          value={name}
          required
          maxLength={100}
          autoComplete="off"
          error={problem?.field("name") ?? (taken ? problem?.message : undefined)}
          hint="What devices refer to, e.g. lab-v2c"
          onChange={(value) => {
            setName(value);
            save.reset();
          }}
        />
      )}
      {kinds.length > 1 ? (
        <Select
          label="Kind"
          value={kind.name}
          options={kinds.map((each) => ({ value: each.name, label: each.label }))}
          hint={kind.help}
          error={problem?.field("kind")}
          onChange={(value) => {
            setChosen(value);
            setTyped({});
            save.reset();
          }}
        />
      ) : (
        <p className="muted">
          {kind.label}: {kind.help}
        </p>
      )}
      <SchemaFields
        fields={fields}
        values={values}
        error={(field) => problem?.field(field)}
        onChange={(field, value) => setTyped((old) => ({ ...old, [field]: value }))}
      />
      {fixed && fields.length > 1 && (
        <p className="hint">All of it is given anew: nothing of what is kept is ever shown.</p>
      )}
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

const at = (problem: ApiError | null) => (field: string) => problem?.field(field) !== undefined;

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
