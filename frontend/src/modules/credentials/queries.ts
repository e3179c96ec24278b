// What is asked about credentials, and what changes them.
import { queryOptions } from "@tanstack/react-query";
import { get, request } from "../../api/client";
import { minute } from "../../api/timing";
import type { Credential, CredentialKind } from "../../api/types";

export const credentialsQuery = queryOptions({
  queryKey: ["credentials"],
  queryFn: ({ signal }) =>
    get<{ items: Credential[] }>("/credentials/v1/credentials", undefined, signal),
});

/** They change with the program only. */
export const credentialKindsQuery = queryOptions({
  queryKey: ["credential-kinds"],
  queryFn: ({ signal }) =>
    get<{ items: CredentialKind[] }>("/credentials/v1/kinds", undefined, signal),
  staleTime: 60 * minute,
});

/** Its kind, and the kind's fields by name. */
export type CredentialBody = { kind: string } & Record<string, string>;

export const credentialPath = (name: string) =>
  `/credentials/v1/credentials/${encodeURIComponent(name)}`;

/** Refused (409) when there is one of that name. */
export const createCredential = (name: string, body: CredentialBody) =>
  request<unknown>("POST", "/credentials/v1/credentials", { body: { name, ...body } });
export const putCredential = (name: string, body: CredentialBody) =>
  request<unknown>("PUT", credentialPath(name), { body });
export const deleteCredential = (name: string) => request<void>("DELETE", credentialPath(name));
