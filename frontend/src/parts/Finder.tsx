// Finds one of many at the server, by typing, and takes it; then it is empty again.
import { Combobox as Base } from "@base-ui/react/combobox";
import { useState } from "react";
import { Field, type Labelled } from "./Field";
import { usePlace } from "./popups/place";
import "./popups/popups.css";

export interface Found {
  value: string;
  label: string;
  detail?: string;
}

interface FinderProps extends Labelled {
  /** What was found for the text. */
  found: readonly Found[];
  onText: (text: string) => void;
  onPick: (found: Found) => void;
  placeholder?: string;
  /** Where nothing is found, or not yet. */
  note: string;
}

export function Finder(props: FinderProps) {
  const { label, hint, error, bare, found, onText, onPick, placeholder, note } = props;
  const place = usePlace();
  const [text, setText] = useState("");
  const type = (next: string) => {
    setText(next);
    onText(next);
  };
  return (
    <Field {...{ label, hint, error }} bare={bare ?? false}>
      {(control) => (
        <Base.Root
          items={found as Found[]}
          filter={null}
          value={null}
          inputValue={text}
          onInputValueChange={(next, { reason }) => {
            if (reason !== "item-press") type(next);
          }}
          onValueChange={(next: Found | null) => {
            if (!next) return;
            onPick(next);
            type("");
          }}
          itemToStringLabel={(each: Found) => each.label}
          autoHighlight
        >
          <div className="combobox">
            <Base.Input className="input" placeholder={placeholder} {...control} />
          </div>
          <Base.Portal container={place}>
            <Base.Positioner sideOffset={4} className="popup-place">
              <Base.Popup className="popup menu">
                <Base.Empty className="menu-none">{note}</Base.Empty>
                <Base.List>
                  {(each: Found) => (
                    <Base.Item key={each.value} value={each} className="menu-item found">
                      <span className="menu-text">{each.label}</span>
                      {each.detail && <span className="muted">{each.detail}</span>}
                    </Base.Item>
                  )}
                </Base.List>
              </Base.Popup>
            </Base.Positioner>
          </Base.Portal>
        </Base.Root>
      )}
    </Field>
  );
}
