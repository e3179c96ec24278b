// A form that follows from a list of fields, as the API may name them. It keeps text; what is a
// number is read by who sends it.
import { Checkbox } from "./Checkbox";
import { TextArea, TextField } from "./Field";
import { NumberField } from "./NumberField";
import { type Option, Select } from "./Select";

interface Base {
  name: string;
  label: string;
  hint?: string;
  required?: boolean;
  /** It applies only where another field has one of these values. */
  when?: { field: string; is: readonly string[] } | undefined;
}

export type FieldSchema = Base &
  (
    | { kind: "text"; least?: number | undefined; most?: number | undefined; placeholder?: string }
    /** Goes in and never comes out. */
    | { kind: "secret"; least?: number | undefined; most?: number | undefined }
    /** A text of several lines; `secret`: not to be seen while it is typed. */
    | { kind: "lines"; least?: number | undefined; most?: number | undefined; secret?: boolean }
    | { kind: "number"; min?: number; max?: number; step?: number; placeholder?: string }
    | { kind: "choice"; options: readonly Option[] }
    | { kind: "check" }
  );

export type FormValues = Record<string, string>;

interface SchemaFieldsProps {
  fields: readonly FieldSchema[];
  values: FormValues;
  onChange: (name: string, value: string) => void;
  error: (name: string) => string | undefined;
}

/** Of a check, `true` or nothing. */
export const isChecked = (value: string | undefined): boolean => value === "true";

export const emptyValues = (fields: readonly FieldSchema[]): FormValues =>
  Object.fromEntries(
    fields.map((field) => [
      field.name,
      field.kind === "choice" ? (field.options[0]?.value ?? "") : "",
    ]),
  );

/** The fields that apply, as the others stand. */
export const inForce = (fields: readonly FieldSchema[], values: FormValues): FieldSchema[] =>
  fields.filter(({ when }) => !when || when.is.includes(values[when.field] ?? ""));

/** What there is to send: of the fields that apply, those that are not empty. */
export const filled = (fields: readonly FieldSchema[], values: FormValues): FormValues =>
  Object.fromEntries(
    inForce(fields, values).flatMap(({ name }) => (values[name] ? [[name, values[name]]] : [])),
  );

export function SchemaFields({ fields, values, onChange, error }: SchemaFieldsProps) {
  return inForce(fields, values).map((field) => (
    <SchemaField
      key={field.name}
      field={field}
      value={values[field.name] ?? ""}
      error={error(field.name)}
      onChange={(value) => onChange(field.name, value)}
    />
  ));
}

interface SchemaFieldProps {
  field: FieldSchema;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

function SchemaField({ field, value, error, onChange }: SchemaFieldProps) {
  const { name, label, hint, required } = field;
  const common = { name, label, hint, error, required: required ?? false };
  switch (field.kind) {
    case "text":
      return (
        <TextField
          {...common}
          value={value}
          onChange={onChange}
          minLength={field.least}
          maxLength={field.most}
          placeholder={field.placeholder}
          autoComplete="off"
        />
      );
    case "secret":
      return (
        <TextField
          {...common}
          type="password"
          value={value}
          onChange={onChange}
          minLength={field.least}
          maxLength={field.most}
          autoComplete="new-password"
        />
      );
    case "lines":
      return (
        <TextArea
          {...common}
          className={field.secret ? "input lines masked" : "input lines"}
          value={value}
          onChange={onChange}
          minLength={field.least}
          maxLength={field.most}
          rows={6}
          spellCheck={false}
          autoComplete="off"
        />
      );
    case "number": {
      const { min, max, step, placeholder } = field;
      const limits = {
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
        ...(step !== undefined && { step }),
        ...(placeholder !== undefined && { placeholder }),
      };
      return <NumberField {...common} {...limits} value={value} onChange={onChange} />;
    }
    case "choice":
      return <Select {...common} value={value} options={field.options} onChange={onChange} />;
    case "check":
      return (
        <Checkbox
          name={name}
          label={label}
          hint={hint}
          error={error}
          checked={isChecked(value)}
          onChange={(checked) => onChange(checked ? "true" : "")}
        />
      );
  }
}
