// A table of any length. Columns say how a cell looks; of many rows only those near the view are
// drawn, by a part that is loaded when there are that many.
import { type ColumnDef, type TableFeatures, tableFeatures, useTable } from "@tanstack/react-table";
import { ArrowDown, ArrowUp } from "lucide-react";
import {
  type HTMLAttributes,
  lazy,
  type ReactNode,
  type RefObject,
  Suspense,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useNarrow } from "../lib/media";

const VirtualRows = lazy(() => import("./VirtualRows"));

/** So many rows are simply drawn. */
const PLAIN = 100;

export const ROW_HEIGHT = 36;

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  /** `num`: figures; `wrap`: more than one line; others give a width. */
  className?: string;
  /** Not where there is room for little. */
  wide?: boolean;
  /** Its head is for those who do not see it. */
  silent?: boolean;
  sortable?: boolean;
  /** By which it is sorted here; a table that the server sorts needs none. */
  value?: (row: Row) => string | number | undefined;
}

export interface Sorted {
  id: string;
  desc: boolean;
}

/** Sorts here and not at the server: see `sortHere`. */
export interface Sorter {
  features: TableFeatures;
  options: (sorted: Sorted | null) => object;
}

type RowProps = HTMLAttributes<HTMLTableRowElement> & { [data: `data-${string}`]: unknown };

interface DataTableProps<Row> {
  label: string;
  className?: string;
  columns: readonly Column<Row>[];
  rows: Row[];
  rowId: (row: Row) => string;
  rowProps?: (row: Row) => RowProps;
  /** With those that are not loaded yet, at the end. */
  total?: number;
  /** Asked for when the last rows come near the view. */
  more?: (() => void) | null;
  sorted?: Sorted | null;
  onSort?: (id: string) => void;
  sorter?: Sorter;
  /** Handlers of the rows together. */
  hold?: HTMLAttributes<HTMLTableSectionElement>;
  /** The element that scrolls; none: the page. */
  box?: RefObject<HTMLElement | null>;
  /** This row is brought into view when it changes. */
  shown?: string | null;
}

const plain = tableFeatures({});
const NOT_SORTED = () => ({});

export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const { label, className = "", columns, rows, rowId, rowProps, hold, sorter } = props;
  const narrow = useNarrow();
  const shown = useMemo(
    () => columns.filter((column) => !(narrow && column.wide)),
    [columns, narrow],
  );
  const table = useTable({
    features: (sorter?.features ?? plain) as typeof plain,
    columns: useDefinitions(shown),
    data: rows,
    getRowId: rowId,
    ...(sorter?.options ?? NOT_SORTED)(props.sorted ?? null),
  });
  const body = useRef<HTMLTableSectionElement>(null);
  const ordered = table.getRowModel().rows;
  const total = Math.max(props.total ?? 0, ordered.length);
  const placeOf = (id: string) => ordered.findIndex(({ original }) => rowId(original) === id);
  const drawnPlace = props.shown && total <= PLAIN ? placeOf(props.shown) : -1;
  useShownRow(body, props.box, drawnPlace, props.shown ?? null);
  const row = (index: number, more?: RowProps) => {
    const { original } = ordered[index] as { original: Row };
    return (
      <tr key={rowId(original)} aria-rowindex={index + 2} {...rowProps?.(original)} {...more}>
        {shown.map((column) => (
          <td key={column.id} className={column.className}>
            {column.cell(original)}
          </td>
        ))}
      </tr>
    );
  };
  const some = (from: number, to: number) =>
    Array.from({ length: Math.max(0, Math.min(to, ordered.length) - from) }, (_, i) =>
      row(from + i),
    );
  return (
    <table className={`grid ${className}`} aria-label={label} aria-rowcount={total + 1}>
      <Head {...props} columns={shown} />
      <tbody ref={body} {...hold}>
        {total <= PLAIN ? (
          some(0, PLAIN)
        ) : (
          <Suspense
            fallback={
              <>
                {some(0, PLAIN)}
                <Spacer columns={shown.length} height={(total - PLAIN) * ROW_HEIGHT} />
              </>
            }
          >
            <VirtualRows
              body={body}
              box={props.box}
              loaded={ordered.length}
              total={total}
              columns={shown.length}
              more={props.more ?? null}
              keyOf={(index) => ordered[index]?.id ?? index}
              row={row}
              shown={props.shown ?? null}
              placeOf={placeOf}
            />
          </Suspense>
        )}
      </tbody>
    </table>
  );
}

/** Where all rows are drawn; a long table sees to it by itself. */
function useShownRow(
  body: RefObject<HTMLTableSectionElement | null>,
  box: RefObject<HTMLElement | null> | undefined,
  place: number,
  shown: string | null,
): void {
  // Once for each row: the view does not follow one that gets another place.
  // biome-ignore lint/correctness/useExhaustiveDependencies: not when its place changes
  useEffect(() => {
    const row = place < 0 ? undefined : body.current?.children[place];
    const scroller = box?.current;
    if (!(row instanceof HTMLElement) || !scroller) return;
    const top = row.offsetTop - scroller.scrollTop;
    const hidden = top < ROW_HEIGHT || top + row.offsetHeight > scroller.clientHeight;
    if (hidden) scroller.scrollTop = row.offsetTop - scroller.clientHeight / 2;
  }, [shown, place >= 0, body, box]);
}

/** The same as long as ids and values are: another look of the cells sorts nothing anew. */
function useDefinitions<Row extends object>(columns: readonly Column<Row>[]) {
  const [kept, setKept] = useState(columns);
  const same =
    kept.length === columns.length &&
    kept.every(({ id, value }, i) => id === columns[i]?.id && value === columns[i]?.value);
  if (!same) setKept(columns);
  return useMemo(() => kept.map(definition), [kept]);
}

function definition<Row extends object>({
  id,
  head,
  value,
}: Column<Row>): ColumnDef<typeof plain, Row> {
  return value ? { id, header: head, accessorFn: value } : { id, header: head };
}

interface HeadProps<Row> {
  columns: readonly Column<Row>[];
  sorted?: Sorted | null;
  onSort?: (id: string) => void;
}

function Head<Row>({ columns, sorted, onSort }: HeadProps<Row>) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map(({ id, head, className, silent, sortable }) => {
          const here = sorted?.id === id;
          const Arrow = sorted?.desc ? ArrowDown : ArrowUp;
          const direction = sorted?.desc ? "descending" : "ascending";
          return (
            <th key={id} scope="col" className={className} aria-sort={here ? direction : undefined}>
              {sortable && onSort ? (
                <button type="button" className="sort" onClick={() => onSort(id)}>
                  {head}
                  {here && <Arrow className="icon" aria-hidden="true" />}
                </button>
              ) : (
                <span className={silent ? "visually-hidden" : undefined}>{head}</span>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** Room of the rows that are not drawn. */
export function Spacer({ columns, height }: { columns: number; height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row of space takes no focus
    <tr aria-hidden="true" className="spacer">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}
