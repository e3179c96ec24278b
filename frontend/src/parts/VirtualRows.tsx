// The rows of a long table that are near the view, and room for the others.
import { useVirtualizer, useWindowVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useState } from "react";
import { ROW_HEIGHT, Spacer } from "./DataTable";

interface VirtualRowsProps {
  body: RefObject<HTMLTableSectionElement | null>;
  box: RefObject<HTMLElement | null> | undefined;
  loaded: number;
  total: number;
  columns: number;
  more: (() => void) | null;
  keyOf: (index: number) => string | number;
  row: (
    index: number,
    props: { ref: (element: HTMLTableRowElement | null) => void; "data-index": number },
  ) => ReactNode;
  /** A row to bring into view, and where a row is, or -1. */
  shown: string | null;
  placeOf: (id: string) => number;
}

const OVERSCAN = 12;

export default function VirtualRows(props: VirtualRowsProps) {
  return props.box ? <InBox {...props} box={props.box} /> : <OnPage {...props} />;
}

/** How far down the page (or the box) the first row is: what is above may grow. */
function useMargin({ body, box }: VirtualRowsProps): number {
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const measure = () => {
      const scroller = box?.current;
      const from = scroller ? scroller.getBoundingClientRect().top - scroller.scrollTop : 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const page = scroller ? 0 : window.scrollY;
      setMargin(Math.round(top - from + page));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [body, box]);
  return margin;
}

function OnPage(props: VirtualRowsProps) {
  const virtualizer = useWindowVirtualizer<HTMLTableRowElement>({
    count: props.total,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    scrollMargin: useMargin(props),
    getItemKey: props.keyOf,
  });
  return <Rows {...props} virtualizer={virtualizer} />;
}

function InBox(props: VirtualRowsProps & { box: RefObject<HTMLElement | null> }) {
  const virtualizer = useVirtualizer<HTMLElement, HTMLTableRowElement>({
    count: props.total,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    scrollMargin: useMargin(props),
    // The head stays on top of the rows.
    scrollPaddingStart: ROW_HEIGHT,
    getScrollElement: () => props.box.current,
    getItemKey: props.keyOf,
  });
  const { shown, placeOf } = props;
  const place = shown === null ? -1 : placeOf(shown);
  // Once for each: where it goes with another order, the view does not follow.
  // biome-ignore lint/correctness/useExhaustiveDependencies: not when its place changes
  useEffect(() => {
    if (place >= 0) virtualizer.scrollToIndex(place, { align: "auto" });
  }, [shown, place >= 0, virtualizer]);
  return <Rows {...props} virtualizer={virtualizer} />;
}

type Any = Virtualizer<HTMLElement, HTMLTableRowElement> | Virtualizer<Window, HTMLTableRowElement>;

function Rows({
  virtualizer,
  loaded,
  columns,
  more,
  row,
}: VirtualRowsProps & { virtualizer: Any }) {
  const items = virtualizer.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  const wanted = last?.index ?? 0;
  useEffect(() => {
    if (more && wanted > loaded - 20) more();
  }, [more, wanted, loaded]);
  const margin = virtualizer.options.scrollMargin;
  const drawn = items.filter(({ index }) => index < loaded);
  const end = drawn.at(-1)?.end ?? first?.start ?? margin;
  return (
    <>
      <Spacer columns={columns} height={first ? first.start - margin : 0} />
      {drawn.map(({ index }) =>
        row(index, { ref: virtualizer.measureElement, "data-index": index }),
      )}
      <Spacer columns={columns} height={virtualizer.getTotalSize() - (end - margin)} />
    </>
  );
}
