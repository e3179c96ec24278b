// Yes or no. The browser's own control: it has the keys, the label and the form already.
import { type InputHTMLAttributes, type ReactNode, useId } from "react";
import { Notes } from "./Field";

interface CheckboxProps
  extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "type" | "checked"> {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  hint?: ReactNode;
  error?: string | undefined;
  /** Takes effect at once, instead of with the form. */
  asSwitch?: boolean;
}

export function Checkbox({ label, onChange, hint, error, asSwitch, ...input }: CheckboxProps) {
  const id = useId();
  const about = [input["aria-describedby"], hint && `${id}-hint`, error && `${id}-error`];
  return (
    <div className={error ? "check-field invalid" : "check-field"}>
      <label className="check">
        <input
          {...input}
          type="checkbox"
          role={asSwitch ? "switch" : undefined}
          className={asSwitch ? "switch" : "checkbox"}
          aria-invalid={error ? true : undefined}
          aria-describedby={about.filter(Boolean).join(" ") || undefined}
          onChange={(event) => onChange(event.target.checked)}
        />
        <span>{label}</span>
      </label>
      <Notes {...{ id, hint, error }} />
    </div>
  );
}
