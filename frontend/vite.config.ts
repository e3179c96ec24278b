import { defineConfig } from "vitest/config";

// Where the development server finds the API: the mock (npm run mock) or a running system.
const api = process.env.OPSC_URL ?? "http://127.0.0.1:5000";
const paths = ["identity", "inventory", "monitoring", "automation", "credentials", "system"];
const proxy = Object.fromEntries(
  paths.map((path) => [`/${path}/v1`, { target: api, changeOrigin: false }]),
);

/** Pages for those who work on the product: in no build of it. */
const development = (mode: string): string => {
  const file = mode === "production" ? "none.ts" : "index.ts";
  return new URL(`src/modules/design/${file}`, import.meta.url).pathname;
};

export default defineConfig(({ mode }) => ({
  esbuild: { jsx: "automatic" },
  resolve: { alias: { "#development": development(mode) } },
  server: { port: 3000, strictPort: true, host: "127.0.0.1", proxy },
  build: {
    target: "es2022",
    minify: "terser",
    terserOptions: {
      ecma: 2020,
      compress: { passes: 3, ecma: 2020, module: true, toplevel: true },
      module: true,
    },
    // Small files inlined as data: URLs would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      onwarn: (warning, show) => {
        // "use client" is for server components, which are none here.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") show(warning);
      },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
}));
