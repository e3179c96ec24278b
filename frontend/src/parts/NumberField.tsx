// A whole number with its limits. What is typed stays as it is, also where it is out of range: the
// form says so at the field instead of changing it.
import { NumberField as Base } from "@base-ui/react/number-field";
import { Minus, Plus } from "lucide-react";
import { Field, type Labelled } from "./Field";

interface NumberFieldProps extends Labelled {
  name?: string;
  /** As text, as forms keep it; empty where nothing is set. */
  value: string;
  onChange: (value: string) => void;
  min?: number;
  max?: number;
  step?: number;
  placeholder?: string;
  disabled?: boolean;
  required?: boolean;
}

const PLAIN: Intl.NumberFormatOptions = { useGrouping: false, maximumFractionDigits: 6 };

export function NumberField(props: NumberFieldProps) {
  const { label, hint, error, bare, name, value, onChange, placeholder, required, ...rest } = props;
  const number = value.trim() === "" ? null : Number(value);
  return (
    <Field {...{ label, hint, error, required }} bare={bare ?? false}>
      {({ id, ...control }) => (
        <Base.Root
          {...rest}
          id={id}
          value={Number.isNaN(number) ? null : number}
          onValueChange={(next) => onChange(next === null ? "" : String(next))}
          allowOutOfRange
          format={PLAIN}
          locale="en-GB"
        >
          <Base.Group className="number">
            <Base.Decrement className="number-step">
              <Minus className="icon" aria-hidden="true" />
            </Base.Decrement>
            <Base.Input className="input" placeholder={placeholder} data-name={name} {...control} />
            <Base.Increment className="number-step">
              <Plus className="icon" aria-hidden="true" />
            </Base.Increment>
          </Base.Group>
        </Base.Root>
      )}
    </Field>
  );
}
