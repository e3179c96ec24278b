import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../api/client";
import { putCredential } from "../api/queries";
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
    mutationFn: () => putCredential(name.trim(), community),
    onSuccess: async () => {
      setCommunity("");
      await client.invalidateQueries({ queryKey: ["credentials"] });
      onDone(name.trim());
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    save.mutate();
  };
  const problem = save.error instanceof ApiError ? save.error : null;
  const atField = problem?.field("name") ?? problem?.field("community");
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
          error={problem?.field("name")}
          hint="What devices refer to, e.g. lab-v2c"
          onChange={(event) => setName(event.target.value)}
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
      <div className="row end">
        <button type="submit" className="primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : "Save credential"}
        </button>
      </div>
    </form>
  );
}
