import type { ReactNode } from "react";

interface GroupProps {
  title: string;
  children: ReactNode;
}

export function Group({ title, children }: GroupProps) {
  return (
    <section aria-labelledby={`design-${title}`} className="design-group">
      <h2 id={`design-${title}`}>{title}</h2>
      {children}
    </section>
  );
}

/** One part in one state, with the state's name. */
export function Sample({ title, children }: GroupProps) {
  return (
    <div className="design-sample">
      <p className="hint">{title}</p>
      <div>{children}</div>
    </div>
  );
}

export const Samples = ({ children }: { children: ReactNode }) => (
  <div className="design-samples">{children}</div>
);
