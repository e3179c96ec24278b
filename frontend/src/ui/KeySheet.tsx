import { Dialog } from "./Dialog";

const KEYS: [string[], string][] = [
  [["/"], "search devices"],
  [["j"], "next row"],
  [["k"], "row before"],
  [["Enter"], "open the row"],
  [["n"], "add a device"],
  [["g", "d"], "go to devices"],
  [["g", "a"], "go to anomalies"],
  [["g", "c"], "go to credentials"],
  [["g", "s"], "go to system"],
  [["Esc"], "close what is open"],
  [["?"], "this sheet"],
];

export function KeySheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p className="hint">In a chart: drag to zoom, double-click to go back.</p>
    </Dialog>
  );
}
