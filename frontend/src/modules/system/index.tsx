// OpsConductor itself.
import { createRoute } from "@tanstack/react-router";
import { Gauge } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { oneOf, searchOf, text } from "../../lib/search";
import { live } from "./live";
import { PERIODS } from "./periods";
import { Troubles } from "./Troubles";

const status = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  ...page("System", () => import("./SystemPage")),
});

const log = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system/log",
  validateSearch: searchOf({
    process: text,
    component: text,
    level: oneOf(["error"]),
    q: text,
    period: oneOf(PERIODS.map(({ name }) => name)),
  }),
  ...page("Log", () => import("./LogPage")),
});

export const system = {
  name: "system",
  routes: [status, log],
  places: [{ label: "System", to: "/system", icon: Gauge, key: "s" }],
  live,
  help: () => import("./help"),
  banners: [Troubles],
} satisfies Module;
