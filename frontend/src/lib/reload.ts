// Loading the page afresh when a part of it is missing: once, and never into an offline page.

const KEY = "reloaded-for-a-part";
/** A second failure within this time is not fixed by another reload. */
const ONCE_PER_MS = 60_000;
const PROBE_MS = 5000;

/** What browsers say when a module of the page cannot be had. */
const MISSING =
  /dynamically imported module|importing a module script failed|module script|unable to preload|loading (css )?chunk/i;

export const isMissingPart = (error: unknown): boolean =>
  error instanceof Error && MISSING.test(error.message);

function lastReload(): number {
  try {
    return Number(sessionStorage.getItem(KEY) ?? 0);
  } catch {
    // Without storage nobody knows how often: then never by itself.
    return Number.POSITIVE_INFINITY;
  }
}

export const canReload = (): boolean => Date.now() - lastReload() > ONCE_PER_MS;

/** Whether the server answers: a reload without it would be the browser's own error page. */
async function serverAnswers(): Promise<boolean> {
  if (navigator.onLine === false) return false;
  try {
    const response = await fetch("/", {
      cache: "no-store",
      signal: AbortSignal.timeout(PROBE_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** False when it was not loaded afresh: it was just now, or the server is away. */
export async function reloadOnce(): Promise<boolean> {
  if (!canReload() || !(await serverAnswers())) return false;
  try {
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}
