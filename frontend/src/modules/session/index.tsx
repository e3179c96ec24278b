// Who is signed in.
import { createRoute } from "@tanstack/react-router";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { OneTimeBanner } from "./OneTimeBanner";

const account = createRoute({
  getParentRoute: () => rootRoute,
  path: "/account",
  ...page("Your account", () => import("./AccountPage")),
});

export const session = {
  name: "session",
  routes: [account],
  actions: [{ label: "Your account", to: "/account" }],
  banners: [OneTimeBanner],
} satisfies Module;
