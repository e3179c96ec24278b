// The kinds of credential, as the API names their fields: form, list and what is sent follow.
import type { CredentialField, CredentialKind } from "../../api/types";
import type { FieldSchema } from "../../parts/SchemaForm";

const HIDDEN = "Kept encrypted and never shown again.";

export const fieldsOf = (kind: CredentialKind): FieldSchema[] => kind.fields.map(schemaOf);

function schemaOf(field: CredentialField): FieldSchema {
  const { name, label, required, secret } = field;
  const hint = [field.help, secret && HIDDEN].filter(Boolean).join(" ");
  const base = { name, label, required, ...(hint && { hint }), when: field.when ?? undefined };
  const lengths = { least: field.min_length ?? undefined, most: field.max_length ?? undefined };
  switch (field.form) {
    case "choice":
      return { ...base, kind: "choice", options: field.choices };
    case "lines":
      return { ...base, kind: "lines", secret, ...lengths };
    case "text":
      return { ...base, kind: secret ? "secret" : "text", ...lengths };
  }
}

/** Its name for people; of one that is not offered, the API's own. */
export const kindLabel = (kinds: readonly CredentialKind[] | undefined, name: string): string =>
  kinds?.find((kind) => kind.name === name)?.label ?? name;
