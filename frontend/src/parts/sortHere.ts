// Sorting of all rows on the page, for tables that are there in full. What has no value comes last.
import {
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  tableFeatures,
} from "@tanstack/react-table";
import type { Sorter } from "./DataTable";

export const sortHere: Sorter = {
  features: tableFeatures({
    rowSortingFeature,
    sortedRowModel: createSortedRowModel(),
    sortFns: { alphanumeric: sortFn_alphanumeric },
  }),
  options: (sorted) => ({
    state: { sorting: sorted ? [sorted] : [] },
    defaultColumn: { sortFn: "alphanumeric", sortUndefined: "last" },
  }),
};
