// Add or edit a group.
import { linkOptions } from "@tanstack/react-router";
import type { DeviceGroup, DeviceGroupDraft } from "../../api/types";
import { EntityForm } from "../../entities/EntityForm";
import type { EntityKind, Opened } from "../../entities/form";
import { TextArea, TextField } from "../../parts/Field";
import { draftOf, EMPTY, formField, type Typed, typedOf } from "./draft";
import { GROUP_FIELDS } from "./fields";
import { ListedDevices } from "./ListedDevices";
import { createGroup, forgetGroups, groupQuery, updateGroup } from "./queries";
import "../inventory/inventory.css";
import "./groups.css";

const GROUP: EntityKind<DeviceGroup, Typed, DeviceGroupDraft> = {
  what: "group",
  fields: GROUP_FIELDS,
  page: (id) => linkOptions({ to: "/device-groups/$id", params: { id } }),
  list: linkOptions({ to: "/device-groups" }),
  empty: EMPTY,
  typedOf,
  draftOf,
  formField,
  query: groupQuery,
  create: createGroup,
  update: updateGroup,
  forget: forgetGroups,
};

export function GroupForm(props: Opened<DeviceGroup>) {
  return (
    <EntityForm kind={GROUP} {...props}>
      {({ typed, set, text, error }) => (
        <>
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
            error={error("devices")}
            onChange={(devices) => set({ devices })}
          />
        </>
      )}
    </EntityForm>
  );
}
