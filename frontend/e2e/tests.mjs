// In this order, in one browser: each test leaves the page logged in.
import { credentialTests } from "./credentials.mjs";
import { designTests } from "./design.mjs";
import { entityTests } from "./entities.mjs";
import { faceTests } from "./faces.mjs";
import { focus } from "./focus.mjs";
import { ask, axe, bandPixels, check, linePixels, logOut, look, pick, until } from "./help.mjs";
import { systemTests } from "./system.mjs";
import { charts } from "./truth-charts.mjs";
import { pages } from "./truth-pages.mjs";
import { states } from "./truth-states.mjs";

const goto = (page, setup, path) => page.goto(setup.base + path, { waitUntil: "domcontentloaded" });
const liveMark = (page) => page.locator(".live");

async function logIn({ page, setup, complaints }) {
  await goto(page, setup, "/");
  await page.getByLabel("Password").waitFor();
  await look(page, setup, "login");
  await page.getByLabel("Password").fill("certainly not the password");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator(".field-error").waitFor();
  const said = await page.locator(".field-error").textContent();
  check(/wrong/i.test(said), `a wrong password says: ${said}`);
  await axe(page, "login with an error");
  await page.getByLabel("Password").fill(setup.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("nav[aria-label=Main]").waitFor();
  // Without a session the first question is answered 401, as is the wrong password.
  complaints.length = 0;
}

async function firstPaint({ page, setup }) {
  await goto(page, setup, "/");
  await page.locator("h1").waitFor();
  const ms = await until("a first paint", 5000, () =>
    page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime),
  );
  console.log(`      first contentful paint after ${Math.round(ms)} ms (to reach: 1000 ms)`);
  check(ms < 3000, `first contentful paint after ${Math.round(ms)} ms`);
}

async function devices({ page, setup }) {
  await goto(page, setup, "/");
  await page.locator("table.devices .row-link").first().waitFor();
  const rows = await page.locator("table.devices .row-link").count();
  const { body } = await ask(page, "/inventory/v1/devices?limit=1");
  check(rows >= 1 && body.total >= 1, `${rows} rows of ${body.total}`);
  const shown = await page.locator("#devices-head").textContent();
  check(
    shown.replace(/\D/g, "") === String(body.total),
    `the head says ${shown}, the API ${body.total}`,
  );
  await until("live", 10_000, async () =>
    /^Live$/.test((await liveMark(page).textContent()).trim()),
  );
  await look(page, setup, "devices");
}

async function filterAndKeys({ page, setup }) {
  await goto(page, setup, "/");
  const first = page.locator("table.devices .row-link").first();
  await first.waitFor();
  const name = await first.textContent();
  await page.getByLabel("Filter devices").fill("no device has this name");
  await page.getByText("No device matches").waitFor();
  await look(page, setup, "devices-nothing-found");
  check(page.url().includes("q=no"), `the filter is not in the URL: ${page.url()}`);
  await page.getByLabel("Filter devices").fill(name);
  await page.locator("table.devices .row-link", { hasText: name }).first().waitFor();
  await page.getByLabel("Filter devices").fill("");
  await page.locator("main").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("j");
  const focused = await page.evaluate(() => document.activeElement?.hasAttribute("data-step"));
  check(focused, "j does not move to a row");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await look(page, setup, "keys");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("/");
  await page.keyboard.type(name);
  await page.getByRole("option", { name }).first().waitFor();
  await look(page, setup, "search");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/devices\//);
  await page.goBack();
  await page.locator("table.devices").waitFor();
}

async function openDevice(page, setup) {
  const query = setup.device ? `?q=${encodeURIComponent(setup.device)}` : "?state=up&limit=50";
  const device = await until("a device that is up with samples", 90_000, async () => {
    const { body } = await ask(page, `/inventory/v1/devices${query}`);
    const fit = body.items.filter((item) => item.last_sample_at !== null);
    return fit.find((item) => item.interfaces > 0) ?? fit[0];
  });
  await goto(page, setup, `/devices/${device.id}?range=15m`);
  await page.getByRole("heading", { level: 1, name: device.name }).waitFor();
  return device;
}

async function deviceCharts({ page, setup }) {
  const device = await openDevice(page, setup);
  const canvas = page.locator(".plot canvas").first();
  await canvas.waitFor({ timeout: 60_000 });
  await until("a line on the chart", 90_000, async () => (await linePixels(canvas)) > 20);
  const card = page.locator(".chart", { has: page.locator("canvas") }).first();
  const series = await card.getAttribute("data-series");
  const { body } = await ask(page, `/monitoring/v1/series/${series}/samples?points=100`);
  check(body.at.length > 0, "the API has no sample of the series drawn");
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2);
  const values = await card.locator(".values").textContent();
  check(/\d|no data/.test(values), `the cursor says: ${values}`);
  check(
    /roll-up|every sample/.test(await card.locator("footer").textContent()),
    "no resolution named",
  );
  if (device.interfaces > 0) {
    const ports = await page.locator(".interfaces tbody tr").count();
    check(ports > 0, "no interface is listed");
  }
  await page.mouse.move(2, 2);
  await look(page, setup, "device", { whole: true });
}

async function zoomAndDownload({ page }) {
  // The themes have changed just now, and with them the canvases.
  await page.waitForTimeout(500);
  const canvas = page.locator(".plot canvas").first();
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 6 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes("from="));
  await page.locator(".plot canvas").first().waitFor();
  for (const kind of ["CSV", "PNG"]) {
    const button = page.getByRole("button", { name: new RegExp(`^${kind} of`) }).first();
    const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
    check(file.suggestedFilename().endsWith(kind.toLowerCase()), file.suggestedFilename());
    await file.delete();
  }
}

async function anomalyLive({ page, setup }) {
  await goto(page, setup, "/anomalies");
  await page.locator("h1").waitFor();
  await until("the list", 20_000, () => page.locator("[data-anomaly], .face").count());
  const ids = () =>
    page.locator("[data-anomaly]").evaluateAll((all) => all.map((li) => li.dataset.anomaly));
  const before = new Set(await ids());
  await page.evaluate(() => {
    globalThis.notReloaded = true;
  });
  // The one that was injected, where it is known; a series next to it may have one too.
  const injected = async (id) => {
    if (!setup.injected) return true;
    const { body } = await ask(page, "/monitoring/v1/anomalies?limit=1000");
    const found = body.items.find((item) => item.id === id);
    return found && `${found.device_name} ${found.instance}` === setup.injected;
  };
  const fresh = await until("the injected anomaly on the page", setup.anomalyMs, async () => {
    for (const id of (await ids()).filter((id) => !before.has(id))) {
      if (await injected(id)) return id;
    }
    return null;
  });
  const line = await page.locator(`[data-anomaly="${fresh}"]`).textContent();
  for (const word of setup.injected?.split(" ") ?? []) {
    check(line.includes(word), `its line does not name ${word}: ${line}`);
  }
  check(await page.evaluate(() => globalThis.notReloaded), "the page was loaded again");
  await look(page, setup, "anomalies");
  await page.locator(`[data-anomaly="${fresh}"]`).getByRole("link", { name: /^Why/ }).click();
  await page.locator(".why-sentence").waitFor();
  await page.locator("[role=dialog] .plot canvas").waitFor();
  await look(page, setup, "why");
  const url = page.url();
  await page.keyboard.press("Escape");
  await page.locator("[role=dialog]").waitFor({ state: "detached" });
  await page.goto(url);
  await page.locator(".why-sentence").waitFor();
  await page.keyboard.press("Escape");
}

async function addDevice({ page, setup, complaints }) {
  const name = `e2e-${Date.now()}`;
  await goto(page, setup, "/devices/new");
  await page.getByLabel("IP address").fill("not an address");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Add device" }).click();
  await page.locator(".field.invalid .field-error").first().waitFor();
  check(
    (await page.getByLabel("Name", { exact: true }).inputValue()) === name,
    "what was typed is lost",
  );
  await look(page, setup, "device-form-error", { whole: true });
  complaints.length = 0;
  await page.getByLabel("IP address").fill(setup.add.address);
  await page.getByLabel("SNMP port").fill(setup.add.port);
  if (setup.add.credential) await pick(page, "Credential", setup.add.credential);
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await page.locator(".steps li").first().waitFor({ timeout: 40_000 });
  await look(page, setup, "device-form", { whole: true });
  await page.getByRole("button", { name: "Add device" }).click();
  await page.waitForURL(/\/devices\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await until("waiting or data", 20_000, () => page.locator(".face-nodata, .plot").count());
  await look(page, setup, "device-new", { whole: true });
  const { body } = await ask(page, `/inventory/v1/devices?q=${name}`);
  check(
    body.items.some((item) => item.name === name),
    "the new device is not in the list",
  );
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Site").fill("e2e-site");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("e2e-site").waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  // Its page, open until then, may have asked for it once more.
  const gone = body.items.map((item) => `/devices/${item.id}`);
  const others = complaints.filter((text) => !gone.some((path) => text.endsWith(path)));
  complaints.splice(0, complaints.length, ...others);
}

/** Changes the password and changes it back, so that whoever gave it still has the right one. */
async function password({ page, setup, complaints }) {
  const fresh = "a better one of four words";
  const dialog = page.getByRole("dialog");
  const typed = async (current, first, second) => {
    await dialog.getByLabel("Current password").fill(current);
    await dialog.getByLabel("New password", { exact: false }).first().fill(first);
    await dialog.getByLabel("New password again").fill(second);
    await dialog.getByRole("button", { name: "Change password" }).click();
  };
  await goto(page, setup, "/");
  const banner = page.locator(".banner");
  await banner.waitFor();
  await look(page, setup, "password-banner");
  await banner.getByRole("button", { name: "Change password" }).click();
  await typed("not the current one", fresh, `${fresh}!`);
  await dialog.getByText("is not the same as above").waitFor();
  await typed("not the current one", fresh, fresh);
  await dialog.getByText("is not your current password").waitFor();
  await look(page, setup, "password-form-error");
  await typed(setup.password, fresh, fresh);
  await dialog.getByText("All your other sessions were signed out").waitFor();
  await dialog.locator(".row").getByRole("button", { name: "Close" }).click();
  await banner.waitFor({ state: "detached" });
  await goto(page, setup, "/account");
  await page.getByText("chosen by you").waitFor();
  await look(page, setup, "account");
  await page.getByRole("button", { name: "Change password" }).click();
  await typed(fresh, setup.password, setup.password);
  await dialog.getByText("All your other sessions were signed out").waitFor();
  await page.keyboard.press("Escape");
  complaints.length = 0;
}

/** What no page links to: a wrong address, and the API's own pages. */
async function otherPages({ page, setup, complaints }) {
  await goto(page, setup, "/no/such/page");
  await page.getByText("There is no such page").waitFor();
  await look(page, setup, "not-found");
  if (!setup.design) {
    await goto(page, setup, "/design");
    await page.getByText("There is no such page").waitFor();
  }
  await goto(page, setup, "/devices/ffffffff-0000-4000-8000-000000000000");
  await page.getByText("Not found").first().waitFor();
  await look(page, setup, "device-not-found");
  complaints.length = 0;
}

async function phone({ page, setup }) {
  await page.setViewportSize({ width: 390, height: 844 });
  try {
    await goto(page, setup, "/");
    await page.locator("table.devices .row-link").first().waitFor();
    await look(page, setup, "phone-devices");
    await goto(page, setup, "/anomalies");
    await page.locator("[data-anomaly]").first().waitFor();
    await look(page, setup, "phone-anomalies");
    await page.getByRole("link", { name: /^Why/ }).first().click();
    await page.locator("[role=dialog] .plot canvas").waitFor();
    await look(page, setup, "phone-why");
    await openDevice(page, setup);
    await page.locator(".plot canvas").first().waitFor();
    await look(page, setup, "phone-device", { whole: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `the page is ${wide} px wider than the phone`);
  } finally {
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

async function noComplaints({ complaints }) {
  check(complaints.length === 0, `the browser complained:\n  ${complaints.join("\n  ")}`);
}

/**
 * A band is there when its first five minutes are over; a page that is open shows it by itself.
 */
async function band({ page, setup }) {
  await openDevice(page, setup);
  const charts = page.locator("section[aria-label^='Charts: ']:not([aria-label$=': Health'])");
  const card = charts.locator(".chart").first();
  await card.scrollIntoViewIfNeeded();
  const canvas = card.locator(".plot canvas");
  await canvas.waitFor({ timeout: 60_000 });
  const path = `/monitoring/v1/series/${await card.getAttribute("data-series")}/samples?points=100`;
  const known = async () => (await ask(page, path)).body.baseline.at.length > 0;
  if (!(await known())) {
    const before = await bandPixels(canvas);
    check(before < 20, `${before} pixels of a band that does not exist`);
  }
  await until("an expected band in the API", 420_000, known);
  await until("the band on the open chart", 60_000, async () => (await bandPixels(canvas)) > 200);
  await look(page, setup, "band");
}

async function signOut({ page, setup }) {
  await goto(page, setup, "/system");
  await logOut(page);
  const { status } = await ask(page, "/inventory/v1/summary");
  check(status === 401, `after the logout the API answers ${status}`);
}

export const tests = [
  ["log in", logIn],
  ["first paint", firstPaint],
  ["devices are listed, live", devices],
  ["filter, search, keys and back", filterAndKeys],
  ["a device shows a chart with data", deviceCharts],
  ["zoom by drag, back, CSV and PNG", zoomAndDownload],
  ["an anomaly appears live and says why", anomalyLive],
  ...credentialTests,
  ["a device is tested, added, edited, deleted", addDevice],
  ...entityTests,
  ...systemTests,
  ["a password is changed, and changed back", password],
  ["nothing so far made the browser complain", noComplaints],
  ["a page that is not there", otherPages],
  ...faceTests,
  ["on a phone", phone],
  ["the expected band is drawn", band],
  ...charts,
  ...states,
  ...pages,
  ...focus,
  ...designTests,
  ["log out", signOut],
];
