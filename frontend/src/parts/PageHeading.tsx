import { type ReactNode, useEffect, useRef } from "react";
import { arriveAt } from "../lib/focus";

interface PageHeadingProps {
  /** Of the browser's tab, and of the page where nothing else is said. */
  title: string;
  /** For those who do not see the page. */
  hidden?: boolean;
  className?: string;
  children?: ReactNode;
}

/** The one `h1` of a page: it names the tab and takes the focus when the page is opened. */
export function PageHeading({ title, hidden, className, children }: PageHeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · OpsConductor`;
  }, [title]);
  useEffect(() => arriveAt(heading.current), []);
  return (
    <h1 ref={heading} tabIndex={-1} className={hidden ? "visually-hidden" : className}>
      {children ?? title}
    </h1>
  );
}
