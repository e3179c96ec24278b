import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../api/client";
import { createCredential, credentialsQuery, putCredential } from "../api/queries";
import { plural } from "../lib/format";
import { Field } from "./Field";

/** With a name it replaces that one's secret, without one it makes a new credential. */
export function CredentialForm({
  name: fixed,
  onDone,
}: {
  name: string;
  onDone: (name: string) => void;
}) {
  const client = useQueryClient();
  const [name, setName] = useState(fixed);
  const [community, setCommunity] = useState("");
  const save = useMutation({
    mutationFn: (replace: boolean) =>
      replace ? putCredential(name.trim(), community) : createCredential(name.trim(), community),
    onSuccess: async () => {
      setCommunity("");
      await client.invalidateQueries({ queryKey: ["credentials"] });
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
  const atField = taken || problem?.field("name") || problem?.field("community");
  return (
    <form className="stack" onSubmit={submit}>
      {save.error && !atField && (
        <p role="alert" className="warn-line">
          ▲ {save.error.message}
        </p>
      )}
      {!fixed && (
        <Field
          label="Credential name"
          value={name}
          required
          maxLength={64}
          autoComplete="off"
          error={problem?.field("name") ?? (taken ? problem?.message : undefined)}
          hint="What devices refer to, e.g. lab-v2c"
          onChange={(event) => {
            setName(event.target.value);
            save.reset();
          }}
        />
      )}
      <Field
        label="SNMP v2c community"
        type="password"
        value={community}
        required
        autoComplete="new-password"
        error={problem?.field("community")}
        hint="Kept encrypted and never shown again"
        onChange={(event) => setCommunity(event.target.value)}
      />
      {taken && <Replacing name={name.trim()} />}
      <div className="row end">
        {taken && (
          <button
            type="button"
            className="danger"
            disabled={save.isPending || community === ""}
            onClick={() => save.mutate(true)}
          >
            Replace the secret of {name.trim()}
          </button>
        )}
        <button type="submit" className="primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : fixed ? "Replace the secret" : "Save credential"}
        </button>
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
