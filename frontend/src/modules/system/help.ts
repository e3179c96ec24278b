import type { Help } from "../../app/module";

export const help: Help = {
  title: "System",
  notes: [
    "Lag: records that a component has still to read. The slowest devices stand below, by their last poll.",
  ],
};
