// Add or edit a device. What was typed stays, also when the server says no.
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { DeviceDetail, DeviceDraft } from "../../api/types";
import Conflict from "../../entities/Conflict";
import { differences, merged } from "../../entities/fields";
import { useMarks } from "../../entities/marks";
import { useSave } from "../../entities/save";
import { Trouble } from "../../entities/Trouble";
import { toast } from "../../lib/toast";
import { Button, buttonClass } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { NumberField } from "../../parts/NumberField";
import { PageHeading } from "../../parts/PageHeading";
import type { EchoField } from "./advanced";
import { DeviceAdvanced } from "./DeviceAdvanced";
import { Checks, CredentialChoice, ProfileChoice } from "./DeviceChoices";
import { DeviceTestPanel } from "./DeviceTest";
import { draftOf, EMPTY, formField, type Typed, typedOf } from "./draft";
import { DEVICE_FIELDS } from "./fields";
import { createDevice, deviceQuery, forgetInventory, updateDevice } from "./queries";
import "./inventory.css";

function useDeviceSave(id: string | undefined) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useSave({
    send: (draft: DeviceDraft, revision) =>
      id ? updateDevice(id, draft, revision) : createDevice(draft),
    current: () => client.fetchQuery({ ...deviceQuery(id ?? ""), staleTime: 0 }),
    onSaved: (device) => {
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
  /** The device that is edited, as it was when the form was opened; none: a new one. */
  opened?: DeviceDetail;
  /** As it is by now. */
  latest?: DeviceDetail | undefined;
  removed?: boolean;
}

export function DeviceForm({ opened, latest, removed = false }: FormProps) {
  const [base, setBase] = useState(opened);
  const [typed, setTyped] = useState(() => (opened ? typedOf(opened) : EMPTY));
  const id = opened?.id;
  const saving = useDeviceSave(id);
  const marks = useMarks(saving.error, formField);
  const error = (field: keyof Typed) => marks.error(field);
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
  const text = (field: Line) => ({
    name: field,
    value: typed[field],
    error: error(field),
    onChange: (value: string) => set({ [field]: value }),
  });
  return (
    <>
      <PageHeading title={opened ? `Edit ${opened.name}` : "Add device"} />
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
        <DeviceAdvanced typed={typed} set={set} text={text} error={error} problem={marks.problem} />
        <DeviceTestPanel typed={typed} />
        <div className="row">
          <Button type="submit" variant="primary" busy={saving.isPending}>
            {saving.isPending ? "Saving…" : id ? "Save" : "Add device"}
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
      {saving.comparing && other && base && (
        <DeviceConflict
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
  <Link to="/devices/$id" params={{ id }}>
    See who deleted it
  </Link>
);

interface ConflictProps {
  base: DeviceDetail;
  typed: Typed;
  other: DeviceDetail;
  busy: boolean;
  onSave: (typed: Typed) => void;
  onTheirs: () => void;
  onEdit: () => void;
}

function DeviceConflict({ base, typed, other, busy, onSave, onTheirs, onEdit }: ConflictProps) {
  const { draft } = draftOf(typed);
  // A device without a name is called as its address.
  const mine = { ...draft, name: draft.name ?? draft.address };
  const found = differences(DEVICE_FIELDS, base, mine, other);
  return (
    <Conflict
      other={other}
      found={found}
      busy={busy}
      onMine={() => onSave(typed)}
      onBoth={() => onSave(merged(found, typed, typedOf(other), formField))}
      onTheirs={onTheirs}
      onEdit={onEdit}
    />
  );
}
