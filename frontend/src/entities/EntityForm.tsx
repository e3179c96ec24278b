// Add or edit an entity. What was typed stays, also when the server says no.
import type { FormEvent, ReactNode } from "react";
import { Button, buttonClass } from "../parts/Button";
import { Link } from "../parts/Link";
import { PageHeading } from "../parts/PageHeading";
import Conflict from "./Conflict";
import { type Body, differences, merged } from "./fields";
import { type Entity, type EntityKind, type Opened, useEntityForm } from "./form";
import { Trouble } from "./Trouble";

type Form<Known extends Entity, Typed extends object, Draft extends Body> = ReturnType<
  typeof useEntityForm<Known, Typed, Draft>
>;

interface Props<Known extends Entity, Typed extends object, Draft extends Body>
  extends Opened<Known> {
  kind: EntityKind<Known, Typed, Draft>;
  /** Its fields. */
  children: (form: Form<Known, Typed, Draft>) => ReactNode;
}

export function EntityForm<Known extends Entity, Typed extends object, Draft extends Body>({
  kind,
  children,
  ...props
}: Props<Known, Typed, Draft>) {
  const { opened, removed = false } = props;
  const form = useEntityForm(kind, props);
  const { base, typed, other, saving, marks } = form;
  const add = `Add ${kind.what}`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    form.save(typed, base?.revision);
  };
  return (
    <>
      <PageHeading title={opened ? `Edit ${opened.name}` : add} />
      <form className="form stack" ref={marks.form} onSubmit={submit} noValidate>
        <Trouble
          error={saving.error}
          atField={marks.atField}
          settled={marks.settled}
          other={other}
          onCompare={() => other && saving.compare(other)}
          removed={removed}
          record={opened && <Link {...kind.page(opened.id)}>See who deleted it</Link>}
        />
        {children(form)}
        <div className="row">
          <Button type="submit" variant="primary" busy={saving.isPending}>
            {saving.isPending ? "Saving…" : opened ? "Save" : add}
          </Button>
          <Link className={buttonClass()} {...(opened ? kind.page(opened.id) : kind.list)}>
            Cancel
          </Link>
        </div>
      </form>
      {saving.comparing && other && base && (
        <Versions kind={kind} form={form} base={base} other={other} />
      )}
    </>
  );
}

interface VersionsProps<Known extends Entity, Typed extends object, Draft extends Body> {
  kind: EntityKind<Known, Typed, Draft>;
  form: Form<Known, Typed, Draft>;
  base: Known;
  other: Known;
}

function Versions<Known extends Entity, Typed extends object, Draft extends Body>({
  kind,
  form: { typed, saving, save, restart },
  base,
  other,
}: VersionsProps<Known, Typed, Draft>) {
  const { draft } = kind.draftOf(typed);
  const found = differences(kind.fields, base, kind.savedAs?.(draft) ?? draft, other);
  const both = () => merged(found, typed, kind.typedOf(other), kind.formField);
  return (
    <Conflict
      other={other}
      found={found}
      busy={saving.isPending}
      onMine={() => save(typed, other.revision)}
      onBoth={() => save(both(), other.revision)}
      onTheirs={() => restart(other)}
      onEdit={saving.edit}
    />
  );
}
