// One of a few, all of which are known. For many, and where typing finds them, see Combobox.
import { Select as Base } from "@base-ui/react/select";
import { Check, ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { Field, type Labelled } from "./Field";
import { usePlace } from "./popups/place";
import "./popups/popups.css";

export interface Option {
  value: string;
  label: string;
}

interface SelectProps extends Labelled {
  name?: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
  disabled?: boolean;
  required?: boolean;
  /** Stands beside it. */
  action?: ReactNode;
}

export function Select(props: SelectProps) {
  const place = usePlace();
  const { label, hint, error, bare, value, options, onChange, action, ...rest } = props;
  return (
    <Field {...{ label, hint, error }} bare={bare ?? false} required={rest.required}>
      {(control) => (
        <div className="row nowrap">
          <Base.Root
            {...rest}
            value={value}
            items={options as Option[]}
            onValueChange={(next) => onChange(next ?? "")}
          >
            <Base.Trigger className="input select" {...control}>
              <Base.Value />
              <Base.Icon className="select-icon">
                <ChevronDown className="icon" aria-hidden="true" />
              </Base.Icon>
            </Base.Trigger>
            <Base.Portal container={place}>
              <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className="popup-place">
                <Base.Popup className="popup menu">
                  <Base.List>
                    {options.map((option) => (
                      <Base.Item key={option.value} value={option.value} className="menu-item">
                        <Base.ItemIndicator className="menu-mark">
                          <Check className="icon" aria-hidden="true" />
                        </Base.ItemIndicator>
                        <Base.ItemText className="menu-text">{option.label}</Base.ItemText>
                      </Base.Item>
                    ))}
                  </Base.List>
                </Base.Popup>
              </Base.Positioner>
            </Base.Portal>
          </Base.Root>
          {action}
        </div>
      )}
    </Field>
  );
}
