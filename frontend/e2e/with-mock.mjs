// The end-to-end tests against the mock and the built pages: for work on the pages alone.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "opsc-mock-"));
const password = "for the mock only";
writeFileSync(join(folder, "password"), password);
const port = process.env.PORT ?? "5078";
const mock = spawn(process.execPath, ["mock/server.mjs"], {
  stdio: ["ignore", "pipe", "inherit"],
  env: {
    ...process.env,
    PORT: port,
    MOCK_DIST: process.env.MOCK_DIST ?? "dist",
    MOCK_PASSWORD: password,
  },
});
await new Promise((resolve, reject) => {
  mock.stdout.once("data", resolve);
  mock.once("exit", () => reject(new Error("the mock did not start")));
});
const tests = spawn(process.execPath, ["e2e/run.mjs"], {
  stdio: "inherit",
  env: {
    ...process.env,
    OPSC_URL: `http://127.0.0.1:${port}`,
    OPSC_ADMIN_PASSWORD_FILE: join(folder, "password"),
    OPSC_E2E_MOCK: "1",
    OPSC_E2E_CREDENTIAL: "lab-v2c",
  },
});
tests.once("exit", (code) => {
  mock.kill();
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 1);
});
