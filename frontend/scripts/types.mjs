// Generates the types of the API. `--check` only says whether they are fresh.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const spec = new URL("../../api/openapi.json", import.meta.url);
const target = new URL("../src/api/generated.ts", import.meta.url);

export async function generate() {
  const ast = await openapiTS(JSON.parse(readFileSync(spec, "utf8")));
  return `// Generated from api/openapi.json by \`npm run types\`. Do not edit.\n\n${astToString(ast)}`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const fresh = await generate();
  if (!process.argv.includes("--check")) writeFileSync(target, fresh);
  else if (readFileSync(target, "utf8") !== fresh) {
    console.error("src/api/generated.ts is not what api/openapi.json says: run `npm run types`");
    process.exit(1);
  }
}
