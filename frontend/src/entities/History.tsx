// Who changed an entity, when, and what.
import { useInfiniteQuery } from "@tanstack/react-query";
import type { HistoryItem } from "../api/types";
import { useNow } from "../lib/clock";
import { absolute, zone } from "../lib/format";
import { Button } from "../parts/Button";
import { Answer, NoData } from "../parts/Face";
import { Age } from "../parts/State";
import { Changes } from "./Changes";
import { changesOf, type EntityField, moves, textOf } from "./fields";
import { historyQuery, steps } from "./queries";
import { personName } from "./words";
import "./entities.css";

interface HistoryProps {
  /** Of the entity, in the API. */
  path: string;
  /** `device`. */
  what: string;
  fields: readonly EntityField[];
}

export default function History({ path, what, fields }: HistoryProps) {
  const query = useInfiniteQuery(historyQuery(path));
  const now = useNow();
  const items = query.data?.pages.flatMap((page) => page.items);
  return (
    <section aria-labelledby="versions-head">
      <div className="section-head">
        <h2 id="versions-head">
          Changes <span className="muted">newest first, {zone(now)}</span>
        </h2>
      </div>
      <Answer query={{ ...query, data: items }} what="the history" rows={4}>
        {(all) =>
          all.length === 0 ? (
            <NoData title="No change on record">
              <p>The next change of this {what} is the first to be kept.</p>
            </NoData>
          ) : (
            <>
              <ol className="versions" aria-label={`Versions of the ${what}`}>
                {steps(all, query.hasNextPage).map(({ item, before }) => (
                  <Step key={item.revision} {...{ item, before, what, fields }} />
                ))}
              </ol>
              {query.hasNextPage && (
                <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {query.isFetchingNextPage ? "Loading…" : "Show older changes"}
                </Button>
              )}
            </>
          )
        }
      </Answer>
    </section>
  );
}

interface StepProps {
  item: HistoryItem;
  before: HistoryItem | undefined;
  what: string;
  fields: readonly EntityField[];
}

function verb(item: HistoryItem, before: HistoryItem | undefined): string {
  if (!item.present) return "removed it";
  if (!before) return "wrote the first version on record";
  return before.present ? "changed it" : "added it again";
}

function Step({ item, before, what, fields }: StepProps) {
  return (
    <li>
      <p>
        <b>{personName(item.by)}</b> {verb(item, before)}{" "}
        <span className="muted">
          {absolute(item.at)} (<Age at={item.at} />)
        </span>
      </p>
      {!item.present ? (
        before?.body && <Whole label={`The ${what} as it was`} body={before.body} fields={fields} />
      ) : before?.present ? (
        <Changed item={item} before={before} fields={fields} />
      ) : (
        item.body && <Whole label={`The ${what} as it was then`} body={item.body} fields={fields} />
      )}
    </li>
  );
}

function Changed({
  item,
  before,
  fields,
}: Omit<StepProps, "what" | "before"> & { before: HistoryItem }) {
  const changes = changesOf(fields, before.body, item.body);
  if (changes.length === 0) return <p className="muted">Saved as it was: no field changed.</p>;
  return <Changes changes={changes} />;
}

/** All of a version. */
function Whole({
  label,
  body,
  fields,
}: {
  label: string;
  body: object;
  fields: readonly EntityField[];
}) {
  return (
    <details>
      <summary>{label}</summary>
      <dl className="changes">
        {changesOf(fields, null, body).map(({ field, after }) => (
          <div key={field.name} className="change-pair">
            <dt>{field.label}</dt>
            <dd>
              {field.Item ? `${moves(null, after).added.length} listed` : textOf(field, after)}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
