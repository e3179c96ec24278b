import { defineConfig } from "vitest/config";

// Where the development server finds the API: the mock (npm run mock) or a running system.
const api = process.env.OPSC_URL ?? "http://127.0.0.1:5000";
const paths = ["identity", "inventory", "monitoring", "automation", "credentials", "system"];
const proxy = Object.fromEntries(
  paths.map((path) => [`/${path}/v1`, { target: api, changeOrigin: false }]),
);

export default defineConfig({
  esbuild: { jsx: "automatic" },
  server: { port: 3000, strictPort: true, host: "127.0.0.1", proxy },
  build: {
    target: "es2022",
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
});
