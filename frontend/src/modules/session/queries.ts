// Who is signed in, and what changes that.
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiError, get, request } from "../../api/client";
import type { Session } from "../../api/types";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await get<Session>("/identity/v1/session", undefined, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const login = (username: string, password: string) =>
  request<Session>("POST", "/identity/v1/session", { body: { username, password } });
export const logout = () => request<void>("DELETE", "/identity/v1/session");
export const changePassword = (current_password: string, new_password: string) =>
  request<void>("PUT", "/identity/v1/password", { body: { current_password, new_password } });
/** Logged in or out: nothing that another session saw stays. */
export function beginSession(client: QueryClient, session: Session | null): void {
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  client.setQueryData(sessionQuery.queryKey, session);
}
