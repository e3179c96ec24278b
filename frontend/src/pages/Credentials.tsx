// Credentials by name. What they hold goes in and never comes out.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { credentialsQuery, deleteCredential, forgetInventory } from "../api/queries";
import type { Credential } from "../api/types";
import { plural } from "../lib/format";
import { CredentialForm } from "../ui/CredentialForm";
import { Confirm, Dialog } from "../ui/Dialog";
import { Answer, Empty } from "../ui/Face";
import { type Column, Grid } from "../ui/Grid";
import { Age } from "../ui/State";

const KINDS: Record<string, string> = { snmp_v2c: "SNMP v2c community" };

const COLUMNS: Column[] = [
  { head: "Name" },
  { head: "Kind", className: "wide" },
  { head: "Used by" },
  { head: "Changed", className: "wide" },
  { head: "Actions", silent: true },
];

export default function CredentialsPage() {
  const query = useQuery(credentialsQuery);
  const [editing, setEditing] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Credential | null>(null);
  return (
    <>
      <div className="section-head">
        <h1 className="grow">Credentials</h1>
        <button type="button" className="primary" onClick={() => setEditing("")}>
          Add credential
        </button>
      </div>
      <p className="muted">
        Stored encrypted. Devices refer to them by name; a secret is never shown again.
      </p>
      <Answer query={query} what="the credentials">
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="No credential yet">
              <button type="button" onClick={() => setEditing("")}>
                Add the first one
              </button>
            </Empty>
          ) : (
            <Table items={data.items} onReplace={setEditing} onDelete={setDeleting} />
          )
        }
      </Answer>
      {editing !== null && (
        <Dialog
          title={editing ? `Replace the secret of ${editing}` : "Add credential"}
          onClose={() => setEditing(null)}
        >
          <CredentialForm name={editing} onDone={() => setEditing(null)} />
        </Dialog>
      )}
      {deleting && <Deletion credential={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

/** Who would be without a credential: `core-1, core-2 and 5 more devices`. */
function users({ devices, used_by = [] }: Credential): string {
  if (devices === 0) return "no device";
  if (used_by.length === 0) return plural(devices, "device");
  const more = devices - used_by.length;
  return `${used_by.join(", ")}${more > 0 ? ` and ${plural(more, "more device")}` : ""}`;
}

function Table({
  items,
  onReplace,
  onDelete,
}: {
  items: Credential[];
  onReplace: (name: string) => void;
  onDelete: (credential: Credential) => void;
}) {
  return (
    <Grid columns={COLUMNS}>
      {items.map((item) => (
        <tr key={item.name}>
          <td>
            <b>{item.name}</b>
          </td>
          <td className="wide">{KINDS[item.kind] ?? item.kind}</td>
          <td className="used-by" id={`used-${item.name}`} title={users(item)}>
            {users(item)}
          </td>
          <td className="wide">
            <Age at={item.updated_at} />
          </td>
          <td>
            <span className="row end">
              <button
                type="button"
                className="small"
                data-step=""
                aria-label={`Replace the secret of ${item.name}`}
                onClick={() => onReplace(item.name)}
              >
                Replace
              </button>
              <button
                type="button"
                className="small danger"
                aria-label={`Delete ${item.name}`}
                aria-describedby={item.devices > 0 ? `used-${item.name}` : undefined}
                title={item.devices > 0 ? `In use: ${users(item)}` : undefined}
                disabled={item.devices > 0}
                onClick={() => onDelete(item)}
              >
                Delete
              </button>
            </span>
          </td>
        </tr>
      ))}
    </Grid>
  );
}

function Deletion({ credential, onClose }: { credential: Credential; onClose: () => void }) {
  const client = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteCredential(credential.name),
    onSuccess: () => {
      forgetInventory(client);
      onClose();
    },
  });
  return (
    <Confirm
      title={`Delete ${credential.name}?`}
      action="Delete"
      busy={removal.isPending}
      error={removal.error?.message ?? null}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>No device uses it.</p>
    </Confirm>
  );
}
