import { Tooltip } from "@base-ui/react/tooltip";
import type { RefObject } from "react";
import { usePlace } from "./place";
import "./popups.css";

interface TipPopupProps {
  anchor: RefObject<HTMLElement | null>;
  text: string;
  onClose: () => void;
}

export default function TipPopup({ anchor, text, onClose }: TipPopupProps) {
  return (
    <Tooltip.Root open onOpenChange={(open) => !open && onClose()}>
      <Tooltip.Portal container={usePlace()}>
        <Tooltip.Positioner anchor={anchor} sideOffset={6} className="popup-place">
          <Tooltip.Popup className="tooltip">{text}</Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
