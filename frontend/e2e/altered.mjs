// What the tests of truth share: answers changed on their way, and a device to look at.
import { ask, until } from "./help.mjs";

export const goto = (page, setup, path) =>
  page.goto(setup.base + path, { waitUntil: "domcontentloaded" });
export const minute = 60_000;

/** Answers of a path pass through `change`. Returns how to stop. */
export async function altered(page, pattern, change) {
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

export const DETAIL = /\/inventory\/v1\/devices\/[0-9a-f-]{36}$/;
export const PORTS = /\/inventory\/v1\/devices\/[0-9a-f-]{36}\/interfaces/;

export async function aDevice(page) {
  return until("a device that is up and has ports", 90_000, async () => {
    const { body } = await ask(page, "/inventory/v1/devices?state=up&limit=50");
    return body.items.find((item) => item.interfaces > 0 && item.last_sample_at !== null);
  });
}
