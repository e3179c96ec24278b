// FOR DEVELOPMENT ONLY: answers the paths of the API with an invented network, so that pages can
// be drawn without a running system. It checks nothing that a real server must check.
//   PORT=5000 MOCK_DEVICES=60 MOCK_DIST=dist MOCK_SLOW=0 node mock/server.mjs

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { ROUTES } from "./answers.mjs";
import { warn } from "./log.mjs";
import { account, emit, missing, Problem, viewers, world } from "./state.mjs";

const port = Number(process.env.PORT ?? 5000);
const dist = process.env.MOCK_DIST ?? "";
const slow = Number(process.env.MOCK_SLOW ?? 0);
const sessions = new Set();
const me = () => ({
  username: "admin",
  expires_at: Date.now() + 864e5,
  one_time_password: account.oneTime,
});
let failures = [];

async function readBody(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

function logIn(body, response) {
  failures = failures.filter((at) => at > Date.now() - 60_000);
  if (failures.length >= 5)
    throw new Problem(429, "Too Many Requests", "Too many attempts. Try again in a minute.");
  if (body.username !== "admin" || body.password !== account.password) {
    failures.push(Date.now());
    throw new Problem(401, "Unauthorized", "User name or password is wrong.");
  }
  const token = crypto.randomUUID();
  sessions.add(token);
  response.setHeader("set-cookie", `opsc_session=${token}; Path=/; HttpOnly; SameSite=Strict`);
  return me();
}

function events(request, response, query) {
  // As a black hole does: taken, and never answered.
  if (account.silent) return;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  const viewer = { response, device: query.get("device"), log: query.get("log") === "true" };
  viewers.add(viewer);
  request.on("close", () => viewers.delete(viewer));
}

async function answer(request, response) {
  const { pathname, searchParams: query } = new URL(request.url, "http://mock");
  const token = /opsc_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  const body = ["POST", "PUT"].includes(request.method) ? await readBody(request) : {};
  if (pathname === "/identity/v1/session" && request.method === "POST")
    return [200, logIn(body, response)];
  if (!sessions.has(token)) throw new Problem(401, "Unauthorized", "Log in first.");
  if (pathname === "/identity/v1/session" && request.method === "DELETE") {
    sessions.delete(token);
    return [204];
  }
  if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
  if (pathname === "/monitoring/v1/events") return events(request, response, query);
  for (const [method, pattern, run] of ROUTES) {
    const found = pattern.exec(pathname);
    if (method !== request.method || !found) continue;
    const made = await run({
      query,
      body,
      // Who else may change things: for the tests.
      me: {
        ...me(),
        ...(request.headers["x-mock-user"] && { username: request.headers["x-mock-user"] }),
      },
      id: found[1] && decodeURIComponent(found[1]),
      match: request.headers["if-match"],
    });
    return Array.isArray(made) ? made : [200, made];
  }
  throw missing();
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

async function file(path, response) {
  const wanted = normalize(path).replace(/^(\.\.[/\\])+/, "");
  const name = extname(wanted) ? wanted : "index.html";
  try {
    const content = await readFile(join(dist, name));
    response.writeHead(200, {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "content-security-policy":
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'",
    });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}

const server = createServer(async (request, response) => {
  const api = /^\/(identity|inventory|monitoring|automation|credentials|system)\/v1\//.test(
    request.url,
  );
  if (!api) return file(request.url.split("?")[0], response);
  try {
    const made = await answer(request, response);
    if (!made) return;
    response.writeHead(made[0], { "content-type": "application/json", ...made[2] });
    response.end(made[1] === undefined ? undefined : JSON.stringify(made[1]));
  } catch (error) {
    const problem = error instanceof Problem ? error.body : { title: String(error), status: 500 };
    response.writeHead(problem.status, { "content-type": "application/problem+json" });
    response.end(JSON.stringify(problem));
  }
});

setInterval(() => {
  if (account.silent) return;
  for (const { response } of viewers) response.write(": beat\n\n");
}, 5_000).unref();
setInterval(() => {
  for (const id of new Set([...viewers].map((v) => v.device).filter(Boolean))) {
    const device = world.devices.get(id);
    const at = device && world.lastSample(device, Date.now());
    if (!at || device.state !== "up") continue;
    const values = Object.fromEntries(
      device.series.map((s) => [s, world.value(world.series.get(s), at)]),
    );
    emit("samples", { device: id, at, series: values }, (viewer) => viewer.device === id);
  }
}, 5000).unref();
setInterval(() => {
  const fresh = world.onset(Date.now());
  if (!fresh) return;
  emit("anomaly", { ...fresh, transition: "onset" });
  setTimeout(() => {
    world.clear(fresh, Date.now());
    emit("anomaly", { ...fresh, transition: "clear" });
  }, 60_000).unref();
}, 20_000).unref();

setInterval(() => {
  emit("log", warn(Date.now()), (viewer) => viewer.log);
}, 10_000).unref();

server.listen(port, "127.0.0.1", () => {
  console.log(
    `mock: http://127.0.0.1:${port}  (admin / ${account.password}), for development only`,
  );
});
