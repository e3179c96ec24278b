// Fails when the first page needs more JavaScript than the budget. Run after `npm run build`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 150_000;
const dist = new URL("../dist/", import.meta.url).pathname;
const html = readFileSync(join(dist, "index.html"), "utf8");
const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

const first = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((found) => found[1]);
if (first.length === 0) throw new Error("index.html names no script: is the build whole?");
const all = readdirSync(join(dist, "assets")).filter((name) => name.endsWith(".js"));
let total = 0;
for (const name of first) {
  const size = gzipped(join(dist, name));
  total += size;
  console.log(`first page  ${name}  ${size} B gzipped`);
}
for (const name of all.filter((each) => !first.includes(`assets/${each}`))) {
  const content = readFileSync(join(dist, "assets", name), "utf8");
  console.log(`when opened assets/${name}  ${gzipSync(content, { level: 9 }).length} B gzipped`);
}
const eager = first.map((name) => readFileSync(join(dist, name), "utf8")).join("");
if (eager.includes("u-over")) throw new Error("uPlot is part of the first page");
console.log(`size: ${total} B of ${BUDGET} B`);
if (total > BUDGET) process.exit(1);
