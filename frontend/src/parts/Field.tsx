// A labelled field: its label, what to put into it, and what is wrong with it, tied together.
import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type TextareaHTMLAttributes,
  useId,
} from "react";

export interface Labelled {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** The label is read out only: where the place says what it is. */
  bare?: boolean;
}

interface Control {
  id: string;
  "aria-invalid": true | undefined;
  "aria-describedby": string | undefined;
}

interface FieldProps extends Labelled {
  required?: boolean | undefined;
  children: (control: Control) => ReactNode;
}

interface NotesProps extends Pick<Labelled, "hint" | "error"> {
  /** Of the control that `aria-describedby` ties them to, as `ID-hint` and `ID-error`. */
  id: string;
}

/** What to put into a control, and what is wrong with it. */
export function Notes({ id, hint, error }: NotesProps) {
  return (
    <>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </>
  );
}

/** Around a control of any kind. */
export function Field({ label, hint, error, bare, required, children }: FieldProps) {
  const id = useId();
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className={error ? "field invalid" : "field"}>
      <label htmlFor={id} id={`${id}-label`} className={bare ? "visually-hidden" : undefined}>
        {label}
        {required && <span className="muted"> (required)</span>}
      </label>
      {children({
        id,
        "aria-invalid": error ? true : undefined,
        "aria-describedby": about || undefined,
      })}
      <Notes {...{ id, hint, error }} />
    </div>
  );
}

interface TextFieldProps
  extends Labelled,
    Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> {
  value: string;
  onChange: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
}

export function TextField({ label, hint, error, bare, onChange, ...input }: TextFieldProps) {
  return (
    <Field {...{ label, hint, error }} bare={bare ?? false} required={input.required}>
      {(control) => (
        <input
          className="input"
          {...control}
          {...input}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

interface TextAreaProps
  extends Labelled,
    Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "onChange" | "value"> {
  value: string;
  onChange: (value: string) => void;
}

/** A text of several lines. */
export function TextArea({ label, hint, error, bare, onChange, ...area }: TextAreaProps) {
  return (
    <Field {...{ label, hint, error }} bare={bare ?? false} required={area.required}>
      {(control) => (
        <textarea
          className="input lines"
          {...control}
          {...area}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A field that filters or finds: with a label for screen readers alone. */
export function SearchField(props: TextFieldProps) {
  return <TextField {...props} type="search" autoComplete="off" bare />;
}
