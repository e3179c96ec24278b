// The spans of time that a URL may ask for in the log; the longest is how long lines are kept.
const HOUR = 3_600_000;

export const PERIODS = [
  { name: "1h", label: "last hour", ms: HOUR },
  { name: "24h", label: "last 24 h", ms: 24 * HOUR },
  { name: "7d", label: "last 7 d", ms: 7 * 24 * HOUR },
] as const;

export type PeriodName = (typeof PERIODS)[number]["name"];

export const periodOf = (name: PeriodName | undefined) =>
  PERIODS.find((each) => each.name === name) ?? PERIODS[2];
