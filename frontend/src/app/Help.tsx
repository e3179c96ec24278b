// The keys of the whole program, and what each area has to say about itself.
import { useQuery } from "@tanstack/react-query";
import { Dialog } from "../parts/Dialog";
import { Loading } from "../parts/Face";
import { ACTIONS, AREAS, PLACES } from "./areas";
import type { Help } from "./module";

const SHELL: Help = {
  title: "Everywhere",
  keys: [
    [["/"], "search"],
    ...PLACES.map(({ key, label }) => [["g", key], `go to ${label.toLowerCase()}`] as const),
    ...ACTIONS.flatMap(({ key, label }) => (key ? [[[key], label.toLowerCase()] as const] : [])),
    [["Esc"], "close what is open"],
    [["?"], "this sheet"],
  ],
};

async function loadHelp(): Promise<Help[]> {
  const areas = await Promise.all(AREAS.flatMap(({ help }) => help?.() ?? []));
  return [SHELL, ...areas.map(({ help }) => help)];
}

export default function HelpSheet({ onClose }: { onClose: () => void }) {
  const help = useQuery({ queryKey: ["help"], queryFn: loadHelp, staleTime: Infinity });
  return (
    <Dialog title="Keys and help" onClose={onClose}>
      {help.data ? (
        <div className="stack">
          {help.data.map((each) => (
            <Topic key={each.title} help={each} />
          ))}
        </div>
      ) : (
        <Loading what="the help" />
      )}
    </Dialog>
  );
}

function Topic({ help: { title, keys = [], notes = [] } }: { help: Help }) {
  return (
    <section>
      <h3>{title}</h3>
      {keys.length > 0 && (
        <dl className="keys">
          {keys.map(([names, text]) => (
            <div key={text}>
              <dt>
                {names.map((name) => (
                  <kbd key={name}>{name}</kbd>
                ))}
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      {notes.map((note) => (
        <p key={note} className="hint">
          {note}
        </p>
      ))}
    </section>
  );
}
