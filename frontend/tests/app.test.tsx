// The whole program over the mock's answers: every page is drawn, and the focus goes to its heading.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
// @ts-expect-error: plain JavaScript
import { ROUTES } from "../mock/answers.mjs";
import { App } from "../src/app/App";
import { router } from "../src/app/router";

interface Asked {
  query: URLSearchParams;
  body: unknown;
  me: object;
  id: string | undefined;
  match: string | undefined;
}
type Route = [method: string, pattern: RegExp, run: (asked: Asked) => unknown];

const me = { username: "admin", expires_at: Date.now() + 864e5, one_time_password: true };

async function answer(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const { pathname, searchParams: query } = new URL(String(input), "http://mock");
  if (pathname === "/monitoring/v1/events") return new Promise(() => undefined);
  for (const [method, pattern, run] of ROUTES as Route[]) {
    const found = pattern.exec(pathname);
    if (method !== (init.method ?? "GET") || !found) continue;
    const body = init.body ? JSON.parse(String(init.body)) : {};
    const match = new Headers(init.headers).get("if-match") ?? undefined;
    try {
      const made = await run({ query, body, me, id: found[1], match });
      const [status, content] = Array.isArray(made) ? made : [200, made];
      return new Response(content === undefined ? null : JSON.stringify(content), { status });
    } catch (error) {
      const problem = (error as { body?: { status: number } }).body;
      if (!problem) throw error;
      return new Response(JSON.stringify(problem), { status: problem.status });
    }
  }
  return new Response(JSON.stringify({ title: "Not Found", status: 404 }), { status: 404 });
}

let root: Root;
let box: HTMLElement;
const complaints: unknown[] = [];

beforeAll(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  vi.stubGlobal("fetch", vi.fn(answer));
  vi.spyOn(console, "error").mockImplementation((...said) => complaints.push(said));
  vi.stubGlobal("scrollTo", () => undefined);
  box = document.body.appendChild(document.createElement("div"));
  root = createRoot(box);
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  await act(async () => {
    root.render(createElement(QueryClientProvider, { client }, createElement(App)));
  });
});
afterAll(() => {
  act(() => root.unmount());
  box.remove();
  vi.unstubAllGlobals();
});
beforeEach(() => {
  complaints.length = 0;
});

/** React's own warnings: keys, nesting, attributes, updates out of place. */
afterEach(() => {
  expect(complaints).toEqual([]);
});

/** Lets answers, chunks and effects come. */
const settle = () => act(() => new Promise((resolve) => setTimeout(resolve, 30)));

async function until<T>(what: string, look: () => T | null | undefined | false): Promise<T> {
  for (let i = 0; i < 100; i += 1) {
    const found = look();
    if (found) return found;
    await settle();
  }
  throw new Error(`not there: ${what}; there is: ${box.textContent?.slice(0, 400)}`);
}

const open = async (href: string) => {
  await act(() => router.navigate({ href }));
  await settle();
};
const heading = () => box.querySelector("main h1");
const rows = (table: string) => box.querySelectorAll(`table[aria-label="${table}"] tbody tr`);

it("the devices are listed with the verdict on top", async () => {
  await until("rows", () => rows("Devices").length > 10);
  expect(heading()?.textContent).toMatch(/down|degraded|All well/);
  expect(document.title).toBe("Devices · OpsConductor");
  expect(document.activeElement).toBe(document.body);
  expect([...box.querySelectorAll("nav.places a")].map((a) => a.textContent)).toContain("Devices");
  expect(box.querySelector("nav.places a[aria-current]")?.textContent).toBe("Devices");
});

it.each([
  ["/anomalies", /anomal/i],
  ["/credentials", /^Credentials$/],
  ["/system", /warning|works|component/],
  ["/system/log", /^Log$/],
  ["/account", /^Your account$/],
  ["/devices/new", /^Add device$/],
  ["/device-groups", /^Device groups$/],
  ["/device-groups/new", /^Add group$/],
  ["/no/such/page", /^Not found$/],
  ["/design", /^Design$/],
])("%s has its heading, and the focus there", async (path, text) => {
  await open(path);
  // While it loads it has one too, for those who do not see it.
  await until(
    "the focus at its heading",
    () => document.activeElement === heading() && text.test(heading()?.textContent ?? ""),
  );
  expect(box.querySelectorAll("h1")).toHaveLength(1);
  expect(box.querySelector(".face-error")?.textContent ?? "").not.toContain("could not be shown");
});

it("a device has its name as heading, its ports, and a form with what it has", async () => {
  await open("/?state=up");
  const link = await until("a device that is up", () =>
    box.querySelector<HTMLAnchorElement>("table[aria-label=Devices] .row-link"),
  );
  const name = link.textContent;
  await open(new URL(link.href).pathname);
  await until("its name", () => heading()?.textContent === name);
  expect(document.title).toBe(`${name} · OpsConductor`);
  await until("its ports", () => rows("Interfaces").length > 1);
  const at = router.state.location.pathname;
  await open(`${at}/edit`);
  const field = await until("the form", () =>
    box.querySelector<HTMLInputElement>("input[name=name]"),
  );
  expect(field.value).toBe(name);
});

it("two change one device: both versions are shown, and mine is saved when I say so", async () => {
  await open("/?state=up");
  const link = await until("a device that is up", () =>
    box.querySelector<HTMLAnchorElement>("table[aria-label=Devices] .row-link"),
  );
  const path = new URL(link.href).pathname;
  await open(`${path}/edit`);
  const field = await until("the form", () =>
    box.querySelector<HTMLInputElement>("input[name=site]"),
  );
  await type(field, "mine");
  const api = `/inventory/v1${path}`;
  const { name, address, credential, tags } = await (await answer(api)).json();
  const body = JSON.stringify({ name, address, credential, tags, site: "theirs" });
  await answer(api, { method: "PUT", body });
  const button = (text: string) =>
    [...document.querySelectorAll("button")].find((each) => each.textContent === text);
  await press(button("Save"));
  const dialog = await until("both versions", () => document.querySelector(".dialog.wide"));
  expect(dialog.textContent).toMatch(/Yours.*Site.*mine.*theirs/s);
  expect((await (await answer(api)).json()).site).toBe("theirs");
  await key("Escape");
  await until("the dialog to be gone", () => !document.querySelector(".dialog"));
  expect(field.value).toBe("mine");
  await press(button("Compare both versions"));
  await until("both versions again", () => document.querySelector(".dialog.wide"));
  await press(button("Keep mine"));
  await until("its page", () => router.state.location.pathname === path);
  expect((await (await answer(api)).json()).site).toBe("mine");
  await open(`${path}?tab=history`);
  await until("its versions", () => box.querySelectorAll(".versions > li").length > 3);
  expect(box.querySelector(".versions > li")?.textContent).toMatch(
    /admin changed it.*theirs.*mine/s,
  );
});

it("a group shows its devices, and the list of devices is narrowed down to it", async () => {
  await open("/device-groups");
  const link = await until("a group", () =>
    box.querySelector<HTMLAnchorElement>("table[aria-label='Device groups'] .row-link"),
  );
  await open(new URL(link.href).pathname);
  await until("its devices", () => rows("Devices").length > 1);
  const members = rows("Devices").length;
  const id = new URL(link.href).pathname.split("/").at(-1);
  await open(`/?group=${id}`);
  await until("the same devices", () => rows("Devices").length === members);
  const filter = box.querySelector(`button[aria-label="Group: ${link.textContent}"]`);
  expect(filter).not.toBeNull();
});

it("ports are sorted by their columns, in the URL", async () => {
  await open("/?state=up");
  const link = await until("a device that is up", () =>
    box.querySelector<HTMLAnchorElement>("table[aria-label=Devices] .row-link"),
  );
  await open(`${new URL(link.href).pathname}?ports=in`);
  await until("its ports", () => rows("Interfaces").length > 1);
  const th = [...box.querySelectorAll("table[aria-label=Interfaces] th")];
  expect(th.find((each) => each.textContent === "In")?.getAttribute("aria-sort")).toBe(
    "descending",
  );
  const button = th.find((each) => each.textContent === "Name")?.querySelector("button");
  await act(async () => button?.click());
  await until("the other order", () => router.state.location.search.ports === "name");
});

it("what is typed into a filter is in the URL, and a link leads it", async () => {
  await open("/?q=core");
  const field = await until("the filter", () =>
    box.querySelector<HTMLInputElement>("main input[type=search]"),
  );
  expect(field.value).toBe("core");
  await open("/");
  await until("an empty filter", () => field.value === "");
});

it("an anomaly's reasons open by the URL, on whatever page", async () => {
  await open("/anomalies");
  const why = await until("an anomaly", () =>
    box.querySelector<HTMLAnchorElement>("[data-anomaly] a[aria-label^=Why]"),
  );
  expect(new URL(why.href).search).toContain("why=");
  await open(`/${new URL(why.href).search}`);
  await until("the reasons", () => document.querySelector("[role=dialog] .why-sentence"));
  await open("/");
});

it("a process leads to its lines, and a component to its own, in the URL", async () => {
  await open("/system");
  const link = await until("a process", () =>
    box.querySelector<HTMLAnchorElement>("table[aria-label=Processes] tbody a"),
  );
  await press(link);
  await until("its lines", () => rows("Log").length > 1);
  expect(router.state.location).toMatchObject({
    pathname: "/system/log",
    search: { process: link.textContent },
  });
  const own = box.querySelectorAll(`table[aria-label=Log] a`);
  const component = own[0]?.textContent;
  await press(own[0]);
  await until("the filter", () => router.state.location.search.component === component);
  await open("/system/log?level=error&process=nobody");
  await until("no line", () => /No line matches/.test(box.textContent ?? ""));
});

/** As React takes it. */
const type = (field: HTMLInputElement, text: string) =>
  act(async () => {
    const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
    value?.set?.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
const press = (element: Element | null | undefined) =>
  act(async () => {
    (element as HTMLElement).focus();
    (element as HTMLElement).click();
  });
const key = (name: string) =>
  act(async () => {
    const target = document.activeElement ?? document.body;
    target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  });

it("a dialog gives the focus back to what opened it", async () => {
  await open("/credentials");
  const add = await until("the button", () =>
    [...box.querySelectorAll("button")].find((each) => each.textContent === "Add credential"),
  );
  await press(add);
  await until("the form", () => document.activeElement?.tagName === "INPUT");
  expect(document.activeElement?.closest("[role=dialog]")).not.toBeNull();
  await key("Escape");
  await until("the dialog to be gone", () => !document.querySelector(".dialog"));
  await until("the focus at the button", () => document.activeElement === add);
});

it("a menu opens, chooses into the URL, and gives the focus back", async () => {
  await open("/anomalies");
  const button = await until("the filter", () =>
    box.querySelector<HTMLElement>("button[aria-label^='State:']"),
  );
  await press(button);
  const cleared = await until("the menu", () =>
    [...document.querySelectorAll("[role=menuitemradio]")].find(
      (each) => each.textContent === "cleared",
    ),
  );
  await press(cleared);
  await until("the choice in the URL", () => router.state.location.search.open === "false");
  await until("the menu to be gone", () => !document.querySelector("[role=menu]"));
  await until("the focus at the button", () => document.activeElement === button);
});

it("the search finds devices and pages, and Enter goes there", async () => {
  await open("/system");
  const link = box.querySelector<HTMLElement>("nav.places a");
  link?.focus();
  await key("/");
  const input = await until("the search", () =>
    document.querySelector<HTMLInputElement>("[role=dialog] input[role=combobox]"),
  );
  await until("its focus", () => document.activeElement === input);
  await until("the pages", () => document.querySelector("[role=option]"));
  await key("Escape");
  await until("it to be gone", () => !document.querySelector(".palette"));
  await until("the focus where it was", () => document.activeElement === link);
});
