import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";
import { beginSession, login } from "../api/queries";
import { announce } from "../lib/session";
import { Field } from "../ui/Field";

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

export function LoginPage() {
  const client = useQueryClient();
  const [username, setUsername] = useState("admin");
  const [password, setPassword] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const attempt = useMutation({
    mutationFn: () => login(username, password),
    onSuccess: (session) => {
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
        {wrong.form && (
          <p role="alert" className="warn-line">
            ▲ {wrong.form}
          </p>
        )}
        <Field
          label="User name"
          name="username"
          autoComplete="username"
          value={username}
          required
          onChange={(event) => setUsername(event.target.value)}
        />
        <Field
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
          onChange={(event) => setPassword(event.target.value)}
        />
        <button type="submit" className="primary" disabled={attempt.isPending}>
          {attempt.isPending ? "Logging in…" : "Log in"}
        </button>
      </form>
    </main>
  );
}
