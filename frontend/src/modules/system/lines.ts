// Lines of the log as rows: the API gives them no identity, and a row must keep its own.
import type { LogLine } from "../../api/types";

export type LineRow = LogLine & { id: string };

/** Newest first; equal ones are numbered from the oldest, which stays when new ones come. */
export function rowsOf(lines: readonly LogLine[]): LineRow[] {
  const seen = new Map<string, number>();
  return [...lines]
    .reverse()
    .map((line) => {
      const name = [line.at, line.instance, line.component, line.target, line.message].join("/");
      const number = (seen.get(name) ?? 0) + 1;
      seen.set(name, number);
      return { ...line, id: `${name}/${number}` };
    })
    .reverse();
}
