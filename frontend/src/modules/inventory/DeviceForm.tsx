// Add or edit a device.
import { linkOptions } from "@tanstack/react-router";
import type { DeviceDetail, DeviceDraft } from "../../api/types";
import { EntityForm } from "../../entities/EntityForm";
import type { EntityKind, Opened } from "../../entities/form";
import { TextField } from "../../parts/Field";
import { NumberField } from "../../parts/NumberField";
import { DeviceAdvanced } from "./DeviceAdvanced";
import { Checks, CredentialChoice, ProfileChoice } from "./DeviceChoices";
import { DeviceTestPanel } from "./DeviceTest";
import { draftOf, EMPTY, formField, type Typed, typedOf } from "./draft";
import { DEVICE_FIELDS } from "./fields";
import { createDevice, deviceQuery, forgetInventory, updateDevice } from "./queries";
import "./inventory.css";

const DEVICE: EntityKind<DeviceDetail, Typed, DeviceDraft> = {
  what: "device",
  fields: DEVICE_FIELDS,
  page: (id) => linkOptions({ to: "/devices/$id", params: { id } }),
  list: linkOptions({ to: "/" }),
  empty: EMPTY,
  typedOf,
  draftOf,
  formField,
  // A device without a name is called as its address.
  savedAs: (draft) => ({ ...draft, name: draft.name ?? draft.address }),
  query: deviceQuery,
  create: createDevice,
  update: updateDevice,
  forget: (client, id) => {
    forgetInventory(client);
    void client.invalidateQueries({ queryKey: ["device", id] });
  },
};

export function DeviceForm(props: Opened<DeviceDetail>) {
  return (
    <EntityForm kind={DEVICE} {...props}>
      {({ typed, set, text, error, problem }) => (
        <>
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
          <DeviceAdvanced typed={typed} set={set} text={text} error={error} problem={problem} />
          <DeviceTestPanel typed={typed} />
        </>
      )}
    </EntityForm>
  );
}
