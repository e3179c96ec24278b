// Credentials: secrets go in and never come out; a form follows from its kind.
import { goto } from "./altered.mjs";
import { check, look, pick } from "./help.mjs";

async function credentials({ page, setup }) {
  const name = `e2e-${Date.now()}`;
  const secret = `canary-${Math.random().toString(36).slice(2)}`;
  await goto(page, setup, "/credentials");
  await page.getByRole("button", { name: "Add credential" }).first().click();
  await page.getByLabel("Credential name").fill(name);
  await page.getByLabel("SNMP community").fill(secret);
  await look(page, setup, "credential-form");
  await page.getByRole("button", { name: "Save credential" }).click();
  await page.getByRole("cell", { name, exact: true }).waitFor();
  await look(page, setup, "credentials");
  check(!(await page.content()).includes(secret), "the secret is on the page");
  await page.getByRole("button", { name: `Delete ${name}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("cell", { name, exact: true }).waitFor({ state: "detached" });
  if (setup.mock) await conditionalFields(page, setup);
}

/** Fields that others decide about; what is typed into one stays while it is not shown. */
async function conditionalFields(page, setup) {
  const name = `e2e-ssh-${Date.now()}`;
  const dialog = page.getByRole("dialog", { name: "Add credential" });
  await page.getByRole("button", { name: "Add credential" }).first().click();
  await dialog.getByLabel("Credential name").fill(name);
  await pick(page, "Kind", "SSH");
  await dialog.getByLabel("User name").fill("poller");
  await dialog.getByLabel("Password").fill("typed before");
  await pick(page, "Signs in by (required)", "private key");
  await dialog.getByLabel("Private key (required)").fill("line 1\nline 2");
  check(
    (await dialog.getByLabel("Password").count()) === 0,
    "a field that does not apply is shown",
  );
  await look(page, setup, "credential-form-key");
  await pick(page, "Signs in by (required)", "password");
  check(
    (await dialog.getByLabel("Password").inputValue()) === "typed before",
    "what was typed is lost",
  );
  await dialog.getByRole("button", { name: "Save credential" }).click();
  await page.getByRole("cell", { name, exact: true }).waitFor();
  await page.getByRole("button", { name: `Replace the secret of ${name}` }).click();
  const replace = page.getByRole("dialog", { name: `Replace the secret of ${name}` });
  await replace.getByText("All of it is given anew").waitFor();
  check((await replace.getByLabel("User name").inputValue()) === "", "a replacement is not empty");
  await look(page, setup, "credential-replace");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: `Delete ${name}` }).click();
  const deletion = page.getByRole("dialog", { name: `Delete ${name}?` });
  await deletion.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("cell", { name, exact: true }).waitFor({ state: "detached" });
}

export const credentialTests = [["a credential goes in and never comes out", credentials]];
