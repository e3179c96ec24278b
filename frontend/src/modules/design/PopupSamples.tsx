import { Copy, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { Confirm, Dialog, Drawer } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Choice, Menu, type MenuEntry } from "../../parts/Menu";
import { Tabs } from "../../parts/Tabs";
import { Tip } from "../../parts/Tip";
import { Group, Sample, Samples } from "./Sample";

const none = () => undefined;

const ENTRIES: readonly MenuEntry[] = [
  { kind: "action", label: "Edit", icon: Pencil, onSelect: none },
  { kind: "action", label: "Copy", icon: Copy, disabled: true, onSelect: none },
  { kind: "link", label: "All devices", link: { to: "/" } },
  { kind: "rule" },
  { kind: "action", label: "Delete", icon: Trash2, danger: true, onSelect: none },
];
const SPANS = ["1 h", "6 h", "24 h"].map((label) => ({ value: label, label }));

export function PopupSamples() {
  const [span, setSpan] = useState("6 h");
  const [tab, setTab] = useState("state");
  const [open, setOpen] = useState<"dialog" | "drawer" | "confirm" | "failed" | null>(null);
  const close = () => setOpen(null);
  return (
    <Group title="Menus, dialogs, tabs">
      <Samples>
        <Sample title="menu">
          <Menu entries={ENTRIES}>Actions</Menu>
        </Sample>
        <Sample title="choice, as a filter">
          <div className="row">
            <Choice label="Range" value={span} options={SPANS} onChoose={setSpan} />
            <Choice label="Rest" value="1 h" options={SPANS} onChoose={none} disabled />
          </div>
        </Sample>
        <Sample title="tooltip">
          <Tip text="It says a word more">
            <Button>Point at me</Button>
          </Tip>
        </Sample>
        <Sample title="dialogs">
          <div className="row">
            <Button onClick={() => setOpen("dialog")}>Dialog</Button>
            <Button onClick={() => setOpen("confirm")}>Confirm</Button>
            <Button onClick={() => setOpen("failed")}>Failed</Button>
            <Button onClick={() => setOpen("drawer")}>Drawer</Button>
          </div>
        </Sample>
        <Sample title="toast">
          <div className="row">
            <Button onClick={() => toast({ title: "core-1 was saved" })}>Short</Button>
            <Button onClick={() => toast({ title: "Backed up", text: "12 devices of site Bern" })}>
              With a text
            </Button>
          </div>
        </Sample>
        <Sample title="tabs">
          <Tabs
            label="Faces of a device"
            value={tab}
            onChange={setTab}
            tabs={[
              { value: "state", label: "State", content: "Up for 4 d." },
              { value: "ports", label: "Ports", content: "48 of them." },
            ]}
          />
        </Sample>
      </Samples>
      {open === "dialog" && (
        <Dialog title="A dialog" onClose={close}>
          <form className="stack" onSubmit={(event) => event.preventDefault()}>
            <TextField label="Dialog name" value="" onChange={none} />
            <div className="row end">
              <Button onClick={close}>Cancel</Button>
              <Button variant="primary" onClick={close}>
                Save
              </Button>
            </div>
          </form>
        </Dialog>
      )}
      {open === "drawer" && (
        <Drawer title="A drawer" onClose={close}>
          <p>What is read beside the page.</p>
        </Drawer>
      )}
      {(open === "confirm" || open === "failed") && (
        <Confirm
          title="Delete core-1?"
          action="Delete"
          busy={false}
          error={open === "failed" ? "It is in use." : null}
          onConfirm={close}
          onClose={close}
        >
          <p>It is no longer polled and leaves the lists.</p>
        </Confirm>
      )}
    </Group>
  );
}
