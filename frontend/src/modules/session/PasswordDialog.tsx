import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Warning } from "../../parts/Face";
import { TextField } from "../../parts/Field";
import { changePassword, sessionQuery } from "./queries";

/** The server has the last word; this spares the way there. */
const MIN_CHARS = 12;

interface Typed {
  current: string;
  fresh: string;
  again: string;
}

function complaints(typed: Typed, error: Error | null): Partial<Typed> & { form?: string } {
  if (typed.fresh !== typed.again) return { again: "is not the same as above" };
  if (!error) return {};
  if (!(error instanceof ApiError)) return { form: error.message };
  const current = error.field("current_password");
  const fresh = error.field("new_password");
  if (!current && !fresh) return { form: error.message };
  return { ...(current && { current }), ...(fresh && { fresh }) };
}

export default function PasswordDialog({
  username,
  onClose,
}: {
  username: string;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [typed, setTyped] = useState<Typed>({ current: "", fresh: "", again: "" });
  const [tried, setTried] = useState(false);
  const save = useMutation({
    mutationFn: () => changePassword(typed.current, typed.fresh),
    onSuccess: async () => {
      setTyped({ current: "", fresh: "", again: "" });
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
  if (save.isSuccess) {
    return (
      <Dialog title="Password changed" onClose={onClose}>
        <p>It counts from now on. All your other sessions were signed out.</p>
        <div className="row end">
          <Button variant="primary" onClick={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (typed.fresh === typed.again) save.mutate();
  };
  const wrong = tried ? complaints(typed, save.error) : {};
  const password = (name: keyof Typed, autoComplete: string) => ({
    type: "password",
    name,
    autoComplete,
    required: true,
    maxLength: 256,
    value: typed[name],
    error: wrong[name],
    onChange: (value: string) => {
      setTried(false);
      setTyped({ ...typed, [name]: value });
    },
  });
  return (
    <Dialog title={`Change the password of ${username}`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {wrong.form && <Warning role="alert">{wrong.form}</Warning>}
        {/* For password managers: whose it is. */}
        <input type="hidden" name="username" autoComplete="username" value={username} />
        <TextField label="Current password" {...password("current", "current-password")} />
        <TextField
          label="New password"
          minLength={MIN_CHARS}
          hint={`At least ${MIN_CHARS} characters. Several words are easy to keep in mind.`}
          {...password("fresh", "new-password")}
        />
        <TextField label="New password again" {...password("again", "new-password")} />
        <div className="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {save.isPending ? "Changing…" : "Change password"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
