// Tries the device from the server before anything is saved.
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { DeviceTest } from "../../api/types";
import { duration, plural } from "../../lib/format";
import { Button } from "../../parts/Button";
import { StateShape } from "../../parts/State";
import { draftOf, type Typed, usesEchoes } from "./draft";
import { testDevice } from "./queries";

export function DeviceTestPanel({ typed }: { typed: Typed }) {
  const running = useRef<AbortController | null>(null);
  const test = useMutation({
    mutationFn: () => {
      running.current?.abort();
      running.current = new AbortController();
      const { address, port, profile, credential, any_source } = draftOf(typed).draft;
      const body = { address, credential: credential ?? null, any_source };
      return testDevice(
        { ...body, ...(port && { port }), ...(profile && { profile }) },
        running.current.signal,
      );
    },
  });
  const about = `${typed.address}|${typed.port}|${typed.profile}|${typed.credential}|${typed.any_source}`;
  const { reset } = test;
  // A result belongs to what was tested; other words in the form make it worthless.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when `about` changes
  useEffect(() => reset(), [about, reset]);
  useEffect(() => () => running.current?.abort(), []);
  return (
    <fieldset>
      <legend className="label">Test before saving</legend>
      <div className="stack">
        <div className="row">
          <Button
            busy={test.isPending}
            disabled={!typed.address.trim()}
            onClick={() => test.mutate()}
          >
            {test.isPending ? "Testing…" : "Test"}
          </Button>
          <span className="hint">Asks the device once, from the server. Nothing is stored.</span>
        </div>
        {usesEchoes(typed) && (
          <p className="hint">
            The test sends its own echo requests, not those set under Advanced: a device that needs
            them can fail it.
          </p>
        )}
        <div role="status">
          {test.error && <p className="field-error">{test.error.message}</p>}
          {test.data && <Result result={test.data} />}
        </div>
      </div>
    </fieldset>
  );
}

function Result({ result }: { result: DeviceTest }) {
  return (
    <>
      <ul className="steps">
        {result.steps.map((step) => (
          <li key={step.name}>
            <span className="state-mark">
              <StateShape state={step.ok ? "up" : "down"} />
              <b>{step.name.toUpperCase()}</b> {step.ok ? "ok" : "failed"}
            </span>
            <span>{step.detail}</span>
            <span className="muted">{duration(step.duration_ms)}</span>
          </li>
        ))}
      </ul>
      {result.sys_name && (
        <p>
          It says it is <b>{result.sys_name}</b>
          {result.sys_descr && ` (${result.sys_descr})`}
          {result.interfaces !== null && `, ${plural(result.interfaces, "interface")}`}
          {result.profile && `, profile ${result.profile}`}.
        </p>
      )}
    </>
  );
}
