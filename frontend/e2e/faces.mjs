// What stands where data should be, and what is said of a connection that is gone.
import { goto } from "./altered.mjs";
import { look, until } from "./help.mjs";

/** The answers of the API are replaced on their way, the pages are the real ones. */
async function faces({ page, setup, complaints }) {
  const devicesUrl = /\/inventory\/v1\/devices\?/;
  const problem = (status, title) => (route) =>
    route.fulfill({
      status,
      contentType: "application/problem+json",
      body: JSON.stringify({ title, status, detail: title }),
    });
  await page.route(devicesUrl, problem(403, "Not for you"));
  await goto(page, setup, "/");
  await page.locator(".face-forbidden").waitFor();
  await look(page, setup, "face-no-permission");
  await page.unroute(devicesUrl);

  await page.route(devicesUrl, problem(500, "The database is away"));
  await goto(page, setup, "/");
  await page.locator(".face-error").waitFor();
  await look(page, setup, "face-error");
  await page.unroute(devicesUrl);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("table.devices").waitFor();

  const empty = { items: [], total: 0, next_cursor: null };
  await page.route(devicesUrl, (route) => route.fulfill({ json: empty }));
  await goto(page, setup, "/");
  await page.getByText("No device yet").waitFor();
  await look(page, setup, "face-empty");
  await page.unroute(devicesUrl);

  await page.route(devicesUrl, () => undefined);
  await goto(page, setup, "/");
  await page.locator(".skeleton").first().waitFor();
  await look(page, setup, "face-loading");
  await page.unroute(devicesUrl);
  complaints.length = 0;
}

async function connectionLost({ page, setup, complaints }) {
  const events = /\/monitoring\/v1\/events/;
  await page.route(events, (route) => route.abort());
  await goto(page, setup, "/");
  await until("reconnecting", 10_000, async () =>
    /Reconnecting|Stale/.test(await page.locator(".live").textContent()),
  );
  await look(page, setup, "connection-lost");
  await page.unroute(events);
  await until("live again", 40_000, async () =>
    /Live/.test(await page.locator(".live").textContent()),
  );
  complaints.length = 0;
}

export const faceTests = [
  ["faces: no permission, error, empty, loading", faces],
  ["a lost connection is seen and comes back", connectionLost],
];
