// That what is old or was never there does not look well, and that evidence stays. Answers are
// changed on their way; the pages are the real ones.
import { aDevice, altered, DETAIL, goto, minute, PORTS } from "./altered.mjs";
import { check, look } from "./help.mjs";

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

/** Onset, peak and clear keep their own values, each with what was expected then. */
async function evidence({ page, setup }) {
  const now = Date.now();
  const anomalies = /\/monitoring\/v1\/anomalies/;
  const sample = (at, value, expected) => ({
    at,
    value: value * 1e9,
    expected: expected * 1e9,
    lower: (expected - 0.8) * 1e9,
    upper: (expected + 0.8) * 1e9,
  });
  const stop = await altered(page, anomalies, (body) => {
    const first = body.items[0];
    if (!first) return;
    const onset = sample(now - 20 * minute, 6.03, 3.97);
    Object.assign(first, onset, {
      id: "evidence",
      metric: "if_out_bps",
      unit: "bit/s",
      onset_at: onset.at,
      cleared_at: now - 18 * minute,
      at: now - 18 * minute,
      peak: sample(now - 19 * minute, 6.23, 4.01),
      clear: sample(now - 18 * minute, 3.93, 4.02),
    });
    body.items = [first];
  });
  await goto(page, setup, "/anomalies?open=false&period=all");
  const line = page.locator("[data-anomaly=evidence]");
  const said = await line.textContent();
  for (const text of ["6.23 Gbit/s", "4.01 Gbit/s", "6.03, expected 3.97", "3.93, expected 4.02"])
    check(said.includes(text), `the line does not say ${text}: ${said}`);
  await line.getByRole("link", { name: /^Why/ }).click();
  const sentence = await page.locator(".why-sentence").textContent();
  check(/6\.23 Gbit\/s.*2\.22 Gbit\/s above.*4\.01 Gbit\/s/.test(sentence), sentence);
  const facts = await page.locator("[role=dialog] .facts").textContent();
  for (const text of [
    "Began6.03 Gbit/s, 2.06 Gbit/s above the expected 3.97 Gbit/s",
    "Worst6.23 Gbit/s, 2.22 Gbit/s above the expected 4.01 Gbit/s",
    "Cleared3.93 Gbit/s, 90.0 Mbit/s below the expected 4.02 Gbit/s",
    "band 3.17 … 4.77 Gbit/s",
    "band 3.22 … 4.82 Gbit/s",
  ])
    check(facts.includes(text), `the panel does not say ${text}: ${facts}`);
  await look(page, setup, "why-cleared");
  await page.keyboard.press("Escape");
  await stop();
}

/** 20,000 ports are 20,000 ports: all are there, those in view are drawn. */
async function manyPorts({ page, setup }) {
  const device = await aDevice(page);
  const stop = await altered(page, PORTS, (body) => {
    const [port] = body.items;
    body.items = Array.from({ length: 20_000 }, (_, i) => ({ ...port, name: `Gi${i}/0` }));
    body.total = body.items.length;
  });
  await goto(page, setup, `/devices/${device.id}?if=Gi15000/0`);
  await page.locator("#ports-head", { hasText: "20,000" }).waitFor();
  // The chosen one is in view though it is far down.
  await page.getByRole("button", { name: "Charts of Gi15000/0", exact: true }).waitFor();
  const drawn = await page.locator(".interfaces tbody tr").count();
  check(drawn < 100, `${drawn} rows are drawn at once`);
  await page.getByLabel("Filter interfaces").fill("Gi19999");
  await page.getByRole("button", { name: "Charts of Gi19999/0" }).waitFor();
  await stop();
}

/** Where nothing is collected, nothing is called well. */
async function nothingCollected({ page, setup }) {
  const old = Date.now() - 30 * minute;
  const summary = await altered(page, /\/inventory\/v1\/summary/, (body) => ({
    ...body,
    devices: { up: 5, degraded: 0, down: 0, unknown: 0 },
    open_anomalies: 0,
    newest_sample_at: old,
  }));
  const list = await altered(page, /\/inventory\/v1\/devices\?/, (body) => {
    for (const item of body.items)
      Object.assign(item, { state: "up", last_sample_at: old, last_answer_at: old });
  });
  await goto(page, setup, "/");
  await page.locator("table.devices .row-link").first().waitFor();
  const head = await page.locator(".verdict").textContent();
  check(/Nothing is being collected/.test(head) && !/All well/.test(head), `it says: ${head}`);
  const green = await page.locator("main .state-up").count();
  check(green === 0, `${green} marks are green though nothing was measured for 30 min`);
  await look(page, setup, "devices-frozen");
  await summary();
  await list();
}

export const states = [
  ["frozen is not healthy", frozen],
  ["nothing collected is not well", nothingCollected],
  ["never answered", neverAnswered],
  ["20,000 ports", manyPorts],
  ["an anomaly keeps its evidence", evidence],
];
