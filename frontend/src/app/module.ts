// What an area of the product brings to the shell. The shell knows areas by this alone; they are
// listed in `modules/index.ts`.
import type { AnyRoute, LinkOptions } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import type { ComponentType, LazyExoticComponent } from "react";
import type { LiveHandlers } from "../live/live";

/** An entry of the main navigation. */
export interface Place {
  label: string;
  to: string;
  icon: LucideIcon;
  /** After `g`: goes there. */
  key: string;
  /** Paths below this one belong to the place too. */
  under?: string;
}

/** What can be done from anywhere, by key and by search. */
export interface Action {
  label: string;
  to: string;
  key?: string;
}

/** A find of the search. */
export interface Hit {
  label: string;
  detail?: string;
  state?: "up" | "degraded" | "down" | "unknown";
  link: LinkOptions;
}

/** Looks for a text in what the area knows. */
export type Finder = (text: string, signal: AbortSignal) => Promise<Hit[]>;

export interface Help {
  title: string;
  keys?: readonly (readonly [keys: readonly string[], text: string])[];
  notes?: readonly string[];
}

export interface Module {
  name: string;
  /** Built once; children of `rootRoute`. Their pages are loaded when opened. */
  routes: readonly AnyRoute[];
  places?: readonly Place[];
  actions?: readonly Action[];
  live?: LiveHandlers;
  find?: () => Promise<{ find: Finder }>;
  help?: () => Promise<{ help: Help }>;
  /** Above every page. */
  banners?: readonly ComponentType[];
  /** Beside every page, opened by the URL. */
  overlay?: ComponentType | LazyExoticComponent<ComponentType>;
}
