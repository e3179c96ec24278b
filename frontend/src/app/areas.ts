// The areas as the shell sees them.
import { DEVELOPMENT } from "#development";
import { MODULES } from "../modules";
import type { Action, Module, Place } from "./module";

export const AREAS: readonly Module[] = [...MODULES, ...DEVELOPMENT];

export const PLACES: readonly Place[] = AREAS.flatMap(({ places }) => places ?? []);
export const ACTIONS: readonly Action[] = AREAS.flatMap(({ actions }) => actions ?? []);
