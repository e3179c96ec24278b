// What the areas bring fits together.
import { expect, it } from "vitest";
import { ACTIONS, AREAS, PLACES } from "../src/app/areas";
import { router } from "../src/app/router";

it("every place and action is a page", () => {
  const paths = Object.keys(router.routesByPath);
  for (const { to } of [...PLACES, ...ACTIONS]) expect(paths).toContain(to);
});

it("no key is taken twice", () => {
  const keys = [
    "/",
    "?",
    "j",
    "k",
    ...PLACES.map(({ key }) => `g ${key}`),
    ...ACTIONS.flatMap(({ key }) => key ?? []),
  ];
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});

it("every area has a name of its own", () => {
  const names = AREAS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

it("a page is found by the addresses that were always there", () => {
  const idOf = (path: string) =>
    router.matchRoutes(router.buildLocation({ to: path as "/" })).at(-1)?.routeId;
  expect(idOf("/")).toBe("/");
  expect(idOf("/devices/new")).toBe("/devices/new");
  expect(idOf("/devices/0f5")).toBe("/devices/$id");
  expect(idOf("/devices/0f5/edit")).toBe("/devices/$id/edit");
  expect(idOf("/device-groups/new")).toBe("/device-groups/new");
  expect(idOf("/device-groups/0f5")).toBe("/device-groups/$id");
  for (const path of [
    "/anomalies",
    "/device-groups",
    "/credentials",
    "/system",
    "/system/log",
    "/account",
  ]) {
    expect(idOf(path)).toBe(path);
  }
});
