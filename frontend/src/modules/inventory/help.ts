import type { Help } from "../../app/module";

export const help: Help = {
  title: "Devices",
  keys: [
    [["j"], "next row"],
    [["k"], "row before"],
    [["Enter"], "open the row"],
  ],
  notes: [
    "A row under the pointer keeps its place; what moved meanwhile is offered above the table.",
    "What was measured more than three intervals ago is called stale and is never green.",
  ],
};
