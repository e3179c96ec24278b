// That no screen says what is not so. Answers are changed on their way where a case is rare; the
// pages are the real ones. Run in the order of tests.mjs, logged in.
import { ask, axe, check, look, pixels, until } from "./help.mjs";

const goto = (page, setup, path) => page.goto(setup.base + path, { waitUntil: "domcontentloaded" });
const minute = 60_000;
const mark = (page) => page.locator(".live");

/** Answers of a path pass through `change`. Returns how to stop. */
async function altered(page, pattern, change) {
  const handler = async (route) => {
    const response = await route.fetch().catch(() => null);
    if (!response) return route.abort().catch(() => undefined);
    const json = await response.json().catch(() => null);
    const body = json === null ? json : (change(json, new URL(route.request().url())) ?? json);
    await route.fulfill({ response, json: body }).catch(() => undefined);
  };
  await page.route(pattern, handler);
  return () => page.unroute(pattern, handler);
}

const SAMPLES = /\/monitoring\/v1\/series\/[^/]+\/samples/;
const DETAIL = /\/inventory\/v1\/devices\/[0-9a-f-]{36}$/;
const PORTS = /\/inventory\/v1\/devices\/[0-9a-f-]{36}\/interfaces/;

async function aDevice(page) {
  return until("a device that is up and has ports", 90_000, async () => {
    const { body } = await ask(page, "/inventory/v1/devices?state=up&limit=50");
    return body.items.find((item) => item.interfaces > 0 && item.last_sample_at !== null);
  });
}

const cards = (page) => page.locator(".chart", { has: page.locator("canvas") });

/** Samples every 10 s for half of the range, every minute since; as after a change of interval. */
function mixed(body, url, spans) {
  const to = Number(url.searchParams.get("to"));
  const from = Number(url.searchParams.get("from"));
  const middle = Math.floor((from + to) / 2);
  const at = [];
  for (let t = from; t < middle; t += 10_000) at.push(t);
  for (let t = middle; t <= to; t += minute) at.push(t);
  const kept = at.filter((t) => !spans(from, to).some((span) => t > span.from && t < span.to));
  return {
    ...body,
    resolution: "raw",
    bucket_ms: 0,
    interval_ms: minute,
    at: kept,
    value: kept.map((_, i) => 50 + (i % 7)),
    min: [],
    max: [],
    gaps: [],
    gap_spans: spans(from, to),
    empty_reason: null,
    running_from: null,
  };
}

/** After a change of interval nothing is called a gap, and a real gap still is. */
async function gaps({ page, setup }) {
  const device = await aDevice(page);
  let spans = () => [];
  const stop = await altered(page, SAMPLES, (body, url) => mixed(body, url, spans));
  await goto(page, setup, `/devices/${device.id}?range=1h`);
  await cards(page).first().waitFor();
  await page.waitForTimeout(500);
  const said = () => cards(page).first().locator("footer").textContent();
  check(!/no data/.test(await said()), `a change of interval is called a gap: ${await said()}`);
  spans = (from) => [
    { from: from + 20 * minute, to: from + 21 * minute, reason: "no_answer" },
    { from: from + 40 * minute, to: from + 45 * minute, reason: "reset" },
  ];
  await goto(page, setup, `/devices/${device.id}?range=1h`);
  await cards(page).first().waitFor();
  await until("the gap's legend", 5000, async () => /no data/.test(await said()));
  const box = await cards(page).first().locator(".u-over").boundingBox();
  await page.mouse.move(box.x + box.width * (42.5 / 60), box.y + 30);
  const values = await cards(page).first().locator(".values").textContent();
  check(/no data: counter was reset/.test(values), `inside the gap the cursor says: ${values}`);
  await page.mouse.move(2, 2);
  await stop();
}

/** Roll-ups have their extremes, and an empty one says at what it looked. */
async function rollups({ page, setup }) {
  const device = await aDevice(page);
  const rolled = (body, url) => {
    const to = Number(url.searchParams.get("to"));
    const at = [3, 2, 1, 0].map((n) => Math.floor(to / 3_600_000) * 3_600_000 - n * 3_600_000);
    const change = { resolution: "1h", bucket_ms: 3_600_000, interval_ms: minute, at };
    const values = { value: [4, 4.2, 4.1, 4.3], min: [1, 2, 2, 1], max: [6, 6.1, 6.23, 6] };
    const none = { gap_spans: [], running_from: at[3], empty_reason: null };
    const baseline = { at: [], expected: [], lower: [], upper: [] };
    return { ...body, ...change, ...values, ...none, baseline, anomalies: [] };
  };
  let stop = await altered(page, SAMPLES, rolled);
  await goto(page, setup, `/devices/${device.id}?range=6h`);
  const first = cards(page).first();
  await first.locator("canvas").waitFor();
  const foot = await first.locator("footer").textContent();
  check(/mean/.test(foot) && /min – max/.test(foot), `a roll-up's legend: ${foot}`);
  await until("the extremes", 5000, async () => {
    const canvas = first.locator("canvas");
    return (await pixels(canvas, "chart-envelope", 40, 120, 1)) > 50;
  });
  await stop();
  stop = await altered(page, SAMPLES, (body) => ({
    ...body,
    resolution: "1h",
    bucket_ms: 3_600_000,
    at: [],
    value: [],
    min: [],
    max: [],
    gap_spans: [],
    running_from: null,
    empty_reason: "No 1-hour roll-up is in this range yet. Choose a range that ends later.",
  }));
  await goto(page, setup, `/devices/${device.id}?range=30d`);
  await page.getByText("No 1-hour roll-up is in this range yet").first().waitFor();
  const face = await page.locator(".face-nodata").first().textContent();
  check(!/longer/.test(face), `the face advises what does not help: ${face}`);
  await stop();
}

/** Notes every text that a canvas draws, with where it ends. */
function noteTexts() {
  const proto = CanvasRenderingContext2D.prototype;
  const { fillText, clearRect } = proto;
  globalThis.texts = new Map();
  proto.clearRect = function (...args) {
    globalThis.texts.set(this.canvas, []);
    return clearRect.apply(this, args);
  };
  proto.fillText = function (text, x, y, ...rest) {
    const width = this.measureText(text).width;
    const left = { center: x - width / 2, right: x - width, end: x - width }[this.textAlign] ?? x;
    const size = { across: this.canvas.width, down: this.canvas.height };
    globalThis.texts
      .get(this.canvas)
      ?.push({ text, left, right: left + width, y, align: this.textAlign, ...size });
    return fillText.call(this, text, x, y, ...rest);
  };
}

/** What is wrong with the labels of the charts in view. */
const badLabels = () =>
  [...document.querySelectorAll(".plot canvas")].flatMap((canvas) => {
    const drawn = (globalThis.texts.get(canvas) ?? []).filter(({ text }) => text !== "");
    const title = canvas.closest(".chart")?.getAttribute("aria-label");
    const bad = drawn
      .filter(({ left, right, across }) => left < 0 || right > across)
      .map(({ text }) => `${title}: ${text} is cut`);
    for (const align of ["center", "right"]) {
      const labels = drawn.filter((each) => each.align === align).map(({ text }) => text);
      const twice = labels.filter((text, i) => labels.indexOf(text) !== i);
      bad.push(...twice.map((text) => `${title}: ${text} stands twice (${labels.join(" | ")})`));
    }
    return bad;
  });

async function axes({ context, setup }) {
  const page = await context.newPage();
  await page.addInitScript(noteTexts);
  try {
    for (const [width, height] of [
      [1280, 900],
      [390, 844],
    ]) {
      await page.setViewportSize({ width, height });
      await goto(page, setup, "/");
      const device = await aDevice(page);
      for (const range of ["15m", "1h", "6h", "24h", "7d", "30d"]) {
        await goto(page, setup, `/devices/${device.id}?range=${range}`);
        await page.locator(".plot canvas, .face-nodata").first().waitFor();
        await page.waitForTimeout(400);
        const bad = await page.evaluate(badLabels);
        check(bad.length === 0, `${range} at ${width} px:\n  ${bad.join("\n  ")}`);
      }
    }
    const labels = await page.evaluate(() => {
      const loss = [...document.querySelectorAll(".chart")].find((chart) =>
        /loss/i.test(chart.getAttribute("aria-label")),
      );
      return globalThis.texts.get(loss?.querySelector("canvas"))?.map(({ text }) => text) ?? [];
    });
    check(labels.includes("0 %") && labels.includes("100 %"), `loss is shown on ${labels}`);
  } finally {
    await page.close();
  }
}

/** Frozen is not healthy: with SNMP dead the ports do not stay green. */
async function frozen({ page, setup }) {
  const device = await aDevice(page);
  const old = Date.now() - 20 * minute;
  const detail = await altered(page, DETAIL, (body) => ({
    ...body,
    interval_ms: minute,
    stale_after_ms: 3 * minute,
    snmp_answer_at: old,
  }));
  const stop = await altered(page, PORTS, (body) => {
    for (const port of body.items) for (const metric of port.metrics) metric.at &&= old;
  });
  await goto(page, setup, `/devices/${device.id}`);
  const rows = page.locator(".interfaces tbody tr");
  await rows.first().waitFor();
  const green = await page.locator(".interfaces .state-up").count();
  check(green === 0, `${green} ports are green without an answer for 20 min`);
  const row = await rows.first().textContent();
  check(/was (up|down)/.test(row) && /(19|2\d) min ago/.test(row), `its row says: ${row}`);
  await look(page, setup, "device-frozen", { whole: true });
  await stop();
  await detail();
  const silent = await altered(page, DETAIL, (body) => ({
    ...body,
    state: "up",
    stale_after_ms: 3 * minute,
    last_sample_at: old,
    last_answer_at: old,
    snmp_answer_at: old,
  }));
  await goto(page, setup, `/devices/${device.id}`);
  await page.locator(".device-head .state-mark").waitFor();
  const head = await page.locator(".device-head").textContent();
  check(/was up/.test(head) && /stale, (19|2\d) min ago/.test(head), `the head says: ${head}`);
  await silent();
}

/** A loss of 100 % is a measurement of ours, not an answer; and head and panel agree. */
async function neverAnswered({ page, setup }) {
  const device = await aDevice(page);
  const pollers = /\/automation\/v1\/pollers\?device/;
  const stop = await altered(page, DETAIL, (body) => ({
    ...body,
    state: "unknown",
    reason: "not polled yet: if this lasts longer than an interval, no poller is running",
    last_sample_at: null,
    last_answer_at: null,
    snmp_answer_at: null,
    icmp_answer_at: null,
  }));
  const more = await altered(page, pollers, (body) => {
    for (const item of body.items)
      Object.assign(item, { last_outcome: "timeout", last_at: Date.now() - 3000 });
  });
  await goto(page, setup, `/devices/${device.id}`);
  await page.locator(".device-head", { hasText: "no answer in time" }).waitFor();
  const head = await page.locator(".device-head").textContent();
  check(!/not polled yet/.test(head), `head and panel disagree: ${head}`);
  check(/Last answer\s*none yet/.test(head), `without an answer the head says: ${head}`);
  await stop();
  await more();
}

/** A part that does not load: afresh once, then a face with the reason; never a white page. */
async function missingPart({ page, setup, complaints }) {
  const part = /\/assets\/System-[^/]*\.js/;
  let refused = 0;
  let loads = 0;
  const count = () => {
    loads += 1;
  };
  await goto(page, setup, "/");
  await page.locator("h1").waitFor();
  await page.evaluate(() => sessionStorage.removeItem("reloaded-for-a-part"));
  page.on("load", count);
  await page.route(part, (route) => {
    refused += 1;
    return refused > 1 ? route.continue() : route.abort();
  });
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

  // A page that came from another version has another name for its own script.
  const main = /\/assets\/index-[^/]*\.js/;
  await page.route(main, (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(`${setup.base}/`, { waitUntil: "domcontentloaded" });
  await page.getByText("could not be loaded").waitFor();
  await axe(page, "a page without its script");
  await page.unroute(main);
  await page.getByRole("button", { name: "Load the page afresh" }).click();
  await page.locator("h1").waitFor();
  page.off("load", count);

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
  const dialog = page.getByRole("dialog");
  const fill = async () => {
    await page.getByRole("button", { name: "Add credential" }).first().click();
    await dialog.getByLabel("Credential name").fill(name);
    await dialog.getByLabel("SNMP v2c community").fill("one");
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
  await second.getByRole("button", { name: "Log out" }).click();
  await second.getByLabel("Password").waitFor();
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
  const text = async () => (await mark(page).textContent()).trim();
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

export const truth = [
  ["gaps are what was not measured", gaps],
  ["roll-ups show extremes, and say when they are empty", rollups],
  ["axes have whole labels, none twice", axes],
  ["frozen is not healthy", frozen],
  ["never answered", neverAnswered],
  ["a part that does not load", missingPart],
  ["forms refuse what cannot work", formsRefuse],
  ["a credential in use is not deleted", credentialInUse],
  ["a removed device has no live page", removedDevice],
  ["a sign-out reaches the other tabs", otherTab],
  ["a black hole is not live", blackHole],
];
