// Credentials by name. What they hold goes in and never comes out.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useMemo, useState } from "react";
import type { Credential, CredentialKind } from "../../api/types";
import type { EntityField } from "../../entities/fields";
import History from "../../entities/History";
import { plural } from "../../lib/format";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { type Column, DataTable } from "../../parts/DataTable";
import { Confirm, Dialog, Drawer } from "../../parts/Dialog";
import { Answer, Empty } from "../../parts/Face";
import { PageHeading } from "../../parts/PageHeading";
import { Age } from "../../parts/State";
import { forgetInventory } from "../inventory/queries";
import { CredentialForm } from "./CredentialForm";
import { kindLabel } from "./kinds";
import {
  credentialKindsQuery,
  credentialPath,
  credentialsQuery,
  deleteCredential,
} from "./queries";
import "./credentials.css";

interface Editing {
  name: string;
  kind?: string;
}

export default function CredentialsPage() {
  const query = useQuery(credentialsQuery);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [deleting, setDeleting] = useState<Credential | null>(null);
  const [history, setHistory] = useState<string | null>(null);
  const kinds = useQuery(credentialKindsQuery).data?.items;
  const columns = useMemo(() => columnsOf(kinds, setEditing, setDeleting, setHistory), [kinds]);
  const add = () => setEditing({ name: "" });
  return (
    <>
      <div className="section-head">
        <PageHeading title="Credentials" className="grow" />
        <Button variant="primary" icon={Plus} onClick={add}>
          Add credential
        </Button>
        <p className="muted whole">
          Stored encrypted. Devices refer to them by name; a secret is never shown again.
        </p>
      </div>
      <Answer query={query} what="the credentials">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No credential yet" mark={KeyRound}>
              {kinds && (
                <p>
                  Devices are asked with one: {kinds.map(({ label }) => label).join(", ")}. Without
                  one they are only pinged.
                </p>
              )}
              <Button onClick={add}>Add the first one</Button>
            </Empty>
          ) : (
            <DataTable
              label="Credentials"
              columns={columns}
              rows={items}
              rowId={({ name }) => name}
            />
          )
        }
      </Answer>
      {editing && (
        <Dialog
          title={editing.name ? `Replace the secret of ${editing.name}` : "Add credential"}
          onClose={() => setEditing(null)}
        >
          <CredentialForm {...editing} onDone={() => setEditing(null)} />
        </Dialog>
      )}
      {history !== null && (
        <Drawer title={`History of ${history}`} onClose={() => setHistory(null)}>
          <History
            path={credentialPath(history)}
            what="credential"
            fields={fieldsOfHistory(kinds)}
          />
        </Drawer>
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

function columnsOf(
  kinds: readonly CredentialKind[] | undefined,
  onReplace: (editing: Editing) => void,
  onDelete: (credential: Credential) => void,
  onHistory: (name: string) => void,
): readonly Column<Credential>[] {
  return [
    { id: "name", head: "Name", className: "c-name", cell: ({ name }) => <b>{name}</b> },
    {
      id: "kind",
      head: "Kind",
      className: "c-mid",
      wide: true,
      cell: ({ kind }) => kindLabel(kinds, kind),
    },
    {
      id: "used",
      head: "Used by",
      className: "wrap",
      cell: (item) => (
        <span id={`used-${item.name}`} title={users(item)}>
          {users(item)}
        </span>
      ),
    },
    {
      id: "changed",
      head: "Changed",
      className: "c-mid",
      wide: true,
      cell: (item) => (
        <>
          <Age at={item.updated_at} />{" "}
          <Button
            variant="link"
            aria-label={`History of ${item.name}`}
            onClick={() => onHistory(item.name)}
          >
            History
          </Button>
        </>
      ),
    },
    {
      id: "actions",
      head: "Actions",
      silent: true,
      className: "c-actions",
      cell: (item) => <Actions item={item} onReplace={onReplace} onDelete={onDelete} />,
    },
  ];
}

/** What is on record of one: never its secret, only that there is another one. */
const fieldsOfHistory = (kinds: readonly CredentialKind[] | undefined): readonly EntityField[] => [
  { name: "name", label: "Name" },
  { name: "kind", label: "Kind", text: (kind) => kindLabel(kinds, String(kind)) },
  {
    name: "version",
    label: "Secret",
    text: (version) => (version ? `version ${version}` : "none"),
  },
];

interface ActionsProps {
  item: Credential;
  onReplace: (editing: Editing) => void;
  onDelete: (credential: Credential) => void;
}

function Actions({ item, onReplace, onDelete }: ActionsProps) {
  const used = item.devices > 0;
  return (
    <span className="row end">
      <Button
        size="small"
        data-step=""
        aria-label={`Replace the secret of ${item.name}`}
        onClick={() => onReplace({ name: item.name, kind: item.kind })}
      >
        Replace
      </Button>
      <Button
        size="small"
        variant="danger"
        aria-label={`Delete ${item.name}`}
        aria-describedby={used ? `used-${item.name}` : undefined}
        title={used ? `In use: ${users(item)}` : undefined}
        disabled={used}
        onClick={() => onDelete(item)}
      >
        Delete
      </Button>
    </span>
  );
}

function Deletion({ credential, onClose }: { credential: Credential; onClose: () => void }) {
  const client = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteCredential(credential.name),
    onSuccess: () => {
      forgetInventory(client);
      toast({ title: `${credential.name} was deleted` });
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
