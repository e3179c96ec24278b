// Credentials: what devices are asked with.
import { createRoute } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/credentials",
  ...page("Credentials", () => import("./CredentialsPage")),
});

export const credentials = {
  name: "credentials",
  routes: [list],
  places: [{ label: "Credentials", to: "/credentials", icon: KeyRound, key: "c" }],
  help: () => import("./help"),
} satisfies Module;
