// Who is signed in, and the way to another password.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sessionQuery } from "../api/queries";
import { absolute, zone } from "../lib/format";
import { PasswordDialog } from "./PasswordDialog";

/** Put off until the browser's tab is closed, not for ever. */
const LATER = "password-later";

/** Suggests, once a session, to change a password that the program has made. */
export function OneTimeBanner() {
  const session = useQuery(sessionQuery).data;
  const [open, setOpen] = useState(false);
  const [later, setLater] = useState(() => sessionStorage.getItem(LATER) !== null);
  const putOff = () => {
    sessionStorage.setItem(LATER, "1");
    setLater(true);
  };
  const shown = session?.one_time_password && !later;
  return (
    <>
      {shown && (
        <aside className="banner" aria-label="Your password">
          <p className="grow">You signed in with the one-time password. Choose your own.</p>
          <button type="button" className="small" onClick={() => setOpen(true)}>
            Change password
          </button>
          <button type="button" className="link quiet" onClick={putOff}>
            Later
          </button>
        </aside>
      )}
      {open && session && (
        <PasswordDialog username={session.username} onClose={() => setOpen(false)} />
      )}
    </>
  );
}

export function Account() {
  const session = useQuery(sessionQuery).data;
  const [open, setOpen] = useState(false);
  if (!session) return null;
  return (
    <section aria-labelledby="account-head">
      <div className="section-head">
        <h2 id="account-head">Your account</h2>
        <button type="button" onClick={() => setOpen(true)}>
          Change password
        </button>
      </div>
      <dl className="facts">
        <dt>Signed in as</dt>
        <dd>{session.username}</dd>
        <dt>Password</dt>
        <dd>
          {session.one_time_password ? "the one-time password: choose your own" : "chosen by you"}
        </dd>
        {session.expires_at !== null && (
          <>
            <dt>Session</dt>
            <dd>
              ends {absolute(session.expires_at)} {zone(session.expires_at)}, later if it is used
            </dd>
          </>
        )}
      </dl>
      {open && <PasswordDialog username={session.username} onClose={() => setOpen(false)} />}
    </section>
  );
}
