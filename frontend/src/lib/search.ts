// Search parameters of the URL: text outside, typed inside. What a route does not know, or cannot
// be read, is left out; it never fails a page.

type Reader<T> = (text: string) => T | undefined;
type Read<S> = { [K in keyof S]?: S[K] extends Reader<infer T> ? T | undefined : never };

export const text: Reader<string> = (value) => value || undefined;

export const oneOf =
  <const T extends string>(values: readonly T[]): Reader<T> =>
  (value) =>
    values.find((each) => each === value);

/** A point in time in ms since 1970, UTC. */
export const time: Reader<number> = (value) => {
  const ms = Number(value);
  return value !== "" && Number.isSafeInteger(ms) && ms > 0 ? ms : undefined;
};

/** For `validateSearch` of a route: each parameter by the reader named for it. */
export function searchOf<const S extends Record<string, Reader<unknown>>>(readers: S) {
  return (raw: Record<string, unknown>): Read<S> => {
    const found: Record<string, unknown> = {};
    for (const [name, read] of Object.entries(readers)) {
      const given = raw[name];
      if (given === undefined || given === null) continue;
      const value = read(String(given));
      if (value !== undefined) found[name] = value;
    }
    return found as Read<S>;
  };
}

/** `?q=a+b&state=down` as it always was: no JSON, no quotes. The first of a repeated one counts. */
export function parseSearch(query: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) found[name] ??= value;
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  const query = params.toString();
  return query ? `?${query}` : "";
}
