// A part that fails becomes a face with the reason, never a white page. What fails for want of a
// file is loaded afresh by itself, once, when the server is there: after an upgrade the files that
// an open page knows have other names.
import { CircleX } from "lucide-react";
import { Component, type ReactNode } from "react";
import { canReload, isMissingPart, reloadOnce } from "../lib/reload";

interface Props {
  /** What is inside, for the sentence: "This page could not be shown". */
  what: string;
  /** Of a page: its path. Another path is another try. */
  at?: string;
  /** Of something small: a word in its place instead of a face. */
  small?: boolean;
  children: ReactNode;
}

interface State {
  error: unknown;
  at: string | undefined;
  /** A file is missing and the page is about to be loaded afresh. */
  reloading: boolean;
}

export class Boundary extends Component<Props, State> {
  override state: State = { error: null, at: this.props.at, reloading: false };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error: error ?? new Error("unknown"), reloading: isMissingPart(error) && canReload() };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    if (props.at === state.at) return null;
    return { at: props.at, error: null, reloading: false };
  }

  override componentDidCatch(error: unknown): void {
    if (!isMissingPart(error)) return;
    window.addEventListener("online", this.online);
    void reloadOnce().then((done) => {
      if (!done) this.setState({ reloading: false });
    });
  }

  override componentWillUnmount(): void {
    window.removeEventListener("online", this.online);
  }

  /** What was missing for want of a network can be had now. */
  private readonly online = () => {
    if (this.state.error !== null) void reloadOnce();
  };

  override render(): ReactNode {
    const { error, reloading } = this.state;
    if (error === null) return this.props.children;
    if (this.props.small) {
      return (
        <span role="alert" className="field-error">
          could not be loaded
        </span>
      );
    }
    if (reloading) {
      return (
        <div className="face" role="status">
          <p className="face-title">Loading the page afresh…</p>
        </div>
      );
    }
    return <Broken what={this.props.what} error={error} page={this.props.at !== undefined} />;
  }
}

/** Around what opens on a button: a menu, a tooltip. */
export const Quiet = ({ children }: { children: ReactNode }) => (
  <Boundary what="This part" small>
    {children}
  </Boundary>
);

function Broken({ what, error, page }: { what: string; error: unknown; page: boolean }) {
  const missing = isMissingPart(error);
  return (
    <div className="face face-error" role="alert">
      <CircleX className="face-mark" aria-hidden="true" />
      {page ? (
        <h1 className="face-title">{what} could not be shown</h1>
      ) : (
        <p className="face-title">{what} could not be shown</p>
      )}
      <div className="face-text">
        {missing ? (
          <p>
            A part of the program did not load:{" "}
            {navigator.onLine === false
              ? "this computer is offline."
              : "the server does not answer, or it was upgraded and the part has gone."}{" "}
            What you see elsewhere on the page may be old.
          </p>
        ) : (
          <p>A fault of the program, not of your network: what it says stands below.</p>
        )}
        <p>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </p>
        <p className="row">
          <button type="button" className="button" onClick={() => location.reload()}>
            Load the page afresh
          </button>
          <a href="/">Go to the devices</a>
        </p>
      </div>
    </div>
  );
}
