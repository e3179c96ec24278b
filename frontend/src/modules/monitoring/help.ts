import type { Help } from "../../app/module";

export const help: Help = {
  title: "Charts and anomalies",
  notes: [
    "In a chart: drag to zoom, double-click to go back. All charts of a page share the cursor.",
    "Dashed: expected. Shaded: where values usually are. Hatched: nothing was measured.",
    "“Why?” says what was seen, what was expected, and by which method that was judged.",
  ],
};
