import type { LinkOptions } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";

export type MenuEntry =
  | {
      kind: "action";
      label: string;
      icon?: LucideIcon;
      danger?: boolean;
      disabled?: boolean;
      onSelect: () => void;
    }
  | { kind: "link"; label: string; icon?: LucideIcon; link: LinkOptions }
  | {
      kind: "choice";
      label: string;
      value: string;
      options: readonly { value: string; label: string; icon?: LucideIcon }[];
      onChoose: (value: string) => void;
    }
  | { kind: "rule" };
