// Add or edit a group. What was typed stays, also when the server says no.
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { DeviceGroup, DeviceGroupDraft } from "../../api/types";
import Conflict from "../../entities/Conflict";
import { differences, merged } from "../../entities/fields";
import { useMarks } from "../../entities/marks";
import { useSave } from "../../entities/save";
import { Trouble } from "../../entities/Trouble";
import { toast } from "../../lib/toast";
import { Button, buttonClass } from "../../parts/Button";
import { TextArea, TextField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { draftOf, EMPTY, formField, type Typed, typedOf } from "./draft";
import { GROUP_FIELDS } from "./fields";
import { ListedDevices } from "./ListedDevices";
import { createGroup, forgetGroups, groupQuery, updateGroup } from "./queries";
import "../inventory/inventory.css";
import "./groups.css";

function useGroupSave(id: string | undefined) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useSave({
    send: (draft: DeviceGroupDraft, revision) =>
      id ? updateGroup(id, draft, revision) : createGroup(draft),
    current: () => client.fetchQuery({ ...groupQuery(id ?? ""), staleTime: 0 }),
    onSaved: (group) => {
      forgetGroups(client, group.id);
      toast({ title: `${group.name} was ${id ? "saved" : "added"}` });
      void navigate({ to: "/device-groups/$id", params: { id: group.id } });
    },
  });
}

interface FormProps {
  /** The group that is edited, as it was when the form was opened; none: a new one. */
  opened?: DeviceGroup;
  /** As it is by now. */
  latest?: DeviceGroup | undefined;
  removed?: boolean;
}

export function GroupForm({ opened, latest, removed = false }: FormProps) {
  const [base, setBase] = useState(opened);
  const [typed, setTyped] = useState(() => (opened ? typedOf(opened) : EMPTY));
  const id = opened?.id;
  const saving = useGroupSave(id);
  const marks = useMarks(saving.error, formField);
  const set = (change: Partial<Typed>) => {
    setTyped((old) => ({ ...old, ...change }));
    marks.touch(Object.keys(change));
  };
  const save = (what: Typed, revision: number | undefined) => {
    marks.reset();
    saving.save({ ...draftOf(what), revision });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(typed, base?.revision);
  };
  const newer = latest && base && latest.revision > base.revision ? latest : null;
  const other = saving.isSuccess ? null : (saving.other ?? newer);
  const text = (field: "name" | "description" | "site" | "tags") => ({
    name: field,
    value: typed[field],
    error: marks.error(field),
    onChange: (value: string) => set({ [field]: value }),
  });
  return (
    <>
      <PageHeading title={opened ? `Edit ${opened.name}` : "Add group"} />
      <form className="form stack" ref={marks.form} onSubmit={submit} noValidate>
        <Trouble
          error={saving.error}
          atField={marks.atField}
          settled={marks.settled}
          other={other}
          onCompare={() => other && saving.compare(other)}
          removed={removed}
          record={id && <HistoryLink id={id} />}
        />
        <TextField label="Name" required maxLength={200} autoComplete="off" {...text("name")} />
        <TextArea
          label="Description"
          rows={3}
          maxLength={2000}
          className="input prose"
          {...text("description")}
        />
        <fieldset>
          <legend className="label">Devices by site and tags</legend>
          <div className="stack">
            <div className="half">
              <TextField label="Site" {...text("site")} />
              <TextField label="Tags" hint="Separated by commas" {...text("tags")} />
            </div>
            <p className="hint">
              Every device that has this site and all of these tags is a member, also one that is
              added later. Where both are empty, none is a member in this way.
            </p>
          </div>
        </fieldset>
        <ListedDevices
          ids={typed.devices}
          error={marks.error("devices")}
          onChange={(devices) => set({ devices })}
        />
        <div className="row">
          <Button type="submit" variant="primary" busy={saving.isPending}>
            {saving.isPending ? "Saving…" : id ? "Save" : "Add group"}
          </Button>
          {id ? (
            <Link className={buttonClass()} to="/device-groups/$id" params={{ id }}>
              Cancel
            </Link>
          ) : (
            <Link className={buttonClass()} to="/device-groups">
              Cancel
            </Link>
          )}
        </div>
      </form>
      {saving.comparing && other && base && (
        <GroupConflict
          base={base}
          typed={typed}
          other={other}
          busy={saving.isPending}
          onSave={(what) => save(what, other.revision)}
          onTheirs={() => {
            setBase(other);
            setTyped(typedOf(other));
            marks.reset();
            saving.restart();
          }}
          onEdit={saving.edit}
        />
      )}
    </>
  );
}

const HistoryLink = ({ id }: { id: string }) => (
  <Link to="/device-groups/$id" params={{ id }}>
    See who deleted it
  </Link>
);

interface ConflictProps {
  base: DeviceGroup;
  typed: Typed;
  other: DeviceGroup;
  busy: boolean;
  onSave: (typed: Typed) => void;
  onTheirs: () => void;
  onEdit: () => void;
}

function GroupConflict({ base, typed, other, busy, onSave, onTheirs, onEdit }: ConflictProps) {
  const found = differences(GROUP_FIELDS, base, draftOf(typed).draft, other);
  return (
    <Conflict
      other={other}
      found={found}
      busy={busy}
      onMine={() => onSave(typed)}
      onBoth={() => onSave(merged(found, typed, typedOf(other)))}
      onTheirs={onTheirs}
      onEdit={onEdit}
    />
  );
}
