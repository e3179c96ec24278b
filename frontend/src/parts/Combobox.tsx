// One of many: typing finds it.
import { Combobox as Base } from "@base-ui/react/combobox";
import { Check, ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { Field, type Labelled } from "./Field";
import { usePlace } from "./popups/place";
import type { Option } from "./Select";
import "./popups/popups.css";

interface ComboboxProps extends Labelled {
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
  placeholder?: string;
  disabled?: boolean;
  required?: boolean;
  action?: ReactNode;
}

const none: Option = { value: "", label: "" };

export function Combobox(props: ComboboxProps) {
  const place = usePlace();
  const { label, hint, error, bare, value, options, onChange, placeholder, action, ...rest } =
    props;
  const chosen = options.find((option) => option.value === value) ?? none;
  return (
    <Field {...{ label, hint, error }} bare={bare ?? false} required={rest.required}>
      {(control) => (
        <div className="row nowrap">
          <Base.Root
            {...rest}
            items={options as Option[]}
            value={chosen}
            isItemEqualToValue={(a: Option, b: Option) => a.value === b.value}
            onValueChange={(next: Option | null) => onChange(next?.value ?? "")}
            autoHighlight
          >
            <div className="combobox">
              <Base.Input className="input" placeholder={placeholder} {...control} />
              <Base.Trigger className="combobox-open" aria-label={`Show all: ${label}`}>
                <ChevronDown className="icon" aria-hidden="true" />
              </Base.Trigger>
            </div>
            <Base.Portal container={place}>
              <Base.Positioner sideOffset={4} className="popup-place">
                <Base.Popup className="popup menu">
                  <Base.Empty className="menu-none">Nothing matches</Base.Empty>
                  <Base.List>
                    {(option: Option) => (
                      <Base.Item key={option.value} value={option} className="menu-item">
                        <Base.ItemIndicator className="menu-mark">
                          <Check className="icon" aria-hidden="true" />
                        </Base.ItemIndicator>
                        <span className="menu-text">{option.label}</span>
                      </Base.Item>
                    )}
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
