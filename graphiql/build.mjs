// Puts GraphiQL and what it needs into files of our own, beside the page that shows them.
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const place = "../src/conductus/graphql/page/built";
rmSync(place, { recursive: true, force: true });
await build({
  entryPoints: {
    graphiql: "console.mjs",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
  },
  outdir: place,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "eof",
  logLevel: "warning",
  loader: { ".ttf": "dataurl" },
  define: { "process.env.NODE_ENV": '"production"' },
});
console.log(readdirSync(place).join(" "));
