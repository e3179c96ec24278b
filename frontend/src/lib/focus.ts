// Where the focus goes after a navigation: to the heading of the new page, as soon as it is there,
// unless the user has moved on meanwhile.

let wanted = false;

const main = (): HTMLElement | null => document.getElementById("main");

/** The page is about to change: what had the focus may go with it. */
export function leavePage(): void {
  wanted = true;
  main()?.focus({ preventScroll: true });
}

/** The heading of a page is there. */
export function arriveAt(heading: HTMLElement | null): void {
  if (!wanted || !heading) return;
  wanted = false;
  const now = document.activeElement;
  if (now === null || now === document.body || now === main()) {
    heading.focus({ preventScroll: true });
  }
}

/** Gives the focus back to what opened something, or, where that is gone, to the page's heading. */
export function giveBack(opener: Element | null): void {
  const there = opener instanceof HTMLElement && opener.isConnected && opener !== document.body;
  const target = there ? opener : (main()?.querySelector<HTMLElement>("h1") ?? main());
  target?.focus({ preventScroll: true });
}
