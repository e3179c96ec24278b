// Kinds of credentials, each by its fields: the form, the list and what is sent follow from them.
import type { FieldSchema } from "../../parts/SchemaForm";

export interface Kind {
  kind: string;
  label: string;
  fields: readonly FieldSchema[];
}

export const KINDS: readonly Kind[] = [
  {
    kind: "snmp_v2c",
    label: "SNMP v2c community",
    fields: [
      {
        name: "community",
        label: "SNMP v2c community",
        kind: "secret",
        required: true,
        hint: "Kept encrypted and never shown again",
      },
    ],
  },
];

export const kindOf = (kind: string | undefined): Kind =>
  KINDS.find((each) => each.kind === kind) ?? (KINDS[0] as Kind);

/** Its name; one that is not known here is shown as it is. */
export const kindLabel = (kind: string): string =>
  KINDS.find((each) => each.kind === kind)?.label ?? kind;
