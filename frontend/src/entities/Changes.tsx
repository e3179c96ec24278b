// What changed, field by field.
import { Fragment } from "react";
import { count } from "../lib/format";
import { type Change, type EntityField, moves, textOf } from "./fields";
import "./entities.css";

/** So many of a list are named. */
const NAMED = 5;

interface ListProps {
  word: string;
  ids: readonly string[];
  Item: NonNullable<EntityField["Item"]>;
}

function Named({ word, ids, Item }: ListProps) {
  if (ids.length === 0) return null;
  const rest = ids.length - NAMED;
  return (
    <span className="change-list">
      <span className="muted">{word} </span>
      {ids.slice(0, NAMED).map((id, i) => (
        <Fragment key={id}>
          {i > 0 && ", "}
          <Item id={id} />
        </Fragment>
      ))}
      {rest > 0 && ` and ${count(rest)} more`}
    </span>
  );
}

/** Of a long list what came and what went, of anything else the value. */
export function Value({
  field,
  before,
  value,
}: {
  field: EntityField;
  before: unknown;
  value: unknown;
}) {
  if (!field.Item) return textOf(field, value);
  const { added, removed } = moves(before, value);
  if (added.length + removed.length === 0) return <span className="muted">as before</span>;
  return (
    <>
      <Named word="added" ids={added} Item={field.Item} />
      <Named word="removed" ids={removed} Item={field.Item} />
    </>
  );
}

export function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <dl className="changes">
      {changes.map(({ field, before, after }) => (
        <Fragment key={field.name}>
          <dt>{field.label}</dt>
          <dd>
            {field.Item ? (
              <Value field={field} before={before} value={after} />
            ) : (
              <>
                <del>{textOf(field, before)}</del>
                <span className="muted" aria-hidden="true">
                  {" → "}
                </span>
                <ins>{textOf(field, after)}</ins>
              </>
            )}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}
