import { Menu } from "@base-ui/react/menu";
import { useRouter } from "@tanstack/react-router";
import { Check } from "lucide-react";
import type { RefObject } from "react";
import type { MenuEntry } from "../entries";
import { usePlace } from "./place";
import "./popups.css";

interface MenuPopupProps {
  anchor: RefObject<HTMLElement | null>;
  entries: readonly MenuEntry[];
  onClose: () => void;
}

export default function MenuPopup({ anchor, entries, onClose }: MenuPopupProps) {
  return (
    <Menu.Root open onOpenChange={(open) => !open && onClose()}>
      <Menu.Portal container={usePlace()}>
        <Menu.Positioner anchor={anchor} sideOffset={4} align="start" className="popup-place">
          <Menu.Popup className="popup menu" finalFocus={anchor}>
            {entries.map((entry, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a menu's entries stand still
              <Entry key={i} entry={entry} />
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

function Entry({ entry }: { entry: MenuEntry }) {
  const router = useRouter();
  if (entry.kind === "rule") return <Menu.Separator className="menu-rule" />;
  if (entry.kind === "choice") return <Choices entry={entry} />;
  const Icon = entry.icon;
  const select =
    entry.kind === "action" ? entry.onSelect : () => void router.navigate(entry.link as never);
  return (
    <Menu.Item
      className={entry.kind === "action" && entry.danger ? "menu-item danger" : "menu-item"}
      disabled={entry.kind === "action" && (entry.disabled ?? false)}
      onClick={select}
    >
      {Icon && <Icon className="icon" aria-hidden="true" />}
      {entry.label}
    </Menu.Item>
  );
}

function Choices({ entry }: { entry: Extract<MenuEntry, { kind: "choice" }> }) {
  return (
    <Menu.Group>
      <Menu.GroupLabel className="menu-label">{entry.label}</Menu.GroupLabel>
      <Menu.RadioGroup value={entry.value} onValueChange={(value: string) => entry.onChoose(value)}>
        {entry.options.map(({ value, label, icon: Icon }) => (
          <Menu.RadioItem key={value} value={value} closeOnClick className="menu-item">
            <Menu.RadioItemIndicator className="menu-mark">
              <Check className="icon" aria-hidden="true" />
            </Menu.RadioItemIndicator>
            <span className="menu-text">
              {Icon && <Icon className="icon" aria-hidden="true" />}
              {label}
            </span>
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </Menu.Group>
  );
}
