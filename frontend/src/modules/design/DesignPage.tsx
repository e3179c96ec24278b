// Shows every part in every state, to be looked at in both themes and on a phone.
import { Plus, RefreshCw, Trash2 } from "lucide-react";
import { Button, buttonClass, IconButton, type Variant } from "../../parts/Button";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { DataSamples } from "./DataSamples";
import { FormSamples } from "./FormSamples";
import { PopupSamples } from "./PopupSamples";
import { Group, Sample, Samples } from "./Sample";
import "./design.css";

const VARIANTS: readonly Variant[] = ["plain", "primary", "danger", "quiet", "link"];
const COLOURS = [
  "bg",
  "surface",
  "raised",
  "hover",
  "chosen",
  "line",
  "line-strong",
  "text",
  "muted",
  "accent",
  "up",
  "degraded",
  "down",
  "unknown",
];

export default function DesignPage() {
  return (
    <>
      <div>
        <PageHeading title="Design" />
        <p className="muted">This page shows every part in every state; nothing on it is real.</p>
      </div>
      <Group title="Colours">
        <ul className="design-colours">
          {COLOURS.map((name) => (
            <li key={name}>
              <i style={{ background: `var(--${name})` }} />
              <code>{name}</code>
            </li>
          ))}
        </ul>
      </Group>
      <Group title="Buttons">
        <Samples>
          {VARIANTS.map((variant) => (
            <Sample key={variant} title={variant}>
              <div className="row">
                <Button variant={variant}>Save</Button>
                <Button variant={variant} icon={Plus}>
                  Add
                </Button>
                <Button variant={variant} size="small">
                  Small
                </Button>
                <Button variant={variant} disabled>
                  Disabled
                </Button>
                <Button variant={variant} busy icon={RefreshCw}>
                  Saving…
                </Button>
              </div>
            </Sample>
          ))}
          <Sample title="icon buttons, with a tooltip">
            <div className="row">
              <IconButton icon={RefreshCw} label="Ask again" />
              <IconButton icon={Trash2} label="Delete it" variant="danger" />
              <IconButton icon={Plus} label="Add one" size="small" />
              <IconButton icon={Plus} label="Not now" disabled />
            </div>
          </Sample>
          <Sample title="link that looks like a button">
            <Link to="/" className={buttonClass("primary")}>
              Devices
            </Link>
          </Sample>
          <Sample title="segments">
            <fieldset className="segments" aria-label="Range">
              <Button aria-pressed="true">1 h</Button>
              <Button aria-pressed="false">6 h</Button>
              <Button aria-pressed="false">24 h</Button>
            </fieldset>
          </Sample>
        </Samples>
      </Group>
      <FormSamples />
      <PopupSamples />
      <DataSamples />
    </>
  );
}
