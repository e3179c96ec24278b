// That the focus is where one goes on: at the heading of a new page, in what opens, and back at what
// opened it.
import { aDevice, goto } from "./altered.mjs";
import { axe, check, focused, look, until } from "./help.mjs";

const seenAt = (page, what, wanted) =>
  until(`the focus ${what}`, 5000, async () => wanted.test(await focused(page))).catch(
    async (error) => {
      throw new Error(`${error.message}; it is at: ${await focused(page)}`);
    },
  );

async function pageHeadings({ page, setup }) {
  await goto(page, setup, "/");
  await page.locator("table.devices .row-link").first().waitFor();
  check(/^BODY/.test(await focused(page)), `a page that is loaded takes the focus at once`);
  for (const name of ["Anomalies", "Credentials", "System", "Devices"]) {
    await page.locator("nav.places").getByRole("link", { name, exact: true }).click();
    await seenAt(page, `at the heading of ${name}`, /^H1/);
  }
  const row = page.locator("table.devices .row-link").first();
  const name = await row.textContent();
  await row.focus();
  await page.keyboard.press("Enter");
  await seenAt(page, "at the device's name", new RegExp(`^H1 ${name.replace(/\W/g, ".")}`));
  check((await page.title()).startsWith(name), `the tab is called ${await page.title()}`);
  await page.goBack();
  await seenAt(page, "at the heading again", /^H1/);
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.waitForURL(/\/anomalies/);
  await seenAt(page, "at the heading by key", /^H1/);
  // A filter is no other page: the focus stays.
  await page.getByRole("button", { name: /^State: / }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitemradio", { name: "cleared", exact: true }).click();
  await page.waitForURL(/open=false/);
  await seenAt(page, "at the filter", /^BUTTON State: cleared/);
}

async function dialogs({ page, setup }) {
  await goto(page, setup, "/credentials");
  const add = page.getByRole("button", { name: "Add credential" }).first();
  await add.click();
  await seenAt(page, "in the form", /^INPUT/);
  for (let i = 0; i < 8; i += 1) await page.keyboard.press("Tab");
  const inside = await page.evaluate(
    () => document.activeElement?.closest("[role=dialog]") !== null,
  );
  check(inside, "the focus leaves the dialog");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await seenAt(page, "back at the button", /^BUTTON Add credential/);

  const device = await aDevice(page);
  await goto(page, setup, `/devices/${device.id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await seenAt(page, "back at Delete", /^BUTTON Delete/);

  await goto(page, setup, "/anomalies");
  const why = page.getByRole("link", { name: /^Why/ }).first();
  const name = await why.getAttribute("aria-label");
  await why.click();
  await page.getByRole("dialog").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const at = await focused(page);
  check(at === `A ${name}` || /^H1/.test(at), `after the reasons the focus is at: ${at}`);
}

async function popups({ page, setup }) {
  await goto(page, setup, "/");
  await page.locator("table.devices .row-link").first().waitFor();
  const menu = page.getByRole("button", { name: /^Menu of/ });
  await menu.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
  await axe(page, "an open menu");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  await seenAt(page, "back at the menu's button", /^BUTTON Menu of/);

  const site = page.getByRole("button", { name: /^Site: / });
  await site.focus();
  await page.keyboard.press("/");
  await page.keyboard.type("anom");
  await page.getByRole("option", { name: /^Anomalies/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await seenAt(page, "back where it was before the search", /^BUTTON Site: /);
}

/** Typed, stepped part by part, or picked, all without a pointer. */
async function dateTime({ page, setup }) {
  const device = await aDevice(page);
  await goto(page, setup, `/devices/${device.id}?range=1h`);
  await page.getByRole("button", { name: "From – to" }).click();
  const from = page.getByRole("textbox", { name: "From", exact: true });
  const to = page.getByRole("textbox", { name: "To", exact: true });
  await from.fill("2026-13-40 25:00");
  await page.getByText("Write it as").waitFor();
  check(await page.getByRole("button", { name: "Show" }).isDisabled(), "no time can be shown");
  await to.fill("2026-11-30 14:05");
  await from.fill("2026-11-30 23:58");
  await page.getByText("The end must come after the start").waitFor();
  await from.fill("2026-11-30 13:58");
  await from.evaluate((element) => element.setSelectionRange(16, 16));
  for (let i = 0; i < 3; i += 1) await page.keyboard.press("ArrowUp");
  check((await from.inputValue()) === "2026-11-30 14:01", `stepped to ${await from.inputValue()}`);
  await page.getByRole("button", { name: "Calendar: From" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("grid").waitFor();
  await look(page, setup, "calendar");
  await seenAt(page, "at the chosen day", /^BUTTON .*30 November 2026/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("PageUp");
  await seenAt(page, "at another day", /^BUTTON .*22 October 2026/);
  check((await from.inputValue()) === "2026-10-22 14:01", `picked ${await from.inputValue()}`);
  await page.keyboard.press("Escape");
  await page.getByRole("grid").waitFor({ state: "detached" });
  await seenAt(page, "back at the calendar's button", /^BUTTON Calendar: From/);
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/from=\d+&to=\d+/);
}

export const focus = [
  ["the focus goes to the page's heading", pageHeadings],
  ["the focus goes into dialogs and back", dialogs],
  ["the focus goes back from menu and search", popups],
  ["a date and time by keyboard", dateTime],
];
