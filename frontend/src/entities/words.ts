// How people and times of changes are called.
import { ApiError } from "../api/client";

/** Who writes without being a user. */
const SOURCES: Record<string, string> = {
  token: "the command line",
  file: "the inventory file",
  demo: "the demo",
  api: "an unnamed user",
  "": "an unnamed user",
};

export const personName = (by: string): string => SOURCES[by] ?? by;

export const isConflict = (error: unknown): error is ApiError =>
  error instanceof ApiError && error.status === 412;

/** The server may have done it without being able to say so. */
const isUnsure = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 502);

/** What became of a try to change something: `Not saved: …`. */
export function outcomeOf(error: Error, done: string): string {
  if (isUnsure(error)) return `It is not known whether it was ${done}: ${error.message}`;
  return `Not ${done}: ${error.message}`;
}
