// Suggests, once a session, to change a password that the program has made.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { ChangePassword } from "./ChangePassword";
import { sessionQuery } from "./queries";

/** Put off until the browser's tab is closed, not for ever. */
const LATER = "password-later";

export function OneTimeBanner() {
  const session = useQuery(sessionQuery).data;
  const [later, setLater] = useState(() => sessionStorage.getItem(LATER) !== null);
  const putOff = () => {
    sessionStorage.setItem(LATER, "1");
    setLater(true);
  };
  // The dialog stays where the banner was, to say that it worked.
  const [open, setOpen] = useState(false);
  const shown = session?.one_time_password && !later;
  if (!session || (!shown && !open)) return null;
  return (
    <>
      {shown && (
        <aside className="banner" aria-label="Your password">
          <p className="grow">You signed in with the one-time password. Choose your own.</p>
          <Button size="small" onClick={() => setOpen(true)}>
            Change password
          </Button>
          <Button variant="link" onClick={putOff}>
            Later
          </Button>
        </aside>
      )}
      <ChangePassword open={open} username={session.username} onClose={() => setOpen(false)} />
    </>
  );
}
