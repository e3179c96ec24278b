import type { Help } from "../../app/module";

export const help: Help = {
  title: "System",
  notes: [
    "A process that has written nothing for 30 s is gone; its name leads to its log. The log has warnings and errors of all processes of the last seven days.",
    "Lag: records that a component has still to read. The slowest devices stand below, by their last poll.",
  ],
};
