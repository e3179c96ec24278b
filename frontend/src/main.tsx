import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, whenUnauthorised } from "./api/client";
import { App } from "./app/App";
import { preloadPage } from "./app/router";
import { Boundary } from "./parts/Boundary";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refuses it refuses again; what was lost on the way is asked for again.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (attempt) => Math.min(4000, 400 * 2 ** attempt),
    },
  },
});

whenUnauthorised(() => client.setQueryData(["session"], null));
preloadPage();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Boundary what="OpsConductor">
          <App />
        </Boundary>
      </QueryClientProvider>
    </StrictMode>,
  );
}
