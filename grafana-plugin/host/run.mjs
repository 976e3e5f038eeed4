// Drives the page in a headless browser: node run.mjs ADDRESS SCREENSHOTS.
// For work on one of them: ONLY is a regular expression of the names of cases, BUNDLES and
// THEMES are words with blanks between.
import { chromium } from 'playwright-core';
import { readFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { strange } from './strange.mjs';

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

async function accessible(page) {
  await page.evaluate(axe);
  // Grafana's own Select puts its options a level below its listbox: ours to use, not to change.
  const found = await page.evaluate(async () => (await window.axe.run({ include: ['body'], exclude: ['[data-testid="data-testid Select menu"]'] }, { resultTypes: ['violations'] })).violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })));
  const serious = found.filter((v) => (v.impact === 'serious' || v.impact === 'critical'));
  must(serious.length === 0, 'axe: ' + JSON.stringify(serious));
}

const choose = async (page, label, option) => {
  await page.getByLabel(label, { exact: true }).first().click();
  await page.getByText(option, { exact: true }).last().click();
};

const odd = strange({ must, choose, accessible });
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
  // Each mode shows its fields, takes what is typed and is accessible.
  ['query editor: every mode', 'query', {}, {}, async (page) => {
    const text = { Project: 'default', Environment: 'production', Release: 'shop@1.0.0', Service: 'web', Issue: '00000000000000aa', 'Trace id': '0'.repeat(32), Text: 'card', Tag: 'plan', 'Longer than': '5', Limit: '7' };
    for (const [label, mode, fields] of [
      ['Issues', 'issues', ['Status', 'Sort by', 'First seen here', 'Format', 'Project', 'Environment', 'Release', 'Service', 'Level', 'Text', 'Limit']],
      ['Events', 'events', ['Format', 'Project', 'Environment', 'Release', 'Service', 'Level', 'Issue', 'Trace id', 'Text', 'Limit']],
      ['Error trend', 'error_trend', ['Split by', 'Format', 'Project', 'Environment', 'Release', 'Service', 'Level', 'Issue', 'Text', 'Limit']],
      ['Logs', 'logs', ['Format', 'Project', 'Environment', 'Service', 'Level', 'Text', 'Trace id', 'Limit']],
      ['Trace', 'trace', ['Trace id', 'Project']],
      ['Trace search', 'trace_search', ['Project', 'Service', 'Text', 'Longer than', 'Only errors', 'Limit']],
      ['Releases', 'releases', ['Format', 'Project', 'Limit']],
      ['Outcomes', 'outcomes', ['Format', 'Project']],
      ['Lag', 'lag', ['Format', 'Project']],
      ['Catalog', 'catalog', ['Question', 'Format', 'Project', 'Limit']],
      ['SQL', 'sql', ['Format', 'Project', 'Limit']],
    ]) {
      await choose(page, 'Ask for', label);
      await page.waitForFunction((m) => window.__value.mode === m, mode);
      for (const name of fields) {
        const field = page.getByLabel(name, { exact: true }).first();
        await field.waitFor({ state: 'attached' });
        if (text[name]) {
          await field.fill(text[name]);
          await field.press('Enter');
        }
      }
      for (const name of Object.keys(text)) {
        must((await page.getByLabel(name, { exact: true }).count()) === (fields.includes(name) ? 1 : 0), `${label}: field ${name}`);
      }
      must((await page.getByTestId('sql').count()) === (mode === 'sql' ? 1 : 0), `${label}: the SQL editor`);
      await accessible(page);
    }
    await choose(page, 'Ask for', 'Error trend');
    await choose(page, 'Split by', 'tag');
    await page.getByLabel('Tag', { exact: true }).fill('plan');
    await page.getByLabel('Tag', { exact: true }).press('Enter');
    await choose(page, 'Ask for', 'Releases');
    await choose(page, 'Format', 'numeric');
    await page.getByLabel('Number', { exact: true }).waitFor();
    const v = await page.evaluate(() => window.__value);
    must(v.tagKey === 'plan' && v.format === 'numeric' && v.limit === 7 && v.text === 'card' && v.minDurationMs === 5, JSON.stringify(v));
  }],
  // A question of the catalog shows what it takes, and its answer.
  ['query editor: catalog', 'query', { mode: 'catalog' }, {}, async (page) => {
    await choose(page, 'Question', 'cost');
    await choose(page, 'by', 'tag');
    await page.getByLabel('key', { exact: true }).fill('plan');
    await page.getByLabel('key', { exact: true }).press('Enter');
    const v = await page.evaluate(() => window.__value);
    must(v.name === 'cost' && v.params.by === 'tag' && v.params.key === 'plan', JSON.stringify(v));
    const frames = await page.evaluate(() => window.ask(window.__value));
    must(frames[0].rows >= 2 && frames[0].fields.includes('bytes'), JSON.stringify(frames));
  }],
  // Filters of a query are seen, added and taken away.
  ['query editor: filters', 'query', { mode: 'events', filters: [{ key: 'a.b', operator: '=', value: 'x' }] }, {}, async (page) => {
    await page.getByRole('button', { name: 'Remove filter a.b' }).click();
    await page.getByLabel('Filter key').fill('plan');
    await choose(page, 'Filter operator', '=|');
    await page.getByLabel('Filter value').fill('pro, free');
    await page.getByLabel('Filter value').press('Enter');
    const v = await page.evaluate(() => window.__value);
    must(JSON.stringify(v.filters) === JSON.stringify([{ key: 'plan', operator: '=|', value: 'pro, free', values: ['pro', 'free'] }]), JSON.stringify(v.filters));
    const frames = await page.evaluate(() => window.ask(window.__value));
    must(frames[0].rows === 12, JSON.stringify(frames));
  }],
  ['config editor: every state', 'config', { jsonData: { tls: true, tlsSkipVerify: true, triageRole: 'nobody' } }, {}, async (page) => {
    await page.getByText('Anybody between Grafana and the store').waitFor();
    await choose(page, 'Who may triage', 'Admins');
    await page.getByRole('button', { name: /reset/i }).first().click();
    await page.getByLabel('Password', { exact: true }).fill('new');
    for (const [label, value] of [['Database', 'other'], ['User', 'somebody'], ['Triage user', 'hand'], ['Rows at most', '50'], ['Edges', 'edge:8000'], ['Traces data source', 'jaeger'], ['CA certificate', 'PEM'], ['Client certificate', 'MINE'], ['Client key', 'KEY']]) {
      await page.getByLabel(label, { exact: true }).fill(value);
    }
    await choose(page, 'It is', 'Jaeger');
    const v = await page.evaluate(() => window.__value);
    must(v.jsonData.triageRole === 'Admin' && v.jsonData.maxRows === 50 && v.jsonData.edges === 'edge:8000' && v.jsonData.database === 'other' && v.jsonData.username === 'somebody' && v.jsonData.triageUsername === 'hand' && v.jsonData.tracesDatasourceUid === 'jaeger' && v.jsonData.tracesDatasourceKind === 'jaeger', JSON.stringify(v));
    must(v.secureJsonFields.password === false && v.secureJsonData.password === 'new' && v.secureJsonData.tlsCACert === 'PEM' && v.secureJsonData.tlsClientCert === 'MINE' && v.secureJsonData.tlsClientKey === 'KEY', 'secrets: ' + JSON.stringify(Object.keys(v.secureJsonData)));
  }],
  ['variable editor', 'variable', {}, {}, async (page) => {
    for (const [label, kind] of [['project', 'project'], ['environment', 'environment'], ['release', 'release'], ['service', 'service'], ['tag key', 'tag_key'], ['issue', 'issue'], ['tag value', 'tag_value']]) {
      await choose(page, 'Values of', label);
      await page.waitForFunction((k) => window.__value.variable === k, kind);
      must((await page.getByLabel('Project', { exact: true }).count()) === (kind === 'project' ? 0 : 1), `${kind}: field Project`);
      await accessible(page);
    }
    await page.getByLabel('Tag key').fill('plan');
    await page.getByLabel('Tag key').press('Enter');
    await page.getByLabel('Containing').fill('pr');
    await page.getByLabel('Containing').press('Enter');
    const v = await page.evaluate(() => window.__value);
    must(v.variable === 'tag_value' && v.tagKey === 'plan' && v.containing === 'pr', JSON.stringify(v));
  }],
  ['panel editor', 'options', {}, {}, async (page) => {
    const option = page.getByLabel('Open a single issue').first();
    await option.waitFor({ state: 'attached' });
    must(await option.isChecked(), 'a single issue is not opened by default');
    await option.click({ force: true });
    const v = await page.evaluate(() => window.__value);
    must(v.openSingle === false, JSON.stringify(v));
  }],
  ['live tail', 'query', { mode: 'logs' }, {}, async (page) => {
    const live = await page.evaluate(() => window.follow({}, 1));
    must(live.state === 'Streaming' && live.bodies.some((b) => b.includes('live')), JSON.stringify(live));
  }],
  ['annotation editor', 'annotation', {}, {}, async (page) => {
    for (const [label, kind] of [['Regressions', 'regressions'], ['Triage actions', 'actions'], ['Releases', 'releases']]) {
      await choose(page, 'Mark', label);
      await page.waitForFunction((k) => window.__value.kind === k, kind);
      await accessible(page);
    }
    await page.getByLabel('Project', { exact: true }).fill('default');
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
    // The edge of the running store accepted, and all of it came through.
    const lag = await page.evaluate(() => window.ask({ mode: 'lag' }));
    must(lag[0].rows >= 1 && lag[0].fields[3] === 'waiting_seconds' && lag[0].first[0] === 'edge' && lag[0].first[3] < 60 && lag[0].first[5] > 0 && !lag[0].meta.notices, JSON.stringify(lag));
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
  ['panel: narrow', 'panel', { width: 480 }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    must(!(await page.getByRole('columnheader', { name: 'Assignee' }).isVisible()), 'a narrow list shows every column');
    must(!(await page.getByRole('columnheader', { name: 'Trend' }).isVisible()), 'a narrow list shows the trend');
    const wide = await page.evaluate(() => document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth);
    must(wide <= 1, `the list is ${wide} pixels wider than its panel`);
    // With keys alone: the first row is chosen, and opened.
    await page.getByRole('checkbox').nth(1).focus();
    await page.keyboard.press('Space');
    must(await page.getByRole('checkbox').nth(1).isChecked(), 'Space does not choose a row');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Stack trace' }).waitFor();
  }, 'narrow'],
  ['panel: resolve and reopen', 'panel', {}, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    const payment = page.getByRole('row').filter({ hasText: 'PaymentError' }).first();
    await payment.getByRole('checkbox').check({ force: true });
    await page.getByRole('button', { name: 'Resolve', exact: true }).click();
    await payment.getByText('resolved').filter({ visible: true }).first().waitFor();
    await payment.getByRole('checkbox').check({ force: true });
    await page.getByRole('button', { name: 'Reopen' }).click();
    await payment.getByText('ongoing').filter({ visible: true }).first().waitFor();
  }, 'panel'],
  ['pages: list to detail', 'app', { path: '/a/errata-errors-app/issues?status=all' }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    const trend = page.getByRole('row').filter({ hasText: 'PaymentError' }).first().getByRole('img', { name: /events? in \d+ parts of the range/ });
    must((await trend.getAttribute('aria-label')).startsWith('12 events'), await trend.getAttribute('aria-label'));
    await shot(page, 'issues');
    await page.getByText('PaymentError').first().click();
    await page.getByRole('tab', { name: 'Stack trace' }).waitFor();
    await page.getByText('shop/payment.py').first().waitFor();
    must((await page.getByText('KeyError').count()) > 0, 'the cause of the exception is not shown');
    for (const [tab, text] of [['Breadcrumbs', 'SELECT card'], ['Tags', 'plan'], ['Users', 'u1'], ['Events', 'shop@1.0.0'], ['Trace', 'of both protocols, in order'], ['Releases', 'shop@1.0.0'], ['Context', 'shop.example'], ['Grouping', 'Decided by'], ['History', '']]) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      if (text) {
        await page.getByText(text).first().waitFor();
      }
      await accessible(page);
      if (tab === 'Trace') {
        await shot(page, 'trace');
      }
    }
    // The time of the page is chosen on it and kept in its URL.
    await choose(page, 'Time', 'Last 24h');
    await page.waitForFunction(() => window.where().includes('range=24h'));
    await page.getByRole('tab', { name: 'Stack trace' }).click();
    await page.getByRole('button', { name: 'Assign' }).click();
    await page.getByLabel('Assign to').fill('team pay');
    await page.getByRole('dialog').getByRole('button', { name: 'Assign' }).click();
    await page.getByText('team pay').first().waitFor();
    // From the newest event to the oldest and back, one by one, in a list and by URL.
    const shown = () => page.evaluate(() => document.querySelector('[data-testid=event]').textContent);
    const search = () => page.evaluate(() => window.where());
    const button = (name) => page.getByRole('button', { name, exact: true });
    const newest = await shown();
    must(await button('Newer event').isDisabled(), 'something is newer than the newest event');
    await button('Older event').click();
    await page.waitForFunction((was) => document.querySelector('[data-testid=event]').textContent !== was, newest);
    must(/event=[0-9a-f]{32}/.test(await search()), await search());
    await button('Oldest event').click();
    await page.waitForFunction(() => [...document.querySelectorAll('button')].find((b) => b.getAttribute('aria-label') === 'Older event').disabled);
    must((await search()).includes('event=oldest'), await search());
    await page.getByRole('tab', { name: 'Events', exact: true }).click();
    await page.getByRole('button', { name: /^Show event/ }).first().click();
    await page.waitForFunction((was) => document.querySelector('[data-testid=event]').textContent === was, newest);
    await button('Oldest event').click();
    await button('Newest event').click();
    await page.waitForFunction((was) => document.querySelector('[data-testid=event]').textContent === was, newest);
    must(!(await search()).includes('event='), await search());
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
  // A link keeps its store, whose issues are those of no other.
  ['pages: a link to another store', 'app', { path: '/a/errata-errors-app/issues/1/0000000000000001?ds=elsewhere' }, {}, async (page) => {
    await page.getByText('There is no data source "elsewhere" here').first().waitFor();
  }],
  ['pages: a link that a rule sends', 'app', { path: '/a/errata-errors-app/issues/1/0000000000000001' }, {}, async (page) => {
    await page.getByText('no such issue').first().waitFor();
  }],
  ...odd,
];

let current = { bundle: '', theme: '' };
async function shot(page, name) {
  await page.screenshot({ path: path.join(here, 'dist', `${name}-${current.theme}-${current.bundle}.png`) });
  if (current.bundle === 'host19') {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: path.join(shots, `${name}-${current.theme}.png`) });
  }
}

const bundles = (process.env.BUNDLES ?? 'host18 host19').split(' ');
const themes = (process.env.THEMES ?? 'dark light').split(' ');
// What goes wrong in content and on the way is seen once a React and once a theme.
const paired = new Set(odd);
for (const bundle of bundles) {
  for (const theme of themes) {
    for (const one of cases) {
      const [name, kind, given, params, act, picture] = one;
      if ((only && !new RegExp(only).test(name)) || (paired.has(one) && bundles.length * themes.length > 1 && (bundle === 'host18') !== (theme === 'light'))) {
        continue;
      }
      current = { bundle, theme };
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      page.setDefaultTimeout(30000);
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
