import { expect, it } from "vitest";
import type { CredentialField, CredentialKind } from "../src/api/types";
import { fieldsOf, kindLabel } from "../src/modules/credentials/kinds";

const field = (over: Partial<CredentialField>): CredentialField => ({
  name: "community",
  label: "SNMP community",
  help: "",
  form: "text",
  secret: true,
  required: true,
  when: null,
  min_length: 1,
  max_length: 255,
  choices: [],
  ...over,
});
const kind = (...fields: CredentialField[]): CredentialKind => ({
  name: "snmp_v2c",
  label: "SNMP v2c",
  help: "",
  used_by: ["snmp"],
  fields,
});
const first = (over: Partial<CredentialField>) => fieldsOf(kind(field(over)))[0];

it("a secret is hidden, with its limits, and says so", () => {
  expect(first({ help: "At least 8." })).toEqual({
    name: "community",
    label: "SNMP community",
    kind: "secret",
    required: true,
    hint: "At least 8. Kept encrypted and never shown again.",
    when: undefined,
    least: 1,
    most: 255,
  });
  expect(first({ form: "lines" })).toMatchObject({ kind: "lines", secret: true, most: 255 });
});

it("what is no secret is plain, and needs no hint", () => {
  const user = first({ secret: false });
  expect(user?.kind).toBe("text");
  expect(user).not.toHaveProperty("hint");
  expect(first({ secret: false, form: "lines" })).toMatchObject({ kind: "lines", secret: false });
});

it("choices and conditions are the API's", () => {
  const choices = [{ value: "sha", label: "SHA-1" }];
  const when = { field: "level", is: ["auth_priv"] };
  expect(first({ form: "choice", secret: false, choices, when })).toMatchObject({
    kind: "choice",
    options: choices,
    when,
  });
});

it("a kind that is not offered has the name that the API gives", () => {
  expect(kindLabel([kind()], "snmp_v2c")).toBe("SNMP v2c");
  expect(kindLabel([kind()], "ssh")).toBe("ssh");
  expect(kindLabel(undefined, "snmp_v2c")).toBe("snmp_v2c");
});
