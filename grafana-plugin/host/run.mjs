// Drives the page in a headless browser: node run.mjs ADDRESS SCREENSHOTS.
import { chromium } from 'playwright-core';
import { readFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

const here = path.dirname(fileURLToPath(import.meta.url));
const [address, shots] = process.argv.slice(2);
const axe = readFileSync(path.join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');
mkdirSync(path.join(here, 'dist'), { recursive: true });
execFileSync('node', [path.join(here, 'bundle.mjs'), path.join(here, '..'), path.join(here, 'dist/host18.js')], { stdio: 'inherit' });
execFileSync('node', [path.join(here, 'bundle.mjs'), here, path.join(here, 'dist/host19.js')], { stdio: 'inherit' });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
let failed = 0;
const only = process.env.ONLY;

function must(ok, what) {
  if (!ok) {
    throw new Error(what);
  }
}

async function accessible(page, ignore = []) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await window.axe.run('body', { resultTypes: ['violations'] })).violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })));
  const serious = found.filter((v) => (v.impact === 'serious' || v.impact === 'critical') && !ignore.includes(v.id));
  must(serious.length === 0, 'axe: ' + JSON.stringify(serious));
}

const choose = async (page, label, option) => {
  await page.getByLabel(label, { exact: true }).first().click();
  await page.getByText(option, { exact: true }).last().click();
};

const cases = [
  ['config editor', 'config', {}, {}, async (page) => {
    await page.getByLabel('ClickHouse address').fill('db:9440');
    await page.getByLabel('Triage password').fill('secret');
    await page.getByLabel('Timeout').fill('12');
    await page.getByLabel('TLS', { exact: true }).click({ force: true });
    await page.getByLabel('CA certificate').waitFor();
    const v = await page.evaluate(() => window.__value);
    must(v.jsonData.address === 'db:9440' && v.jsonData.timeoutSeconds === 12 && v.jsonData.tls === true && v.secureJsonData.triagePassword === 'secret', JSON.stringify(v));
    must(!JSON.stringify(v.jsonData).includes('secret'), 'a secret is in jsonData');
  }, 'config'],
  ['query editor', 'query', {}, {}, async (page) => {
    await page.getByLabel('Project').fill('default');
    await page.getByLabel('Project').press('Enter');
    await choose(page, 'Ask for', 'Error trend');
    await choose(page, 'Split by', 'release');
    const v = await page.evaluate(() => window.__value);
    must(v.mode === 'error_trend' && v.by === 'release' && v.project === 'default', JSON.stringify(v));
    const runs = await page.evaluate(() => window.__log.filter((l) => l === 'run').length);
    must(runs >= 3, `${runs} runs`);
    const frames = await page.evaluate(() => window.ask(window.__value));
    must(frames[0].fields.length >= 3 && frames[0].rows > 10, JSON.stringify(frames));
  }, 'query'],
  ['variable editor', 'variable', {}, {}, async (page) => {
    await choose(page, 'Values of', 'tag value');
    await page.getByLabel('Tag key').fill('plan');
    const v = await page.evaluate(() => window.__value);
    must(v.variable === 'tag_value' && v.tagKey === 'plan', JSON.stringify(v));
  }],
  ['annotation editor', 'annotation', {}, {}, async (page) => {
    await choose(page, 'Mark', 'Issues first seen');
    const v = await page.evaluate(() => window.__value);
    must(v.mode === 'annotations' && v.kind === 'first_seen', JSON.stringify(v));
    const frames = await page.evaluate(() => window.ask(window.__value));
    must(frames[0].rows >= 1 && frames[0].fields.includes('title'), JSON.stringify(frames));
  }],
  ['frames', 'query', {}, {}, async (page) => {
    for (const mode of ['issues', 'events', 'error_trend', 'logs', 'trace_search', 'releases', 'outcomes']) {
      const frames = await page.evaluate((m) => window.ask({ mode: m }), mode);
      must(frames.length > 0 && frames[0].rows > 0, `${mode}: ${JSON.stringify(frames)}`);
    }
    const found = await page.evaluate(() => window.ask({ mode: 'trace_search' }));
    const trace = found[0].first[0];
    const spans = await page.evaluate((id) => window.ask({ mode: 'trace', traceId: id }), trace);
    must(spans[0].meta.preferredVisualisationType === 'trace' && spans[0].fields[0] === 'traceID', JSON.stringify(spans));
    const sql = await page.evaluate(() => window.ask({ mode: 'sql', format: 'time_series', sql: 'SELECT $__timeInterval(ts) AS time, count() AS n FROM events WHERE $__timeFilter(ts) GROUP BY time ORDER BY time' }));
    must(sql[0].rows > 0, JSON.stringify(sql));
    const wrong = await page.evaluate(() => window.ask({ mode: 'sql', sql: 'SELEC 1' }).then(() => 'no error', (e) => e.message));
    must(wrong.includes('ClickHouse says'), wrong);
  }],
  ['panel as a viewer', 'panel', {}, { role: 'Viewer' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    must(await page.getByRole('button', { name: 'Resolve', exact: true }).isDisabled(), 'a viewer can resolve');
    const status = await page.evaluate(() => fetch('/api/datasources/uid/errata/resources/triage', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Test-Role': 'Viewer' }, body: '{}' }).then((r) => r.status));
    must(status === 403, `a viewer's write got ${status}`);
  }],
  ['panel: resolve and reopen', 'panel', {}, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    await page.getByRole('checkbox').nth(1).check({ force: true });
    await page.getByRole('button', { name: 'Resolve', exact: true }).click();
    await page.getByText('resolved').first().waitFor();
    await page.getByRole('checkbox').nth(1).check({ force: true });
    await page.getByRole('button', { name: 'Reopen' }).click();
    await page.getByText('ongoing').first().waitFor();
  }, 'panel'],
  ['pages: list to detail', 'app', { path: '/a/errata-errors-app/issues?status=all' }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    await shot(page, 'issues');
    await page.getByText('PaymentError').first().click();
    await page.getByRole('tab', { name: 'Stack trace' }).waitFor();
    await page.getByText('shop/payment.py').first().waitFor();
    must((await page.getByText('KeyError').count()) > 0, 'the cause of the exception is not shown');
    for (const [tab, text] of [['Breadcrumbs', 'SELECT card'], ['Tags', 'plan'], ['Trace', 'Trace '], ['Releases', 'shop@1.0.0'], ['Context', 'shop.example'], ['Grouping', 'Decided by'], ['History', '']]) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      if (text) {
        await page.getByText(text).first().waitFor();
      }
      await accessible(page);
    }
    await page.getByRole('tab', { name: 'Stack trace' }).click();
    await page.getByRole('button', { name: 'Assign' }).click();
    await page.getByLabel('Assign to').fill('team pay');
    await page.getByRole('dialog').getByRole('button', { name: 'Assign' }).click();
    await page.getByText('team pay').first().waitFor();
    await page.getByRole('button', { name: 'Older event' }).click();
    await page.getByText('shop/payment.py').first().waitFor();
  }, 'issue'],
  ['pages: merge and split', 'app', { path: '/a/errata-errors-app/issues?status=all' }, { role: 'Editor' }, async (page) => {
    const row = (text) => page.getByRole('row').filter({ hasText: text }).first();
    await row('PaymentError').waitFor();
    await row('PaymentError').getByRole('checkbox').check({ force: true });
    await row('breadcrumb trail').getByRole('checkbox').check({ force: true });
    await page.getByRole('button', { name: 'Merge' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Merge' }).click();
    // The survivor bears the title of its newest event.
    await page.waitForFunction(() => [...document.querySelectorAll('tr')].filter((r) => /PaymentError|breadcrumb trail/.test(r.textContent)).length === 1);
    await page.getByRole('link').filter({ hasText: /PaymentError|breadcrumb trail/ }).first().click();
    await page.getByRole('tab', { name: 'Grouping' }).click();
    await page.getByRole('button', { name: /^Split off/ }).first().click();
    await page.getByText('Merged into this issue').waitFor({ state: 'detached' });
  }],
  ['pages: a link that a rule sends', 'app', { path: '/a/errata-errors-app/issues/1/0000000000000001' }, {}, async (page) => {
    await page.getByText('no such issue').first().waitFor();
  }],
];

let current = { bundle: '', theme: '' };
async function shot(page, name) {
  await page.screenshot({ path: path.join(here, 'dist', `${name}-${current.theme}-${current.bundle}.png`) });
  if (current.bundle === 'host19') {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: path.join(shots, `${name}-${current.theme}.png`) });
  }
}

for (const bundle of ['host18', 'host19']) {
  for (const theme of ['dark', 'light']) {
    for (const [name, kind, given, params, act, picture] of cases) {
      if (only && !name.includes(only)) {
        continue;
      }
      current = { bundle, theme };
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      page.setDefaultTimeout(15000);
      const errors = [];
      page.on('pageerror', (e) => errors.push(e.message));
      const started = Date.now();
      try {
        await page.goto(`${address}/?${new URLSearchParams({ bundle, theme, ...params })}`);
        const r = await page.evaluate(([k, g]) => window.run(k, g), [kind, given]);
        must(r.react.startsWith(bundle === 'host18' ? '18.' : '19.'), `React ${r.react}`);
        await act(page);
        await accessible(page);
        if (picture) {
          await shot(page, picture);
        }
        const bad = (await page.evaluate(() => window.__log)).filter((l) => l !== 'run');
        must(errors.length === 0 && bad.length === 0, [...errors, ...bad].join('; '));
        console.log(`ok   ${bundle} ${theme} ${name} ${Date.now() - started} ms`);
      } catch (e) {
        failed++;
        console.log(`FAIL ${bundle} ${theme} ${name}: ${e.message.slice(0, 1500)} ${errors.join('; ')}`);
        await page.screenshot({ path: path.join(here, 'dist', `failed-${bundle}-${theme}-${kind}.png`) }).catch(() => {});
      }
      await page.close();
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
