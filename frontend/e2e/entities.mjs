// What is configured: who changed what, two who change the same, groups of devices.
import { goto } from "./altered.mjs";
import { ask, check, focused, look, until } from "./help.mjs";

/** Somebody else's change, past the page; the mock lets it be somebody else's name. */
const elsewhere = (page, method, path, body) =>
  page.evaluate(
    async ({ method, path, body }) => {
      const headers = { "content-type": "application/json", "x-mock-user": "anna" };
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      const response = await fetch(path, init);
      return { status: response.status, body: await response.json().catch(() => null) };
    },
    { method, path, body },
  );

/** Never polled: nothing is there. */
const device = (name, more = {}) => ({
  name,
  address: `${name}.example.net`,
  snmp: false,
  enabled: false,
  ...more,
});

async function addDevice(page, body) {
  const made = await elsewhere(page, "POST", "/inventory/v1/devices", body);
  check(made.status === 201, `a device was not added: ${JSON.stringify(made.body)}`);
  return `/inventory/v1/devices/${made.body.id}`;
}

/** A toast is a dialog too. */
const theDialog = (page) => page.locator(".dialog");

const rowOf = (dialog, field) =>
  dialog.locator("tbody tr", { has: dialog.page().getByRole("rowheader", { name: field }) });

async function twoChangeOne({ page, setup, complaints }) {
  const name = `e2e-two-${Date.now()}`;
  await goto(page, setup, "/devices/new");
  const path = await addDevice(page, device(name));
  const id = path.split("/").at(-1);
  const dialog = theDialog(page);
  const openForm = async () => {
    await goto(page, setup, `/devices/${id}/edit`);
    await page.getByLabel("Site").waitFor();
  };
  const press = (button) => dialog.getByRole("button", { name: button, exact: true }).click();
  const save = () => page.getByRole("button", { name: "Save", exact: true }).click();

  // Each another field: both can stay.
  await openForm();
  await page.getByLabel("Site").fill("mine-1");
  await elsewhere(page, "PUT", path, device(name, { tags: ["theirs"] }));
  await save();
  await dialog.getByText("was changed meanwhile").waitFor();
  check(/mine-1.*none/s.test(await rowOf(dialog, "Site").textContent()), "my site is not shown");
  check(/none.*theirs/s.test(await rowOf(dialog, "Tags").textContent()), "their tag is not shown");
  const inside = await page.evaluate(
    () => document.activeElement?.closest("[role=dialog]") !== null,
  );
  check(inside, "the focus is not in the dialog");
  await look(page, setup, "conflict-both");
  await press("Keep both");
  await page.waitForURL((url) => url.pathname === `/devices/${id}`);
  const both = (await ask(page, path)).body;
  check(both.site === "mine-1" && both.tags[0] === "theirs", `saved ${both.site}, ${both.tags}`);

  // The same field: mine or theirs, and nothing is saved before that is said.
  await openForm();
  await page.getByLabel("Site").fill("mine-2");
  await elsewhere(page, "PUT", path, device(name, { site: "theirs-2", interval_ms: 30_000 }));
  await save();
  await rowOf(dialog, "Site").getByText("theirs-2").waitFor();
  check((await dialog.getByRole("button", { name: "Keep both" }).count()) === 0, "both at once");
  await look(page, setup, "conflict");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  check(/^BUTTON Save/.test(await focused(page)), `the focus is at ${await focused(page)}`);
  await page.getByText(/Not saved: .* changed it/).waitFor();
  check((await page.getByLabel("Site").inputValue()) === "mine-2", "what was typed is lost");
  await look(page, setup, "device-form-conflict", { whole: true });
  await page.getByRole("button", { name: "Compare both versions" }).click();
  await press("Take theirs");
  await dialog.waitFor({ state: "detached" });
  check((await page.getByLabel("Site").inputValue()) === "theirs-2", "theirs is not in the form");
  await page.getByLabel("Site").fill("mine-3");
  await elsewhere(page, "PUT", path, device(name, { site: "theirs-3" }));
  await save();
  await rowOf(dialog, "Site").getByText("theirs-3").waitFor();
  await press("Keep mine");
  await page.waitForURL((url) => url.pathname === `/devices/${id}`);
  const mine = (await ask(page, path)).body;
  check(mine.site === "mine-3" && mine.interval_ms === 30_000, `saved ${mine.site}`);

  // It is removed in another state than the one seen only when asked once more.
  await page.getByRole("button", { name: "Delete" }).click();
  await elsewhere(page, "PUT", path, device(name, { site: "theirs-4" }));
  await press("Delete");
  await dialog.getByText("Not deleted:").waitFor();
  check(/mine-3.*theirs-4/s.test(await dialog.textContent()), "the change is not shown");
  await look(page, setup, "delete-conflict");
  await press("Delete it all the same");
  await page.waitForURL((url) => url.pathname === "/");

  // Who did it is on record, also of what is gone.
  await goto(page, setup, `/devices/${id}`);
  await page.getByText("This device was removed").waitFor();
  const versions = page.locator(".versions > li");
  await until("all versions", 10_000, async () => (await versions.count()) >= 7);
  check(/removed it/.test(await versions.first().textContent()), "the removal is not on record");
  await look(page, setup, "device-removed-history");
  complaints.length = 0;
}

/** What became of a try that was not answered, of the same change twice, of what is gone. */
async function otherOutcomes({ page, setup, complaints }) {
  const name = `e2e-out-${Date.now()}`;
  await goto(page, setup, "/devices/new");
  const path = await addDevice(page, device(name));
  const save = page.getByRole("button", { name: "Save", exact: true });
  await goto(page, setup, `${path.replace("/inventory/v1", "")}/edit`);
  await page.getByLabel("Site").fill("same");
  const problem = { title: "Unavailable", status: 503, detail: "not answered yet" };
  const unanswered = (route) =>
    route.request().method() === "PUT"
      ? route.fulfill({ status: 503, contentType: "application/problem+json", json: problem })
      : route.continue();
  await page.route(`**${path}`, unanswered);
  await save.click();
  await page.getByText("It is not known whether it was saved: not answered yet").waitFor();
  await page.unroute(`**${path}`, unanswered);
  await elsewhere(page, "PUT", path, device(name, { site: "same" }));
  await save.click();
  await theDialog(page).getByText("Nothing differs").waitFor();
  await look(page, setup, "conflict-nothing");
  await theDialog(page).getByRole("button", { name: "Close" }).last().click();
  await page.getByLabel("Site").fill("typed");
  await elsewhere(page, "DELETE", path);
  await save.click();
  await page.getByText("It was deleted meanwhile").waitFor();
  check((await page.getByLabel("Site").inputValue()) === "typed", "what was typed is lost");
  await look(page, setup, "device-form-removed");
  await page.getByRole("link", { name: "See who deleted it" }).click();
  await page.getByText("This device was removed").waitFor();
  complaints.length = 0;
}

async function deviceHistory({ page, setup }) {
  const name = `e2e-history-${Date.now()}`;
  await goto(page, setup, "/");
  const path = await addDevice(page, device(name));
  await elsewhere(page, "PUT", path, device(name, { site: "ber-9", tags: ["core", "edge"] }));
  await goto(page, setup, `/devices/${path.split("/").at(-1)}`);
  await page.getByRole("tab", { name: "Now", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForURL(/tab=history/);
  const versions = page.locator(".versions > li");
  await until("both versions", 10_000, async () => (await versions.count()) === 2);
  const newest = await versions.first().textContent();
  check(/changed it/.test(newest) && /Site.*none.*ber-9/s.test(newest), `it says ${newest}`);
  await versions.last().getByText("The device as it was then").click();
  await look(page, setup, "device-history");
  await page.goBack();
  await page.getByRole("tab", { name: "Now", selected: true }).waitFor();
  await elsewhere(page, "DELETE", path);
}

async function groups({ page, setup, complaints }) {
  const name = `e2e-group-${Date.now()}`;
  const dialog = theDialog(page);
  await goto(page, setup, "/");
  const path = await addDevice(page, device(`${name}-a`, { tags: [name] }));
  const second = await addDevice(page, device(`${name}-b`));
  await page.locator("nav.places").getByRole("link", { name: "Groups" }).click();
  await page.getByRole("heading", { level: 1, name: "Device groups" }).waitFor();
  await page
    .getByRole("link", { name: /Add (group|the first group)/ })
    .first()
    .click();
  await page.getByRole("button", { name: "Add group" }).click();
  await page.getByText("A name is needed.").waitFor();
  await until("the focus at the name", 5000, async () => /^INPUT/.test(await focused(page)));
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Description").fill("Two lines\nof a description");
  await page.getByLabel("Tags").fill(name);
  const find = page.getByRole("combobox", { name: "Add a device" });
  await find.fill("no device has this name");
  await page.getByText("No device matches").waitFor();
  await find.fill(`${name}-b`);
  await page.getByRole("option", { name: `${name}-b` }).waitFor();
  await look(page, setup, "group-finder", { scope: "[data-base-ui-portal]" });
  await page.keyboard.press("Enter");
  await page.getByRole("cell", { name: `${name}-b`, exact: true }).waitFor();
  check((await find.inputValue()) === "", "the finder keeps what was found");
  await look(page, setup, "group-form", { whole: true });
  await page.getByRole("button", { name: "Add group" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.locator("table.devices .row-link", { hasText: `${name}-a` }).waitFor();
  await page.locator("table.devices .row-link", { hasText: `${name}-b` }).waitFor();
  await page.getByText("of 2 devices").or(page.getByText("All up: 2 devices")).waitFor();
  await look(page, setup, "group");
  await page.getByRole("link", { name: "Filter in Devices" }).click();
  await page.getByRole("button", { name: `Group: ${name}` }).waitFor();
  await until(
    "the two",
    10_000,
    async () => (await page.locator("table.devices .row-link").count()) === 2,
  );
  await look(page, setup, "devices-of-group");

  // Both add a device to the list: it has both.
  const group = (await ask(page, `/inventory/v1/device-groups?q=${name}`)).body.items[0];
  const own = `/inventory/v1/device-groups/${group.id}`;
  await goto(page, setup, `/device-groups/${group.id}/edit`);
  await page.getByRole("button", { name: `Take ${name}-b off the list` }).click();
  const { members: _m, revision: _r, updated_at: _a, updated_by: _b, id: _i, ...body } = group;
  const listed = [...body.devices, path.split("/").at(-1)];
  const theirs = await elsewhere(page, "PUT", own, { ...body, devices: listed });
  check(theirs.status === 200, `the other change was answered ${theirs.status}`);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByText("was changed meanwhile").waitFor();
  const row = await rowOf(dialog, "Listed devices").textContent();
  check(row.includes(`removed ${name}-b`) && row.includes(`added ${name}-a`), `it says ${row}`);
  await look(page, setup, "group-conflict");
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await page.getByRole("tab", { name: "History" }).click();
  await until(
    "three versions",
    10_000,
    async () => (await page.locator(".versions > li").count()) === 3,
  );
  await look(page, setup, "group-history");
  const merged = (await ask(page, own)).body.devices;
  check(merged.length === 1 && listed[1] === merged[0], `the list is ${merged}`);

  // A device that goes leaves the list.
  await elsewhere(page, "DELETE", path);
  await until(
    "it left the group",
    20_000,
    async () => (await ask(page, own)).body.devices.length === 0,
  );
  await elsewhere(page, "DELETE", second);
  await goto(page, setup, `/device-groups/${group.id}`);
  await page.getByText("No device belongs to it").first().waitFor();
  await look(page, setup, "group-empty");
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByText("only the group goes").waitFor();
  await look(page, setup, "group-delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { level: 1, name: "Device groups" }).waitFor();
  await page.getByRole("link", { name }).waitFor({ state: "detached" });
  await look(page, setup, "groups");
  await goto(page, setup, `/device-groups/${group.id}`);
  await page.getByText("This group was removed").waitFor();
  await look(page, setup, "group-removed");
  complaints.length = 0;
}

async function onPhone({ page, setup }) {
  const name = `e2e-phone-${Date.now()}`;
  const narrow = async (where) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `${where} is ${wide} px wider than the phone`);
  };
  await goto(page, setup, "/");
  const path = await addDevice(page, device(name, { site: "here" }));
  const id = path.split("/").at(-1);
  const body = { name, description: "On a phone", devices: [id] };
  const group = (await elsewhere(page, "POST", "/inventory/v1/device-groups", body)).body;
  await page.setViewportSize({ width: 390, height: 844 });
  try {
    await goto(page, setup, "/device-groups");
    await page.getByRole("link", { name }).waitFor();
    await narrow("the list of groups");
    await look(page, setup, "phone-groups");
    await goto(page, setup, `/device-groups/${group.id}`);
    await page.locator("table.devices .row-link").first().waitFor();
    await narrow("a group");
    await look(page, setup, "phone-group");
    await goto(page, setup, `/device-groups/${group.id}/edit`);
    await page.getByRole("cell", { name, exact: true }).waitFor();
    await narrow("the form of a group");
    await look(page, setup, "phone-group-form", { whole: true });
    await goto(page, setup, `/devices/${id}/edit`);
    await page.getByLabel("Site").fill("a site with a rather long name of mine");
    await elsewhere(page, "PUT", path, device(name, { site: "another-name-without-a-blank" }));
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await theDialog(page).getByText("was changed meanwhile").waitFor();
    await narrow("the dialog");
    await look(page, setup, "phone-conflict");
    await goto(page, setup, `/devices/${id}?tab=history`);
    await page.locator(".versions > li").first().waitFor();
    await narrow("the history");
    await look(page, setup, "phone-history");
  } finally {
    await page.setViewportSize({ width: 1280, height: 900 });
    await elsewhere(page, "DELETE", `/inventory/v1/device-groups/${group.id}`);
    await elsewhere(page, "DELETE", path);
  }
}

/** That a secret was replaced, and by whom; never what it is. */
async function credentialHistory({ page, setup }) {
  const name = `e2e-cred-${Date.now()}`;
  const path = `/credentials/v1/credentials/${name}`;
  const kind = { kind: "snmp_v2c" };
  await goto(page, setup, "/");
  await elsewhere(page, "PUT", path, { ...kind, community: "canary-one" });
  await elsewhere(page, "PUT", path, { ...kind, community: "canary-two" });
  await goto(page, setup, "/credentials");
  await page.getByRole("button", { name: `History of ${name}` }).click();
  const versions = page.locator(".versions > li");
  await until("both versions", 10_000, async () => (await versions.count()) === 2);
  check(/changed it.*Secret/s.test(await versions.first().textContent()), "no other secret");
  check(!/canary/.test(await page.content()), "a secret is on the page");
  await look(page, setup, "credential-history");
  await page.keyboard.press("Escape");
  await theDialog(page).waitFor({ state: "detached" });
  check(/History of/.test(await focused(page)), `the focus is at ${await focused(page)}`);
  await elsewhere(page, "DELETE", path);
}

/** The pages by themselves, as the mock's network has them. */
async function invented({ page, setup }) {
  if (!setup.mock) return;
  await goto(page, setup, "/device-groups");
  await page.getByRole("link", { name: "Core routers" }).click();
  await page.locator("table.devices .row-link").first().waitFor();
  await look(page, setup, "group-core");
  await page.getByRole("tab", { name: "History" }).click();
  await page.getByText("added").first().waitFor();
  await look(page, setup, "group-core-history");
}

export const entityTests = [
  ["entities: two change one device", twoChangeOne],
  ["entities: other outcomes of a change", otherOutcomes],
  ["entities: the history of a device", deviceHistory],
  ["entities: groups of devices", groups],
  ["entities: the history of a credential", credentialHistory],
  ["entities: on a phone", onPhone],
  ["entities: an invented group", invented],
];
