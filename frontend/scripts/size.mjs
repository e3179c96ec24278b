// What the pages cost, in gzipped JavaScript. Fails when the first page (the devices, for who is
// signed in) needs more than its budget: its own chunk and all that both import are counted, not
// only what index.html names. Run after `npm run build`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 130_000;
/** The page that is opened first, by the name of its chunk. */
const FIRST = "DevicesPage";

const dist = new URL("../dist/", import.meta.url).pathname;
const html = readFileSync(join(dist, "index.html"), "utf8");
const assets = readdirSync(join(dist, "assets")).filter((name) => name.endsWith(".js"));
const text = new Map(
  assets.map((name) => [name, readFileSync(join(dist, "assets", name), "utf8")]),
);
const size = (name) => gzipSync(text.get(name), { level: 9 }).length;
const label = (name) => name.replace(/-[\w-]{8}\.js$/, "");

/** What a chunk imports before it runs. */
const imports = (name) =>
  [...text.get(name).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)]
    .map((found) => found[1])
    .filter((each) => text.has(each));

function withImports(names, into = new Set()) {
  for (const name of names) {
    if (into.has(name)) continue;
    into.add(name);
    withImports(imports(name), into);
  }
  return into;
}

const entries = [...html.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map(
  (found) => found[1],
);
if (entries.length === 0) throw new Error("index.html names no script: is the build whole?");
const page = assets.find((name) => label(name) === FIRST);
if (!page) throw new Error(`no chunk is called ${FIRST}: its page is not loaded on its own`);
const first = withImports([...entries, page]);
const total = [...first].reduce((sum, name) => sum + size(name), 0);

const print = (names) => {
  for (const name of [...names].sort((a, b) => size(b) - size(a)))
    console.log(`  ${String(size(name)).padStart(7)}  ${label(name)}`);
};
console.log("first page");
print(first);
console.log("when opened");
const rest = assets.filter((name) => !first.has(name));
print(rest);
console.log("pages, with all that they import and the first page has not");
for (const name of rest.filter((each) => /Page$/.test(label(each)))) {
  const more = [...withImports([name])].filter((each) => !first.has(each));
  const sum = more.reduce((bytes, each) => bytes + size(each), 0);
  console.log(`  ${String(sum).padStart(7)}  ${label(name)}`);
}

const eager = [...first].map((name) => text.get(name)).join("");
if (eager.includes("u-over")) throw new Error("uPlot is part of the first page");
if ([...text.values()].some((each) => each.includes("every part in every state")))
  throw new Error("the design page is part of the product");
console.log(`size: ${total} B of ${BUDGET} B on the first page`);
if (total > BUDGET) process.exit(1);
