// Who is signed in, and the way to another password.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { absolute, zone } from "../../lib/format";
import { Button } from "../../parts/Button";
import { Answer } from "../../parts/Face";
import { Facts } from "../../parts/Facts";
import { PageHeading } from "../../parts/PageHeading";
import { ChangePassword } from "./ChangePassword";
import { sessionQuery } from "./queries";

export default function AccountPage() {
  const session = useQuery(sessionQuery);
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className="section-head">
        <PageHeading title="Your account" className="grow" />
        <Button onClick={() => setOpen(true)}>Change password</Button>
      </div>
      <Answer query={session} what="your account">
        {(data) =>
          data && (
            <>
              <Facts
                facts={[
                  ["Signed in as", data.username],
                  [
                    "Password",
                    data.one_time_password
                      ? "the one-time password: choose your own"
                      : "chosen by you",
                  ],
                  data.expires_at !== null && [
                    "Session",
                    `ends ${absolute(data.expires_at)} ${zone(data.expires_at)}, later if it is used`,
                  ],
                ]}
              />
              <ChangePassword open={open} username={data.username} onClose={() => setOpen(false)} />
            </>
          )
        }
      </Answer>
    </>
  );
}
