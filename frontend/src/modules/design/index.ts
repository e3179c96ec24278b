// Every part in every state, for those who work on the parts. Not in the product: vite.config.ts
// puts `none.ts` in its place.
import { createRoute } from "@tanstack/react-router";
import { Palette } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";

const route = createRoute({
  getParentRoute: () => rootRoute,
  path: "/design",
  ...page("Design", () => import("./DesignPage")),
});

const design: Module = {
  name: "design",
  routes: [route],
  places: [{ label: "Design", to: "/design", icon: Palette, key: "p" }],
};

export const DEVELOPMENT: readonly Module[] = [design];
