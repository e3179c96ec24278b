// Devices: what they are, how they are, how they are polled.
import { createRoute } from "@tanstack/react-router";
import { Server } from "lucide-react";
import type { Module } from "../../app/module";
import { page } from "../../app/page";
import { rootRoute } from "../../app/root";
import { oneOf, searchOf, text } from "../../lib/search";
import { STATES } from "../../parts/State";
import { rangeSearch } from "../monitoring/range";
import { live } from "./live";
import { DEVICE_SORTS, PORT_SORTS } from "./sorts";

const devices = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: searchOf({
    q: text,
    state: oneOf(STATES),
    site: text,
    group: text,
    sort: oneOf(DEVICE_SORTS),
  }),
  ...page("Devices", () => import("./DevicesPage")),
});

const add = createRoute({
  getParentRoute: () => rootRoute,
  path: "/devices/new",
  ...page("Add device", () => import("./DeviceFormPage")),
});

const device = createRoute({
  getParentRoute: () => rootRoute,
  path: "/devices/$id",
  ...page("Device", () => import("./DevicePage")),
  validateSearch: searchOf({
    ...rangeSearch,
    tab: oneOf(["history"]),
    if: text,
    ports: oneOf(PORT_SORTS),
  }),
});

const edit = createRoute({
  getParentRoute: () => rootRoute,
  path: "/devices/$id/edit",
  ...page("Edit device", () => import("./DeviceFormPage")),
});

export const inventory = {
  name: "inventory",
  routes: [devices, add, device, edit],
  places: [{ label: "Devices", to: "/", icon: Server, key: "d", under: "/devices" }],
  actions: [{ label: "Add device", to: "/devices/new", key: "n" }],
  live,
  find: () => import("./find"),
  help: () => import("./help"),
} satisfies Module;
