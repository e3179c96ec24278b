// FOR DEVELOPMENT ONLY: what the mock's parts share.
import { World } from "./world.mjs";

export const world = new World(Number(process.env.MOCK_DEVICES ?? 60));
export const started = Date.now();
export const account = {
  password: process.env.MOCK_PASSWORD ?? "admin",
  oneTime: true,
  /** Live events as through a black hole: the connection stands, and nothing comes. */
  silent: false,
};
export const viewers = new Set();
let eventId = 0;

export class Problem extends Error {
  constructor(status, title, detail, errors) {
    super(title);
    this.body = { type: "about:blank", title, status, detail, ...(errors && { errors }) };
  }
}
export const missing = () => new Problem(404, "Not Found", "No such thing.");

/** To everybody, or to those who want it. */
export function emit(event, data, wants = () => true) {
  if (account.silent) return;
  eventId += 1;
  for (const viewer of viewers) {
    if (!wants(viewer)) continue;
    viewer.response.write(`id: ${eventId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
