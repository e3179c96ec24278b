// Groups of devices: those listed, and those that have a site and tags.
import { createRoute } from "@tanstack/react-router";
import { Group } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { oneOf, searchOf } from "../../lib/search";
import { DEVICE_SORTS } from "../inventory/sorts";

type Name = keyof typeof import("./pages");
const pages = (name: Name) => () => import("./pages").then((all) => ({ default: all[name] }));

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/device-groups",
  ...page("Device groups", pages("GroupsPage")),
});

const add = createRoute({
  getParentRoute: () => rootRoute,
  path: "/device-groups/new",
  ...page("Add group", pages("GroupFormPage")),
});

const group = createRoute({
  getParentRoute: () => rootRoute,
  path: "/device-groups/$id",
  validateSearch: searchOf({ tab: oneOf(["history"]), sort: oneOf(DEVICE_SORTS) }),
  ...page("Device group", pages("GroupPage")),
});

const edit = createRoute({
  getParentRoute: () => rootRoute,
  path: "/device-groups/$id/edit",
  ...page("Edit group", pages("GroupFormPage")),
});

export const groups = {
  name: "groups",
  routes: [list, add, group, edit],
  places: [{ label: "Groups", to: "/device-groups", icon: Group, key: "g" }],
  find: () => import("./find"),
  help: () => import("./help"),
} satisfies Module;
