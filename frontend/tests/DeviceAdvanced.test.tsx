import { act, createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import { DeviceAdvanced } from "../src/modules/inventory/DeviceAdvanced";
import { EMPTY, type Typed } from "../src/modules/inventory/draft";

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

const refused = (field: string) =>
  new ApiError({ title: "No", status: 422, errors: [{ field, detail: `${field} is wrong` }] });

function draw(change: Partial<Typed> = {}, problem: ApiError | null = null) {
  const typed = { ...EMPTY, credential: "lab", ...change };
  const error = (field: keyof Typed) => problem?.field(field);
  const props = {
    typed,
    error,
    problem,
    set: () => undefined,
    text: (field: "icmp_echoes" | "icmp_spacing_ms" | "icmp_timeout_ms") => ({
      name: field,
      value: typed[field],
      error: error(field),
      onChange: () => undefined,
    }),
  };
  act(() => root.render(createElement(DeviceAdvanced, props)));
}

const details = () => box.querySelector("details") as HTMLDetailsElement;
const input = (name: string) =>
  box.querySelector(
    `input[data-name=${name}], input[type=checkbox][name=${name}]`,
  ) as HTMLInputElement;
/** What a screen reader says of an element beside its label. */
const about = (element: Element) =>
  (element.getAttribute("aria-describedby") ?? "")
    .split(" ")
    .map((id) => document.getElementById(id)?.textContent)
    .join(" ");

it("is closed where nothing is set, and open where something is", () => {
  draw();
  expect(details().open).toBe(false);
  act(() => root.unmount());
  root = createRoot(box);
  draw({ icmp_timeout_ms: "3000" });
  expect(details().open).toBe(true);
});

it("opens at what is refused in it, at each try, and not for others", () => {
  draw({}, refused("address"));
  expect(details().open).toBe(false);
  for (const field of ["icmp_spacing_ms", "any_source"]) {
    draw({}, refused(field));
    expect(details().open).toBe(true);
    expect(input(field).getAttribute("aria-invalid")).toBe("true");
    expect(about(input(field))).toContain(`${field} is wrong`);
    act(() => {
      details().open = false;
      details().dispatchEvent(new Event("toggle"));
    });
    expect(details().open).toBe(false);
  }
});

it("says what each is for, its range and its default", () => {
  draw();
  expect(input("icmp_echoes").placeholder).toContain("3");
  expect(input("icmp_spacing_ms").placeholder).toBe("default: 200");
  expect(input("icmp_timeout_ms").placeholder).toBe("default: 1000");
  expect(about(input("icmp_echoes"))).toMatch(/1 to 20.*loss/);
  expect(about(input("icmp_spacing_ms"))).toMatch(/0 to 10000.*rate limits/);
  expect(about(input("icmp_timeout_ms"))).toMatch(/10 to 60000.*latency/);
  expect(about(input("any_source"))).toMatch(/Default: off.*loopback/);
});

it("rests where its protocol is off, and keeps what was typed", () => {
  draw({ icmp: false, icmp_echoes: "7" });
  expect(input("icmp_echoes").matches("fieldset:disabled input")).toBe(true);
  expect(input("icmp_echoes").value).toBe("7");
  expect(about(box.querySelectorAll("fieldset")[1] as Element)).toContain("ICMP is off");
  expect(box.querySelectorAll("fieldset")[0]?.disabled).toBe(false);
  draw({ credential: "", any_source: true });
  expect(box.querySelectorAll("fieldset")[0]?.disabled).toBe(true);
  expect(input("any_source").checked).toBe(true);
  expect(about(input("any_source"))).toContain("SNMP is off");
  expect(box.querySelectorAll("fieldset")[1]?.disabled).toBe(false);
});
