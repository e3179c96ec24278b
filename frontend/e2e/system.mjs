// The system about itself: its processes and components, and the log of all of them.
import { goto } from "./altered.mjs";
import { ask, check, look, until } from "./help.mjs";

async function system({ page, setup }) {
  await goto(page, setup, "/system");
  await page.getByRole("heading", { name: "Components", exact: true }).waitFor();
  const rows = (label) => page.locator(`table[aria-label="${label}"] tbody tr`);
  check((await rows("Components").count()) > 0, "no component is shown");
  const { body } = await ask(page, "/system/v1/status");
  check(
    (await rows("Processes").count()) === body.processes.length,
    `${await rows("Processes").count()} processes of ${body.processes.length}`,
  );
  await look(page, setup, "system", { whole: true });
  const { instance } = body.processes[0];
  await rows("Processes").getByRole("link", { name: instance, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Log" }).waitFor();
  check(new URL(page.url()).searchParams.get("process") === instance, page.url());
}

/** Lines come by themselves; filters are in the URL; who reads older ones is left alone. */
async function systemLog({ page, setup }) {
  await goto(page, setup, "/system/log");
  await page.getByRole("heading", { level: 1, name: "Log" }).waitFor();
  await page.locator("table.log tbody tr, .face-empty").first().waitFor();
  await look(page, setup, "log");
  await page.getByLabel("Filter lines").fill("no line has these words");
  await page.getByText("No line matches").waitFor();
  check(page.url().includes("q=no"), `the filter is not in the URL: ${page.url()}`);
  await look(page, setup, "log-nothing-found");
  await page.getByRole("link", { name: "Clear the filter" }).click();
  await page.waitForURL((url) => url.search === "");
  if (!setup.mock) return;
  // Under the pointer lines would hold still.
  const away = () => page.mouse.move(2, 2);
  await away();
  const lines = page.locator("table.log tbody tr:not(.spacer)");
  const newest = () => lines.first().textContent();
  await lines.first().waitFor();
  const before = await newest();
  await until("another line", 14_000, async () => (await newest()) !== before);
  await page.getByRole("button", { name: "Show older lines" }).click();
  const follow = page.getByRole("button", { name: /show the newest/ });
  await follow.waitFor();
  await away();
  const held = await newest();
  await page.waitForTimeout(12_000);
  check((await newest()) === held, "a line came while older ones are read");
  await look(page, setup, "log-older");
  await follow.click();
  await away();
  await until("the newest line", 5000, async () => (await newest()) !== held);
  await lines.first().getByRole("link").click();
  await page.waitForURL(/component=/);
  await page.getByRole("button", { name: /remove the filter/ }).click();
  await page.waitForURL((url) => url.search === "");
}

/** As everything else, without scrolling sideways. */
async function onPhone({ page, setup }) {
  await page.setViewportSize({ width: 390, height: 844 });
  try {
    for (const [path, name] of [
      ["/system", "system"],
      ["/system/log", "log"],
      ["/credentials", "credentials"],
    ]) {
      await goto(page, setup, path);
      await page.locator("main table, main .face").first().waitFor();
      await look(page, setup, `phone-${name}`, { whole: name === "system" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${path} is ${wide} px wider than the phone`);
    }
  } finally {
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

export const systemTests = [
  ["the system page", system],
  ["the log of all processes", systemLog],
  ["system, log and credentials on a phone", onPhone],
];
