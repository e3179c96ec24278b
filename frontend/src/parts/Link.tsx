// A link inside the product. Its address is checked against the routes.
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

interface AnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  ref?: Ref<HTMLAnchorElement>;
  /** Set by the router; whether a link is the current one is said by `current` alone. */
  "data-status"?: string;
  current?: "page" | "true" | undefined;
}

function Anchor({ "data-status": _status, current, "aria-current": _, ...rest }: AnchorProps) {
  return <a aria-current={current} {...rest} />;
}

export const Link = createLink(Anchor);
