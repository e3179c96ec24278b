// Anomalies and charts.
import { createRoute } from "@tanstack/react-router";
import { Activity } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { oneOf, searchOf, text } from "../../lib/search";
import { live } from "./live";
import { PERIODS } from "./periods";
import { WhyOverlay } from "./WhyOverlay";

const anomalies = createRoute({
  getParentRoute: () => rootRoute,
  path: "/anomalies",
  validateSearch: searchOf({
    open: oneOf(["true", "false"]),
    period: oneOf(PERIODS.map(({ name }) => name)),
    device: text,
  }),
  ...page("Anomalies", () => import("./AnomaliesPage")),
});

export const monitoring = {
  name: "monitoring",
  routes: [anomalies],
  places: [{ label: "Anomalies", to: "/anomalies", icon: Activity, key: "a" }],
  live,
  help: () => import("./help"),
  overlay: WhyOverlay,
} satisfies Module;
