// OpsConductor itself.
import { createRoute } from "@tanstack/react-router";
import { Gauge } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { Troubles } from "./Troubles";

const status = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  ...page("System", () => import("./SystemPage")),
});

export const system = {
  name: "system",
  routes: [status],
  places: [{ label: "System", to: "/system", icon: Gauge, key: "s" }],
  help: () => import("./help"),
  banners: [Troubles],
} satisfies Module;
