// The spans of time that a URL may ask for in lists of what has ended.
const DAY = 86_400_000;

export const PERIODS = [
  { name: "24h", label: "last 24 h", ms: DAY },
  { name: "7d", label: "last 7 d", ms: 7 * DAY },
  { name: "30d", label: "last 30 d", ms: 30 * DAY },
  { name: "all", label: "all time", ms: null },
] as const;

export type PeriodName = (typeof PERIODS)[number]["name"];

export const periodOf = (name: PeriodName | undefined) =>
  PERIODS.find((each) => each.name === name) ?? PERIODS[1];
