// FOR DEVELOPMENT ONLY: kinds of credential, with every sort of field that there is.
import { Problem } from "./state.mjs";

const FIELD = {
  help: "",
  form: "text",
  secret: false,
  required: true,
  when: null,
  min_length: 1,
  max_length: 255,
  choices: [],
};
const CHOICE = { ...FIELD, form: "choice", min_length: null, max_length: null };
const byKey = { field: "method", is: ["private_key"] };

export const KINDS = [
  {
    name: "snmp_v2c",
    label: "SNMP v2c",
    help: "The community that agents answer to.",
    used_by: ["snmp"],
    fields: [{ ...FIELD, name: "community", label: "SNMP community", secret: true }],
  },
  {
    name: "ssh",
    label: "SSH",
    help: "A user's password or private key.",
    used_by: ["ssh"],
    fields: [
      { ...FIELD, name: "user", label: "User name" },
      {
        ...CHOICE,
        name: "method",
        label: "Signs in by",
        choices: [
          { value: "password", label: "password" },
          { value: "private_key", label: "private key" },
        ],
      },
      {
        ...FIELD,
        name: "password",
        label: "Password",
        secret: true,
        when: { field: "method", is: ["password"] },
        max_length: 1024,
      },
      {
        ...FIELD,
        name: "private_key",
        label: "Private key",
        help: "In the form of OpenSSH or PKCS#8 (PEM).",
        form: "lines",
        secret: true,
        when: byKey,
        max_length: 16_384,
      },
      {
        ...FIELD,
        name: "passphrase",
        label: "Passphrase of the private key",
        secret: true,
        required: false,
        when: byKey,
        max_length: 1024,
      },
    ],
  },
];

/** What the real one refuses: fields that are missing, and fields that do not belong there. */
export function checkCredential({ name: _, kind, ...given }) {
  const known = KINDS.find((each) => each.name === kind);
  if (!known) refuse([{ field: "kind", detail: "must be one of: snmp_v2c, ssh" }]);
  const applies = known.fields.filter(({ when }) => !when || when.is.includes(given[when.field]));
  const missing = applies
    .filter((field) => field.required && !given[field.name])
    .map((field) => ({ field: field.name, detail: "is missing" }));
  const unknown = Object.keys(given)
    .filter((name) => !applies.some((field) => field.name === name))
    .map((field) => ({ field, detail: "is not known here" }));
  refuse([...missing, ...unknown]);
}

function refuse(errors) {
  if (errors.length) throw new Problem(422, "Not valid", "See the fields.", errors);
}
