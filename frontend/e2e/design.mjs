// The page of all parts, where a build has one: what opens is opened, and looked at.
import { goto } from "./altered.mjs";
import { check, look } from "./help.mjs";

async function parts({ page, setup }) {
  if (!setup.design) return;
  await goto(page, setup, "/design");
  await page.getByRole("heading", { level: 1, name: "Design" }).waitFor();
  await look(page, setup, "design", { whole: true });
  const opened = [
    ["menu", () => page.getByRole("button", { name: "Actions" }).click(), "menu"],
    ["choice", () => page.getByRole("button", { name: /^Range:/ }).click(), "menu"],
    ["select", () => page.getByRole("combobox", { name: "Site", exact: true }).click(), "listbox"],
    ["combobox", () => page.getByRole("combobox", { name: "Find a site" }).click(), "listbox"],
    ["calendar", () => page.getByRole("button", { name: "Calendar: From" }).click(), "grid"],
    ["dialog", () => page.getByRole("button", { name: "Dialog" }).click(), "dialog"],
    ["drawer", () => page.getByRole("button", { name: "Drawer" }).click(), "dialog"],
    ["confirm", () => page.getByRole("button", { name: "Failed" }).click(), "dialog"],
  ];
  // While a combobox is open the rest is hidden from screen readers, though Tab still leads there
  // (and closes it): of the rest nothing is asked then.
  const scopes = { combobox: "[data-base-ui-portal]" };
  for (const [name, open, role] of opened) {
    await open();
    await page.getByRole(role).last().waitFor();
    await look(page, setup, `design-${name}`, { scope: scopes[name] ?? null });
    await page.keyboard.press("Escape");
    await page.getByRole(role).first().waitFor({ state: "detached" });
  }
  await page.getByRole("button", { name: "Ask again" }).hover();
  await page.locator(".tooltip").waitFor();
  await look(page, setup, "design-tooltip");
  await page.mouse.move(2, 2);
  await page.getByRole("button", { name: "With a text" }).click();
  // Under the pointer it stays.
  await page.locator(".toast").hover();
  await look(page, setup, "design-toast");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.locator(".toast").waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Ports" }).click();
  await page.getByText("48 of them").waitFor();

  const long = page.getByRole("table", { name: "Long table" });
  await page.getByRole("button", { name: "Show Gi0/4000" }).click();
  await long.getByText("Gi0/4000", { exact: true }).waitFor();
  check((await long.locator("tbody tr").count()) < 100, "all rows of a long table are drawn");
  await long.getByRole("button", { name: "Load" }).click();
  await long.locator("th[aria-sort=ascending]", { hasText: "Load" }).waitFor();
}

async function onPhone({ page, setup }) {
  if (!setup.design) return;
  await page.setViewportSize({ width: 390, height: 844 });
  try {
    await goto(page, setup, "/design");
    await page.getByRole("heading", { level: 1, name: "Design" }).waitFor();
    await look(page, setup, "phone-design", { whole: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `the page is ${wide} px wider than the phone`);
  } finally {
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

export const designTests = [
  ["design: all parts", parts],
  ["design: on a phone", onPhone],
];
