// Times what a person waits for on much data: node paint.mjs ADDRESS.
// Grafana itself is loaded already, the plugin's modules and answers are not.
import { chromium } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

const here = path.dirname(fileURLToPath(import.meta.url));
const address = process.argv[2];
execFileSync('node', [path.join(here, 'bundle.mjs'), here, path.join(here, 'dist/host19.js')], { stdio: 'inherit' });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });

const took = {};
const note = (name, ms) => (took[name] ??= []).push(ms);
for (let n = 0; n < 10; n++) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(30000);
  for (const [name, kind, params] of [['panel, 14 days', 'panel', {}], ['page, all states', 'app', { path: '/a/errata-errors-app/issues?status=all' }], ['page, unresolved', 'app', { path: '/a/errata-errors-app/issues' }]]) {
    await page.goto(`${address}/?${new URLSearchParams({ bundle: 'host19', theme: 'dark', role: 'Editor', ...params })}`);
    note(name + ': first rows', await page.evaluate(async (k) => {
      const start = performance.now();
      void window.run(k, {});
      while (!document.querySelector('tbody tr td')) {
        await new Promise(requestAnimationFrame);
      }
      return performance.now() - start;
    }, kind));
  }
  const start = Date.now();
  await page.locator('tbody tr a').first().click();
  await page.getByRole('tab', { name: 'Stack trace' }).waitFor();
  note('detail: opened by a click', Date.now() - start);
  await page.close();
}
for (const [name, all] of Object.entries(took)) {
  const [first, ...rest] = all;
  rest.sort((a, b) => a - b);
  console.log(`${name}: the first time ${Math.round(first)} ms, then p50 ${Math.round(rest[4])}, slowest of nine ${Math.round(rest[8])} ms`);
}
await browser.close();
