// The form of an entity: what is typed, from which version, and what became of the try to save it.
import { type FetchQueryOptions, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type LinkOptions, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Revised } from "../api/types";
import { toast } from "../lib/toast";
import type { Body, EntityField } from "./fields";
import { useMarks } from "./marks";
import { useSave } from "./save";

export interface Entity extends Revised {
  id: string;
}

/** What a form has to know of a kind of entity. */
export interface EntityKind<Known extends Entity, Typed extends object, Draft extends Body> {
  /** `device`. */
  what: string;
  fields: readonly EntityField[];
  /** The page of one, and of all. */
  page: (id: string) => LinkOptions;
  list: LinkOptions;
  /** What a new one begins with. */
  empty: Typed;
  typedOf: (known: Known) => Typed;
  /** The draft, and what is wrong by field. */
  draftOf: (typed: Typed) => { draft: Draft; wrong: Partial<Record<string, string>> };
  /** The form's name of a field of the API. */
  formField: (field: string) => string;
  /** What a draft becomes when it is saved, where that is more than the draft. */
  savedAs?: (draft: Draft) => Body;
  query: (id: string) => FetchQueryOptions<Known, Error, Known, string[]>;
  create: (draft: Draft) => Promise<Pick<Entity, "id" | "name">>;
  /** Refused (412) when it has another revision by now. */
  update: (
    id: string,
    draft: Draft,
    revision: number | undefined,
  ) => Promise<Pick<Entity, "id" | "name">>;
  /** After one was saved: what is to be asked for anew. */
  forget: (client: QueryClient, id: string) => void;
}

export interface Opened<Known> {
  /** What is edited, as it was when the form was opened; none: a new one. */
  opened?: Known;
  /** As it is by now. */
  latest?: Known | undefined;
  removed?: boolean;
}

/** What is typed into a line. */
type Line<Typed> = {
  [Name in keyof Typed]: Typed[Name] extends string ? Name : never;
}[keyof Typed] &
  string;

function useEntitySave<Known extends Entity, Typed extends object, Draft extends Body>(
  kind: EntityKind<Known, Typed, Draft>,
  id: string | undefined,
) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useSave({
    send: (draft: Draft, revision) => (id ? kind.update(id, draft, revision) : kind.create(draft)),
    current: () => client.fetchQuery({ ...kind.query(id ?? ""), staleTime: 0 }),
    onSaved: (made) => {
      kind.forget(client, made.id);
      toast({ title: `${made.name} was ${id ? "saved" : "added"}` });
      void navigate(kind.page(made.id));
    },
  });
}

export function useEntityForm<Known extends Entity, Typed extends object, Draft extends Body>(
  kind: EntityKind<Known, Typed, Draft>,
  { opened, latest }: Opened<Known>,
) {
  const [base, setBase] = useState(opened);
  const [typed, setTyped] = useState(() => (opened ? kind.typedOf(opened) : kind.empty));
  const saving = useEntitySave(kind, opened?.id);
  const marks = useMarks(saving.error, kind.formField);
  const set = (change: Partial<Typed>) => {
    setTyped((old) => ({ ...old, ...change }));
    marks.touch(Object.keys(change));
  };
  const error = (field: keyof Typed & string) => marks.error(field);
  const newer = latest && base && latest.revision > base.revision ? latest : null;
  return {
    base,
    typed,
    /** The version that somebody else saved meanwhile. */
    other: saving.isSuccess ? null : (saving.other ?? newer),
    saving,
    marks,
    /** What came of the last try to save. */
    problem: marks.problem,
    set,
    error,
    /** What an input of a line needs. */
    text: (field: Line<Typed>) => ({
      name: field,
      value: String(typed[field]),
      error: error(field),
      onChange: (value: string) => set({ [field]: value } as Partial<Typed>),
    }),
    save: (what: Typed, revision: number | undefined) => {
      marks.reset();
      saving.save({ ...kind.draftOf(what), revision });
    },
    /** Begins anew, from another version. */
    restart: (from: Known) => {
      setBase(from);
      setTyped(kind.typedOf(from));
      marks.reset();
      saving.restart();
    },
  };
}
