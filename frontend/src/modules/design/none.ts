// In the product there is nothing of development.
import type { Module } from "../../app/module";

export const DEVELOPMENT: readonly Module[] = [];
