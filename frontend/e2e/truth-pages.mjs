// That pages fail with a reason, forms refuse what cannot work, and Live means live.
import { goto } from "./altered.mjs";
import { ask, axe, check, logOut, look, until } from "./help.mjs";

/** A part that does not load: afresh once, then a face with the reason; never a white page. */
async function missingPart({ page, setup, complaints }) {
  const part = /\/assets\/SystemPage-[^/]*\.js/;
  let loads = 0;
  // Of the page itself: what it is made of is asked for later.
  const count = (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) loads += 1;
  };
  await goto(page, setup, "/");
  await page.locator("h1").waitFor();
  await page.evaluate(() => sessionStorage.removeItem("reloaded-for-a-part"));
  page.on("request", count);
  // The browser may ask for it twice, ahead of time and when it is needed.
  await page.route(part, (route) => (loads > 0 ? route.continue() : route.abort()));
  await page.getByRole("link", { name: "System" }).click();
  await page.getByRole("heading", { name: "Components", exact: true }).waitFor();
  check(loads === 1, `after one failure the page was loaded ${loads} times`);
  await page.unroute(part);

  await page.route(part, (route) => route.abort());
  await goto(page, setup, "/");
  await page.locator("h1").waitFor();
  await page.evaluate(() => sessionStorage.removeItem("reloaded-for-a-part"));
  loads = 0;
  await page.getByRole("link", { name: "System" }).click();
  await page.getByText("could not be shown").waitFor();
  check(loads === 1, `a part that stays away loads the page ${loads} times`);
  check(await page.locator("nav[aria-label=Main]").count(), "the frame is gone too");
  await look(page, setup, "face-missing-part");
  await page.getByRole("link", { name: "Devices", exact: true }).click();
  await page.locator("table.devices").waitFor();
  await page.unroute(part);

  // Offline nothing is loaded into the browser's own error page; with the network it comes back.
  await goto(page, setup, "/");
  await page.locator("h1").waitFor();
  await page.evaluate(() => sessionStorage.removeItem("reloaded-for-a-part"));
  loads = 0;
  // Not from the browser's cache either, where a real server lets it be kept.
  await page.route(part, (route) => route.abort());
  await page.context().setOffline(true);
  try {
    await page.getByRole("link", { name: "System" }).click();
    await page.getByText("this computer is offline").waitFor();
    check(loads === 0, "offline the page was loaded afresh");
    await page.unroute(part);
  } finally {
    // The tests that follow have the network, whatever came of this one.
    await page.context().setOffline(false);
  }
  await page.getByRole("heading", { name: "Components", exact: true }).waitFor();

  // A page that came from another version has another name for its own script.
  const main = /\/assets\/index-[^/]*\.js/;
  await page.route(main, (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(`${setup.base}/`, { waitUntil: "domcontentloaded" });
  await page.getByText("could not be loaded").waitFor();
  await axe(page, "a page without its script");
  await page.unroute(main);
  await page.getByRole("button", { name: "Load the page afresh" }).click();
  await page.locator("h1").waitFor();
  page.off("request", count);

  // A panel of its own: the page stays.
  const panel = /\/assets\/WhyPanel-[^/]*\.js/;
  await page.route(panel, (route) => route.abort());
  await goto(page, setup, "/anomalies?why=x:y");
  await page.getByText("The panel could not be shown").waitFor();
  await page.unroute(panel);
  await page.evaluate(() => sessionStorage.removeItem("reloaded-for-a-part"));
  complaints.length = 0;
}

async function formsRefuse({ page, setup, complaints }) {
  await goto(page, setup, "/devices/new");
  const snmp = page.getByRole("checkbox", { name: "SNMP" });
  await snmp.waitFor();
  check(!(await snmp.isChecked()), "None (ICMP only) with SNMP ticked");
  check(await snmp.isDisabled(), "SNMP can be ticked without a credential");
  await page.getByText("SNMP needs a credential").waitFor();
  const refused = await page.evaluate(async () => {
    const body = JSON.stringify({ address: "192.0.2.250", snmp: true, credential: null });
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/inventory/v1/devices", { method: "POST", body, headers });
    return { status: answer.status, errors: (await answer.json()).errors };
  });
  check(refused.status === 422, `the API takes SNMP without a credential: ${refused.status}`);
  check(refused.errors[0]?.field === "credential", JSON.stringify(refused.errors));
  await look(page, setup, "device-form-icmp-only", { whole: true });

  const name = `e2e-twice-${Date.now()}`;
  const secrets = [];
  const path = "/credentials/v1/credentials";
  page.on("request", (request) => {
    if (request.method() === "PUT" && request.url().includes(path)) secrets.push(request.url());
  });
  await goto(page, setup, "/credentials");
  // Not the toast that says what was saved.
  const dialog = page.getByRole("dialog", { name: "Add credential" });
  const fill = async () => {
    await page.getByRole("button", { name: "Add credential" }).first().click();
    await dialog.getByLabel("Credential name").fill(name);
    await dialog.getByLabel("SNMP community").fill("one");
    await dialog.getByRole("button", { name: "Save credential" }).click();
  };
  await fill();
  await page.getByRole("cell", { name, exact: true }).waitFor();
  await fill();
  await dialog.locator(".field.invalid .field-error").waitFor();
  check(secrets.length === 0, "a second credential of one name replaced the first without a word");
  await look(page, setup, "credential-twice");
  await dialog.getByRole("button", { name: `Replace the secret of ${name}` }).click();
  await dialog.waitFor({ state: "detached" });
  check(secrets.length === 1, `replacing on purpose asked ${secrets.length} times`);
  complaints.length = 0;
  return name;
}

const tooWide = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - globalThis.innerWidth);

/** Closed until it is needed; what is wrong in it is never hidden, whoever found it. */
async function advanced({ page, setup, complaints }) {
  const name = `e2e-advanced-${Date.now()}`;
  const part = page.locator("details.advanced");
  const echoes = page.getByLabel("Echo requests per poll");
  const spacing = page.getByLabel("Time between requests (ms)");
  const timeout = page.getByLabel("Wait for the last answer (ms)");
  const isOpen = () => part.evaluate((element) => element.open);
  const wrongAt = async (field, text) => {
    await page.locator(".field.invalid", { has: field }).getByText(text).waitFor();
    check(await isOpen(), "an error is in a part that is closed");
    await until(`the focus at what is wrong: ${text}`, 5000, () =>
      field.evaluate((element) => element === document.activeElement),
    );
  };
  await goto(page, setup, "/devices/new");
  await page.getByLabel("IP address").fill("192.0.2.252");
  await page.getByLabel("Name", { exact: true }).fill(name);
  check(!(await isOpen()), "the advanced settings are open where none is set");
  await part.locator("summary").focus();
  await page.keyboard.press("Enter");
  await echoes.waitFor();
  check(
    await page.getByLabel("Accept SNMP answers from any source").isDisabled(),
    "the source of SNMP answers can be chosen without SNMP",
  );
  await echoes.fill("21");
  await part.locator("summary").click();
  check(!(await isOpen()), "it does not close");
  const add = page.getByRole("button", { name: "Add device" });
  await add.click();
  await wrongAt(echoes, "from 1 to 20");
  await look(page, setup, "device-form-advanced", { whole: true });
  await echoes.fill("5");
  await spacing.fill("500");

  const url = /\/inventory\/v1\/devices$/;
  const errors = [{ field: "icmp_timeout_ms", detail: "longer than this server waits" }];
  await page.route(url, (route) =>
    route.fulfill({
      status: 422,
      contentType: "application/problem+json",
      body: JSON.stringify({ title: "Not valid", status: 422, errors }),
    }),
  );
  await timeout.fill("3000");
  await add.click();
  await wrongAt(timeout, "longer than this server waits");
  await page.unroute(url);
  await timeout.fill("");
  await add.click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const head = page.getByRole("region", { name: "Device", exact: true });
  const said = await head.textContent();
  check(/Echoes per poll5Echo spacing500 ms/.test(said), `the device's page says: ${said}`);
  check(!said.includes("Echo timeout"), "a default is shown as set");
  await look(page, setup, "device-advanced");

  await page.getByRole("link", { name: "Edit" }).click();
  await echoes.waitFor();
  check((await spacing.inputValue()) === "500", "the form does not show what is set");
  await page.getByRole("checkbox", { name: /^ICMP/ }).uncheck();
  check(await spacing.isDisabled(), "echo requests can be set where none is sent");
  await part.getByText("ICMP is off").waitFor();
  await page.getByRole("checkbox", { name: /^ICMP/ }).check();
  await spacing.fill("");
  await page.setViewportSize({ width: 390, height: 844 });
  try {
    await look(page, setup, "phone-device-form-advanced", { whole: true });
    const wide = await tooWide(page);
    check(wide <= 0, `the form is ${wide} px wider than the phone`);
  } finally {
    await page.setViewportSize({ width: 1280, height: 900 });
  }
  await page.getByRole("button", { name: "Save" }).click();
  await head.waitFor();
  const { body } = await ask(page, `/inventory/v1/devices?q=${name}`);
  const { id, icmp_echoes, icmp_spacing_ms, icmp_timeout_ms } = body.items[0];
  const kept = JSON.stringify([icmp_echoes, icmp_spacing_ms, icmp_timeout_ms]);
  check(kept === "[5,null,null]", `the API has ${kept}`);
  await page.evaluate((id) => fetch(`/inventory/v1/devices/${id}`, { method: "DELETE" }), id);
  complaints.length = 0;
}

async function credentialInUse({ page, setup }) {
  const { body } = await ask(page, "/credentials/v1/credentials");
  const used = body.items.find((item) => item.devices > 0);
  check(used, "no credential is in use");
  await goto(page, setup, "/credentials");
  const button = page.getByRole("button", { name: `Delete ${used.name}`, exact: true });
  await button.waitFor();
  check(await button.isDisabled(), "deleting a credential in use is offered");
  const row = await page.locator("tr", { has: button }).textContent();
  check(row.includes(used.used_by[0]), `who uses it is not said: ${row}`);
  await look(page, setup, "credential-in-use");
}

async function removedDevice({ page, setup, complaints }) {
  const name = `e2e-gone-${Date.now()}`;
  const id = await page.evaluate(async (name) => {
    const body = JSON.stringify({ name, address: "192.0.2.251", snmp: false });
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/inventory/v1/devices", { method: "POST", body, headers });
    return (await answer.json()).id;
  }, name);
  await goto(page, setup, `/devices/${id}`);
  await page.getByRole("button", { name: "Delete" }).waitFor();
  await page.evaluate((id) => fetch(`/inventory/v1/devices/${id}`, { method: "DELETE" }), id);
  await page.getByText("This device was removed").waitFor({ timeout: 40_000 });
  for (const role of ["Edit", "Delete"]) {
    const left = await page.getByText(role, { exact: true }).count();
    check(left === 0, `${role} is still offered for a device that was removed`);
  }
  await look(page, setup, "device-removed");
  complaints.length = 0;
}

/** Signed out in one tab is signed out in all of them. */
async function otherTab({ page, context, setup, complaints }) {
  await goto(page, setup, "/");
  await page.locator("table.devices").waitFor();
  const second = await context.newPage();
  await goto(second, setup, "/system");
  await logOut(second);
  await page.getByLabel("Password").waitFor({ timeout: 2000 });
  await page.getByLabel("Password").fill(setup.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("nav[aria-label=Main]").waitFor();
  await second.locator("nav[aria-label=Main]").waitFor({ timeout: 5000 });
  await second.close();
  complaints.length = 0;
}

/** A connection that is a black hole is not called live for longer than 12 s. */
async function blackHole({ page, setup }) {
  if (!setup.mock) return;
  const silence = (silent) =>
    page.evaluate(
      (body) =>
        fetch("/system/v1/mock-silence", {
          method: "PUT",
          body,
          headers: { "content-type": "application/json" },
        }),
      JSON.stringify({ silent }),
    );
  await goto(page, setup, "/");
  const text = async () => (await page.locator(".live").textContent()).trim();
  await until("live", 10_000, async () => /^Live$/.test(await text()));
  await silence(true);
  const began = Date.now();
  await until("stalled", 13_000, async () => /^Stalled/.test(await text()));
  console.log(`      a black hole is seen after ${Date.now() - began} ms (at most: 12000 ms)`);
  check(Date.now() - began <= 12_500, `it was live for ${Date.now() - began} ms`);
  await look(page, setup, "stalled");
  await silence(false);
  await until("live again", 25_000, async () => /^Live$/.test(await text()));
}

export const pages = [
  ["a part that does not load", missingPart],
  ["forms refuse what cannot work", formsRefuse],
  ["advanced settings of a device", advanced],
  ["a credential in use is not deleted", credentialInUse],
  ["a removed device has no live page", removedDevice],
  ["a sign-out reaches the other tabs", otherTab],
  ["a black hole is not live", blackHole],
];
