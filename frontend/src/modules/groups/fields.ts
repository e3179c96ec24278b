// What a group is made of, in words: for its history, and where two change it at once.
import type { EntityField } from "../../entities/fields";
import { DeviceLink, DeviceName } from "./DeviceName";

const fieldsWith = (Item: NonNullable<EntityField["Item"]>): readonly EntityField[] => [
  { name: "name", label: "Name" },
  { name: "description", label: "Description" },
  { name: "site", label: "Site" },
  { name: "tags", label: "Tags" },
  { name: "devices", label: "Listed devices", Item },
];

/** Beside a form, where a link would lose what was typed. */
export const GROUP_FIELDS = fieldsWith(DeviceName);
export const LINKED_FIELDS = fieldsWith(DeviceLink);
