// Bundles the page with the packages of one Grafana: node bundle.mjs FOLDER OUT,
// where FOLDER/node_modules holds them.
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const here = path.dirname(fileURLToPath(import.meta.url));
const [folder, out] = process.argv.slice(2);
await build({
  stdin: { contents: readFileSync(path.join(here, 'host.js'), 'utf8'), resolveDir: path.resolve(folder), sourcefile: 'host.js' },
  bundle: true,
  format: 'iife',
  outfile: out,
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.svg': 'dataurl', '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.png': 'dataurl', '.css': 'empty' },
  logLevel: 'error',
  legalComments: 'none',
});
