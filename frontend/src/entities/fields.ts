// What an entity is made of, in words, and what its versions differ in. Pure.
import type { ComponentType } from "react";

export type Body = object;

export interface EntityField {
  name: string;
  label: string;
  /** A value in words; without it as it is. */
  text?: (value: unknown) => string;
  /** Of a long list, of which only what came and what went is shown: one of its ids. */
  Item?: ComponentType<{ id: string }>;
}

export interface Change {
  field: EntityField;
  before: unknown;
  after: unknown;
}

/** What everybody has, and nobody changes by hand. */
const SILENT = new Set(["tenant", "id", "updated_at"]);

const fieldOf = (body: Body | null, field: string): unknown =>
  (body as Record<string, unknown> | null)?.[field];

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);

/** Nothing is nothing, however it is written; in a list the order means nothing. */
function plain(value: unknown): string {
  if (isEmpty(value)) return "";
  return JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
}

export const same = (a: unknown, b: unknown): boolean => plain(a) === plain(b);

/** A value for people. */
export function textOf(field: EntityField, value: unknown): string {
  if (field.text) return field.text(value);
  if (isEmpty(value)) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const labelOf = (name: string): string =>
  name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

/** What another version has besides: of a release that knows more fields. */
function others(fields: readonly EntityField[], bodies: readonly (Body | null)[]): EntityField[] {
  const known = new Set(fields.map(({ name }) => name));
  const names = new Set(bodies.flatMap((body) => Object.keys(body ?? {})));
  return [...names]
    .filter((name) => !known.has(name) && !SILENT.has(name))
    .map((name) => ({ name, label: labelOf(name) }));
}

/** From one version to the next, field by field. */
export function changesOf(
  fields: readonly EntityField[],
  before: Body | null,
  after: Body | null,
): Change[] {
  return [...fields, ...others(fields, [before, after])]
    .map((field) => ({
      field,
      before: fieldOf(before, field.name),
      after: fieldOf(after, field.name),
    }))
    .filter((change) => !same(change.before, change.after));
}

export interface Difference {
  field: EntityField;
  before: unknown;
  mine: unknown;
  theirs: unknown;
  /** Who changed it since both looked at the same version. */
  by: "me" | "them" | "both";
}

/** Where two versions that come from the same one differ. */
export function differences(
  fields: readonly EntityField[],
  base: Body,
  mine: Body,
  theirs: Body,
): Difference[] {
  return fields.flatMap((field) => {
    const [before, own, other] = [base, mine, theirs].map((body) => fieldOf(body, field.name));
    if (same(own, other)) return [];
    const by = same(before, own) ? "them" : same(before, other) ? "me" : "both";
    return [{ field, before, mine: own, theirs: other, by } as const];
  });
}

/** What came into a list, and what left it. */
export function moves(before: unknown, after: unknown): { added: string[]; removed: string[] } {
  const [old, now] = [before, after].map((list) => (Array.isArray(list) ? list.map(String) : []));
  const [was, is] = [new Set(old), new Set(now)];
  return {
    added: [...is].filter((each) => !was.has(each)),
    removed: [...was].filter((each) => !is.has(each)),
  };
}

/** A list to which both added and from which both removed. */
function bothMoves({ before, mine, theirs }: Difference): string[] {
  const { added, removed } = moves(before, mine);
  const now = new Set([...(Array.isArray(theirs) ? theirs.map(String) : []), ...added]);
  for (const each of removed) now.delete(each);
  return [...now];
}

/** Whether both can have what they want: each changed something, and nothing twice. */
export const canMerge = (found: readonly Difference[]): boolean =>
  found.some(({ by }) => by !== "them") &&
  found.some(({ by }) => by !== "me") &&
  found.every(({ by, field }) => by !== "both" || field.Item !== undefined);

/** The version of theirs with what is only mine. */
export function merged<T extends object>(
  found: readonly Difference[],
  mine: T,
  theirs: T,
  nameOf: (field: string) => string = (field) => field,
): T {
  const both = { ...theirs };
  for (const difference of found) {
    const { field, by } = difference;
    if (by === "them") continue;
    const name = nameOf(field.name) as keyof T;
    both[name] =
      by === "both" && field.Item ? (bothMoves(difference) as T[typeof name]) : mine[name];
  }
  return both;
}
