import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { leavePage } from "../../lib/focus";
import { announce } from "../../lib/tabs";
import { Button } from "../../parts/Button";
import { Warning } from "../../parts/Face";
import { TextField } from "../../parts/Field";
import { beginSession, login } from "./queries";
import "./session.css";

function complaint(error: Error): { field?: string; form?: string } {
  if (!(error instanceof ApiError)) return { form: error.message };
  if (error.status === 401) return { field: "User name or password is wrong." };
  if (error.status === 429) {
    return {
      form: error.problem.detail || "Too many attempts. Wait a minute, then try again.",
    };
  }
  return error.field("password") ? { field: error.message } : { form: error.message };
}

export default function LoginPage() {
  const client = useQueryClient();
  const [username, setUsername] = useState("admin");
  const [password, setPassword] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const attempt = useMutation({
    mutationFn: () => login(username, password),
    onSuccess: (session) => {
      leavePage();
      beginSession(client, session);
      announce({ kind: "signed-in" });
    },
    onError: () => form.current?.querySelector<HTMLInputElement>("[type=password]")?.select(),
  });
  useEffect(() => {
    document.title = "Log in · OpsConductor";
    form.current?.querySelector<HTMLInputElement>("[type=password]")?.focus();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    attempt.mutate();
  };
  const wrong = attempt.error ? complaint(attempt.error) : {};
  return (
    <main className="centre">
      <form className="login stack" onSubmit={submit} ref={form}>
        <h1>OpsConductor</h1>
        {wrong.form && <Warning role="alert">{wrong.form}</Warning>}
        <TextField
          label="User name"
          name="username"
          autoComplete="username"
          value={username}
          required
          onChange={setUsername}
        />
        <TextField
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          value={password}
          required
          error={wrong.field}
          hint={
            <>
              First time here? The first start printed a one-time password for <code>admin</code>.
              Lost it? <code>opsconductor password</code> on the server makes a new one.
            </>
          }
          onChange={setPassword}
        />
        <Button type="submit" variant="primary" busy={attempt.isPending}>
          {attempt.isPending ? "Logging in…" : "Log in"}
        </Button>
      </form>
    </main>
  );
}
