import { readFileSync } from "node:fs";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const { env } = process;

// The page and the API are of one origin, as behind an ingress.
const proxy = {
  "/api": { target: env.GATEWAY_URL || "http://127.0.0.1:4000" },
  "/ws": { target: env.ANALYTICS_URL || "http://127.0.0.1:4004", ws: true },
};
// What nginx sends with the page where an image serves it.
const nginx = readFileSync(new URL("nginx/headers", import.meta.url), "utf8");
const headers = Object.fromEntries(
  Array.from(nginx.matchAll(/^add_header (\S+) "(.*)" always;$/gm), ([, name, value]) => [
    name,
    value,
  ]),
);
const server = {
  host: env.HOST || "127.0.0.1",
  port: Number(env.DASHBOARD_PORT || 3000),
  strictPort: true,
  proxy,
};

export default defineConfig({
  plugins: [react(), tailwindcss()],
  server,
  preview: { ...server, headers },
  build: {
    outDir: env.DASHBOARD_SITE || "dist",
    emptyOutDir: true,
    // An inlined file would be a data: address, which the policy above refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
