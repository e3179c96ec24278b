// End-to-end tests in a real browser against a running system.
//
//   OPSC_URL                  where it runs (http://127.0.0.1:5000)
//   OPSC_ADMIN_PASSWORD_FILE  file with the admin's password
//   OPSC_CHROMIUM             browser (/usr/bin/chromium)
//   OPSC_E2E_SHOTS            folder for screenshots of every page in both themes; none: not taken
//   OPSC_E2E_ANOMALY_MS       how long to wait for an anomaly to appear live (240000)
//   OPSC_E2E_ADDRESS, _PORT, _CREDENTIAL   device to add (127.0.0.1, 161, none)
//   OPSC_E2E_ONLY             run only tests whose name contains this
//   OPSC_E2E_INJECTED         device and instance of the anomaly to wait for; none: any
//   OPSC_E2E_MOCK             1: against the mock, which can do what no server may
//   OPSC_E2E_DESIGN           1: the build has the page of all parts
//   OPSC_E2E_DEVICE           open this device (its name) instead of one that is up
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { tests } from "./tests.mjs";

const env = process.env;
const passwordFile = env.OPSC_ADMIN_PASSWORD_FILE;
if (!passwordFile) {
  console.error("OPSC_ADMIN_PASSWORD_FILE is not set: it names the file with the admin's password");
  process.exit(2);
}
const setup = {
  base: (env.OPSC_URL ?? "http://127.0.0.1:5000").replace(/\/$/, ""),
  password: readFileSync(passwordFile, "utf8").trim(),
  shots: env.OPSC_E2E_SHOTS ?? null,
  anomalyMs: Number(env.OPSC_E2E_ANOMALY_MS ?? 240_000),
  device: env.OPSC_E2E_DEVICE ?? null,
  mock: env.OPSC_E2E_MOCK === "1",
  design: env.OPSC_E2E_DESIGN === "1",
  injected: env.OPSC_E2E_INJECTED ?? null,
  add: {
    address: env.OPSC_E2E_ADDRESS ?? "127.0.0.1",
    port: env.OPSC_E2E_PORT ?? "161",
    credential: env.OPSC_E2E_CREDENTIAL ?? "",
  },
};
if (setup.shots) mkdirSync(setup.shots, { recursive: true });

const profile = mkdtempSync(join(tmpdir(), "opsc-e2e-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: env.OPSC_CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1280, height: 900 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
context.setDefaultTimeout(20_000);
const page = context.pages()[0] ?? (await context.newPage());
/** What the browser complained of; a test that provokes something empties it. */
const complaints = [];
page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error")
    complaints.push(`console: ${message.text()} ${message.location().url}`);
});

let passed = 0;
let failed = 0;
for (const [name, run] of tests) {
  if (env.OPSC_E2E_ONLY && !name.includes(env.OPSC_E2E_ONLY) && name !== "log in") continue;
  const began = Date.now();
  try {
    await run({ page, context, setup, complaints });
    passed += 1;
    console.log(`ok    ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.stack ?? error}`);
    if (setup.shots) {
      const path = join(setup.shots, `fail-${name.replace(/\W+/g, "-")}.png`);
      await page.screenshot({ path }).catch(() => undefined);
    }
    await page.unrouteAll({ behavior: "ignoreErrors" }).catch(() => undefined);
    if (name === "log in") break;
  }
}
await context.close();
rmSync(profile, { recursive: true, force: true });
console.log(`e2e: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
