import { act, createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { emptyValues, type FieldSchema, SchemaFields } from "../src/parts/SchemaForm";

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
];

it("a form follows from its fields", () => {
  const changed = vi.fn();
  const values = emptyValues(FIELDS);
  expect(values).toEqual({ user: "", secret: "", port: "", protocol: "sha", strict: "" });
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
  expect(labelled("User")?.getAttribute("aria-invalid")).toBe("true");
  const about = labelled("User")?.getAttribute("aria-describedby") ?? "";
  expect(document.getElementById(about)?.textContent).toBe("is taken");
  act(() => labelled("Strict")?.click());
  expect(changed).toHaveBeenCalledWith("strict", "true");
});
