import { expect, it } from "vitest";
import { moved } from "../src/lib/calm";

it("moved counts what is new and what has another place", () => {
  expect(moved(["a", "b", "c"], ["a", "b", "c"])).toBe(0);
  expect(moved(["a", "b", "c"], ["x", "a", "b", "c"])).toBe(1);
  expect(moved(["a", "b", "c"], ["c", "a", "b"])).toBe(3);
  expect(moved(["a", "b", "c"], ["a", "c"])).toBe(0);
});
