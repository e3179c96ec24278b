// That no chart says what is not so. Answers are changed on their way where a case is rare; the
// pages are the real ones. Run in the order of tests.mjs, logged in.
import { aDevice, altered, goto, minute } from "./altered.mjs";
import { check, pixels, until } from "./help.mjs";

const SAMPLES = /\/monitoring\/v1\/series\/[^/]+\/samples/;
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
  // A little loss: without any, an axis that follows its line ends at 100 % as well.
  await altered(page, SAMPLES, (body) => {
    if (/loss/.test(body.series.metric))
      body.value = body.value.map((value) => (value === null ? null : 0.02));
    return body;
  });
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

export const charts = [
  ["gaps are what was not measured", gaps],
  ["roll-ups show extremes, and say when they are empty", rollups],
  ["axes have whole labels, none twice", axes],
];
