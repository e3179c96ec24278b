import type { ReactNode } from "react";

export interface Column {
  head: string;
  /** `wide`: not on a phone; `c-num`: figures. */
  className?: string;
  /** Its head is for those who do not see it. */
  silent?: boolean;
}

/** A plain table: one head a column, the rows as they come. */
export function Grid({ columns, children }: { columns: readonly Column[]; children: ReactNode }) {
  return (
    <table className="grid">
      <thead>
        <tr>
          {columns.map(({ head, className, silent }) => (
            <th scope="col" key={head} className={className}>
              {silent ? <span className="visually-hidden">{head}</span> : head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
