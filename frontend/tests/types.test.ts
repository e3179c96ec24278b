// @vitest-environment node
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("the types are those of api/openapi.json", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const check = () =>
    execFileSync(process.execPath, ["scripts/types.mjs", "--check"], { cwd: root, stdio: "pipe" });
  expect(check).not.toThrow();
}, 60_000);
