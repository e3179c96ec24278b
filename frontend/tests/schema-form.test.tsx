import { act, createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  emptyValues,
  type FieldSchema,
  filled,
  inForce,
  SchemaFields,
} from "../src/parts/SchemaForm";

let root: Root;
let box: HTMLElement;

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  box = document.body.appendChild(document.createElement("div"));
  root = createRoot(box);
});
afterEach(() => {
  act(() => root.unmount());
  box.remove();
});

const FIELDS: readonly FieldSchema[] = [
  { name: "user", label: "User", kind: "text", required: true },
  { name: "secret", label: "Password", kind: "secret", hint: "never shown again" },
  { name: "port", label: "Port", kind: "number", min: 1, max: 65_535 },
  {
    name: "protocol",
    label: "Protocol",
    kind: "choice",
    options: [
      { value: "sha", label: "SHA" },
      { value: "md5", label: "MD5" },
    ],
  },
  { name: "strict", label: "Strict", kind: "check" },
  { name: "key", label: "Key", kind: "lines", secret: true, least: 2, most: 9 },
];

it("a form follows from its fields", () => {
  const changed = vi.fn();
  const values = emptyValues(FIELDS);
  expect(values).toEqual({ user: "", secret: "", port: "", protocol: "sha", strict: "", key: "" });
  act(() =>
    root.render(
      createElement(SchemaFields, {
        fields: FIELDS,
        values,
        onChange: changed,
        error: (name) => (name === "user" ? "is taken" : undefined),
      }),
    ),
  );
  const labelled = (text: string) => {
    const label = [...box.querySelectorAll("label")].find((each) =>
      each.textContent?.startsWith(text),
    );
    return label?.htmlFor
      ? document.getElementById(label.htmlFor)
      : (label?.querySelector("input") ?? null);
  };
  for (const { label } of FIELDS) expect(labelled(label), label).not.toBeNull();
  expect(labelled("Password")?.getAttribute("type")).toBe("password");
  const key = labelled("Key");
  expect(key?.tagName).toBe("TEXTAREA");
  expect(key?.className).toContain("masked");
  expect([key?.getAttribute("minlength"), key?.getAttribute("maxlength")]).toEqual(["2", "9"]);
  expect(labelled("User")?.getAttribute("aria-invalid")).toBe("true");
  const about = labelled("User")?.getAttribute("aria-describedby") ?? "";
  expect(document.getElementById(about)?.textContent).toBe("is taken");
  act(() => labelled("Strict")?.click());
  expect(changed).toHaveBeenCalledWith("strict", "true");
});

it("fields that others decide about are shown and sent where they apply", () => {
  const fields: FieldSchema[] = [
    {
      name: "method",
      label: "Method",
      kind: "choice",
      options: [
        { value: "password", label: "password" },
        { value: "key", label: "key" },
      ],
    },
    {
      name: "password",
      label: "Password",
      kind: "secret",
      when: { field: "method", is: ["password"] },
    },
    { name: "key", label: "Key", kind: "lines", when: { field: "method", is: ["key"] } },
    { name: "note", label: "Note", kind: "text" },
  ];
  const values = { ...emptyValues(fields), password: "p", key: "k" };
  const names = (method: string) => inForce(fields, { ...values, method }).map(({ name }) => name);
  expect(names("password")).toEqual(["method", "password", "note"]);
  expect(names("key")).toEqual(["method", "key", "note"]);
  expect(names("another")).toEqual(["method", "note"]);
  expect(filled(fields, values)).toEqual({ method: "password", password: "p" });
  expect(filled(fields, { ...values, method: "key" })).toEqual({ method: "key", key: "k" });
});
