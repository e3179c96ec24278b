// What live events do to the log that is shown.
import type { LiveHandlers } from "../../live/live";

export const live = {
  /** The server knows which filter a line passes: the pages are asked for again, at a pace. */
  log(_: unknown, tools) {
    tools.settle("log");
  },
  /** Lines are sent once: those of the time without a connection are asked for. */
  resumed(_: null, tools) {
    tools.settle("log");
  },
} satisfies LiveHandlers;
