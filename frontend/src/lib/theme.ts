// Light, dark, or as the system says. Charts ask for a redraw when it changes.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const listeners = new Set<() => void>();
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  dark.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    dark.removeEventListener("change", listener);
  };
}

function setTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export const useTheme = (): [Theme, (theme: Theme) => void] => [
  useSyncExternalStore(subscribe, stored),
  setTheme,
];

/** What is seen in the end; changes when canvases must be drawn again. */
export const useShownTheme = (): "light" | "dark" =>
  useSyncExternalStore(subscribe, () => {
    const theme = stored();
    if (theme !== "system") return theme;
    return dark.matches ? "dark" : "light";
  });
