// What is pressed. `variant` says how much it weighs, never what it does.
import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, MouseEvent, Ref } from "react";
import { Tip } from "./Tip";

export type Variant = "plain" | "primary" | "danger" | "quiet" | "link";
export type Size = "normal" | "small";

/** For what looks like a button and is something else. */
export function buttonClass(variant: Variant = "plain", size: Size = "normal", more = ""): string {
  return ["button", variant, size === "small" && "small", more].filter(Boolean).join(" ");
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: Variant;
  size?: Size;
  icon?: LucideIcon;
  /** It is at work: it says so and takes no second press. It keeps the focus. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
  "data-step"?: string;
}

/** Neither pressed nor, as a form's button, by Enter in a field. */
const refuse = (event: MouseEvent) => event.preventDefault();

export function Button(props: ButtonProps) {
  const {
    variant,
    size,
    icon: Icon,
    busy = false,
    type = "button",
    className,
    children,
    ...rest
  } = props;
  return (
    <button
      {...rest}
      type={type}
      className={buttonClass(variant, size, className)}
      {...(busy && { "aria-busy": true, "aria-disabled": true, onClick: refuse })}
    >
      {Icon && <Icon className="icon" aria-hidden="true" />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  label: string;
  icon: LucideIcon;
  /** What the tooltip says; without one the label. */
  tip?: string;
}

/** A button without words: its label is read out, and shown as a tooltip. */
export function IconButton({ label, tip, icon: Icon, className = "", ...rest }: IconButtonProps) {
  return (
    <Tip text={tip ?? label}>
      <Button
        variant="quiet"
        {...rest}
        aria-label={label}
        className={`icon-button ${className}`.trim()}
      >
        <Icon className="icon" aria-hidden="true" />
      </Button>
    </Tip>
  );
}
