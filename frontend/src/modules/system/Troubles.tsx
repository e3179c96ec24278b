// What of the system does not work, on every page: what else is seen may be older than it looks.
import { useQuery } from "@tanstack/react-query";
import { useNow } from "../../lib/clock";
import { duration, plural } from "../../lib/format";
import { Link } from "../../parts/Link";
import { systemQuery } from "./queries";

/** So many are shown in full; the system page has all. */
const MOST = 3;

export function Troubles() {
  const now = useNow();
  const { data } = useQuery(systemQuery);
  const troubles = data?.troubles ?? [];
  if (troubles.length === 0) return null;
  return (
    <div className="banner troubles" role="status" aria-label="Parts that do not work">
      <strong>
        {plural(troubles.length, "part")} of the system in trouble: what is shown may be old
      </strong>
      <ul className="grow">
        {troubles.slice(0, MOST).map((one) => (
          <li key={`${one.part}/${one.detail}`}>
            {one.part}, for {duration(Math.max(0, now - one.since))}: {one.detail}
          </li>
        ))}
      </ul>
      <Link to="/system">System page</Link>
    </div>
  );
}
