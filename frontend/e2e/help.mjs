// What the tests share: axe, screenshots, checks that say what they saw.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** `scope`: of a part of the page only. */
export async function axe(page, where, scope = null) {
  // By the debugger's way in, which a content security policy does not concern.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async (scope) => {
    const result = await globalThis.axe.run(scope ?? document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    });
    return result.violations.map((violation) => {
      const nodes = violation.nodes
        .slice(0, 3)
        .map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`);
      return `${violation.id}: ${violation.help} (${violation.nodes.length})\n    ${nodes.join("\n    ")}`;
    });
  }, scope);
  check(found.length === 0, `axe on ${where}:\n  ${found.join("\n  ")}`);
}

/** Charts are loaded when they come near the view. */
async function scrollThrough(page) {
  for (let y = 0; y < 4000; y += 600) {
    await page.evaluate((top) => window.scrollTo(0, top), y);
    await page.waitForTimeout(120);
  }
  await page.waitForTimeout(500);
  await page.evaluate(() => window.scrollTo(0, 0));
}

/**
 * Both themes: axe on each, and a picture of each where a folder was given; of the whole page
 * or, because long lists exist only where they are in view, of the view.
 */
export async function look(page, setup, name, { whole = false, scope = null } = {}) {
  if (whole) await scrollThrough(page);
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme });
    // Canvases are drawn again, and no animation is half way.
    await page.waitForTimeout(150);
    await axe(page, `${name} (${theme})`, scope);
    if (setup.shots) {
      await page.screenshot({ path: join(setup.shots, `${name}-${theme}.png`), fullPage: whole });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/**
 * Pixels of the canvas in a colour of the style sheet, and near its opacity. In an area, so are
 * those two beside and below: the edge of a line is not.
 */
export async function pixels(canvas, name, least, most, area) {
  const wanted = { name, least, most, area };
  return canvas.evaluate((element, { name, least, most, area }) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const [r, g, b] = getComputedStyle(probe)
      .color.match(/[\d.]+/g)
      .map(Number);
    probe.remove();
    const { width, height } = element;
    const { data } = element.getContext("2d").getImageData(0, 0, width, height);
    const is = (x, y) => {
      const i = 4 * (y * width + x);
      const near = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
      return data[i + 3] > least && data[i + 3] <= most && near < 60;
    };
    let hits = 0;
    for (let y = 0; y < height - area; y += 1) {
      for (let x = 0; x < width - area; x += 1) {
        if (is(x, y) && is(x + area, y) && is(x, y + area) && is(x + area, y + area)) hits += 1;
      }
    }
    return hits;
  }, wanted);
}

/** Of the value's line. */
export const linePixels = (canvas) => pixels(canvas, "chart-value", 120, 255, 0);
/** Of the expected band: the same colour, hardly opaque; on the light theme. */
export const bandPixels = (canvas) => pixels(canvas, "chart-band", 20, 50, 4);

/** The API as the page sees it, with the page's own session. */
export const ask = (page, path) =>
  page.evaluate(async (where) => {
    const response = await fetch(where);
    return { status: response.status, body: await response.json().catch(() => null) };
  }, path);

export async function until(what, ms, test) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await test();
    if (got) return got;
    if (Date.now() > end) throw new Error(`after ${ms} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Chooses in a combobox or a select. */
export async function pick(page, label, option) {
  await page.getByRole("combobox", { name: label, exact: true }).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

export async function logOut(page) {
  await page.getByRole("button", { name: /^Menu of/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByLabel("Password").waitFor();
}

/** What has the focus: its tag, and what it is called. */
export const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return `${at?.tagName} ${at?.getAttribute("aria-label") ?? at?.textContent}`.trim();
  });
