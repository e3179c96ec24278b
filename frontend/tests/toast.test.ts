import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { dropToast, toast, useToasts } from "../src/lib/toast";

it("the newest toasts are kept, and one goes when it is dropped", () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  let seen: readonly { id: number; title: string }[] = [];
  function Reader() {
    seen = useToasts();
    return null;
  }
  const root = createRoot(document.createElement("div"));
  act(() => root.render(createElement(Reader)));
  act(() => {
    for (let i = 0; i < 6; i += 1) toast({ title: `news ${i}` });
  });
  expect(seen.map(({ title }) => title)).toEqual(["news 2", "news 3", "news 4", "news 5"]);
  act(() => dropToast(seen[0]?.id ?? 0));
  expect(seen.map(({ title }) => title)).toEqual(["news 3", "news 4", "news 5"]);
  act(() => root.unmount());
});
