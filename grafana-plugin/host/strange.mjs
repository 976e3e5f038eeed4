// Cases of unusual content, of failures and of two stores: what strangers send, and
// what goes wrong between a browser and the store.

const LARGE = '0000000000000000000000000000ab1e';
const ISSUES = '/a/errata-errors-app/issues';

// api asks the backend as somebody, past the pages.
const api = (page, uid, path, role = 'Editor', body = undefined) =>
  page.evaluate(
    ([u, p, r, b]) =>
      fetch(`/api/datasources/uid/${u}/resources/${p}`, { method: b ? 'POST' : 'GET', headers: { 'X-Test-Role': r, 'Content-Type': 'application/json' }, body: b && JSON.stringify(b) }).then((res) => res.json()),
    [uid, path, role, body]
  );

const issueNamed = async (page, uid, text, must) => {
  const { issues } = await api(page, uid, 'issues?limit=200');
  const found = issues.find((i) => i.title.includes(text));
  must(found, `no issue ${text} in ${uid}`);
  return found;
};

// goTo changes the URL as a link inside of Grafana does.
const goTo = (page, path) => page.evaluate((p) => window.goTo(p), path);

// inside fails where something is wider than the page, or markup of an event became real.
async function inside(page, must, what) {
  const found = await page.evaluate(() => ({ hacked: window.__hacked, images: document.querySelectorAll('img[src="x"], img[onerror]').length, links: [...document.querySelectorAll('a')].filter((a) => a.protocol === 'javascript:').length, wider: document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth }));
  must(found.hacked === undefined && found.images === 0 && found.links === 0, `${what}: markup of an event became real: ${JSON.stringify(found)}`);
  must(found.wider <= 1, `${what}: ${found.wider} pixels wider than the page`);
}

const TABS = ['Stack trace', 'Breadcrumbs', 'Tags', 'Users', 'Events', 'Trace', 'Releases', 'Context', 'Grouping', 'History'];

export const strange = ({ must, choose, accessible }) => [
  ['pages: unusual content', 'app', { path: `${ISSUES}?status=all&environment=odd` }, {}, async (page) => {
    await page.getByText('OddError').first().waitFor();
    await inside(page, must, 'list');
    const odd = await issueNamed(page, 'errata', 'OddError', must);
    await goTo(page, `${ISSUES}/${odd.project}/${odd.issue}`);
    await page.getByText('Part of').or(page.getByText('Caused by')).first().waitFor();
    // A hundred frames, those of libraries folded, and what led to it below.
    await page.getByRole('button', { name: /^Show 34 more of libraries/ }).first().click();
    must((await page.getByText(/^odd\/deep_/).count()) >= 100, 'not every frame is shown');
    must((await page.getByText('Caused by').count()) === 2, 'the chain of three is not shown');
    for (const tab of TABS) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByText(/^Loading/).first().waitFor({ state: 'detached' });
      await inside(page, must, tab);
      await accessible(page);
    }
    await page.getByRole('tab', { name: 'Breadcrumbs', exact: true }).click();
    for (const text of ['/a → /b', 'button#pay > span.icon', '503', 'console']) {
      must((await page.getByText(text).count()) > 0, `breadcrumb ${text}`);
    }
    await page.getByRole('tab', { name: 'Context', exact: true }).click();
    must((await page.getByText('<b>bold</b>').count()) > 0, 'the name of the user');
    // A group names what it holds, its parts name their causes.
    const group = await issueNamed(page, 'errata', 'OddGroup', must);
    await goTo(page, `${ISSUES}/${group.project}/${group.issue}`);
    await page.getByText('exception group', { exact: true }).waitFor();
    for (const text of ['1 of 2 in OddGroup', '2 of 2 in OddGroup', 'Cause of OddValue']) {
      await page.getByText(text, { exact: true }).waitFor();
    }
    must((await page.getByText('regressed', { exact: true }).count()) > 0, 'an issue that came back is not regressed');
    await page.getByRole('tab', { name: 'History', exact: true }).click();
    must((await page.getByText(/comment number/).count()) === 60, 'the history is not whole');
    await inside(page, must, 'history');
    // Nothing but eight kilobytes of text.
    const message = await issueNamed(page, 'errata', 'Odd message', must);
    await goTo(page, `${ISSUES}/${message.project}/${message.issue}`);
    await page.getByRole('tab', { name: 'Stack trace', exact: true }).click();
    await page.getByText(/^Odd message (0123456789abcdef ?){100}/).first().waitFor();
    await inside(page, must, 'message');
    for (const [tab, text] of [['Users', 'No event names a user'], ['Releases', 'No release'], ['Breadcrumbs', 'No breadcrumbs'], ['Trace', 'no trace']]) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByText(text).first().waitFor();
    }
  }, 'odd'],

  ['pages: menus and dialogs', 'app', { path: `${ISSUES}?status=all` }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    for (const label of ['Status', 'Sort by', 'Time']) {
      await page.getByLabel(label, { exact: true }).first().click();
      await page.getByRole('option').or(page.getByRole('menuitemradio')).first().waitFor();
      await accessible(page);
      await page.keyboard.press('Escape');
      await page.getByRole('listbox').waitFor({ state: 'detached' });
    }
    await page.getByLabel('Choose all issues').check({ force: true });
    for (const name of ['Resolve in release', 'Ignore', 'Assign', 'Comment', 'Merge']) {
      const button = page.getByRole('button', { name, exact: true }).first();
      await button.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await accessible(page);
      // By keys alone: the first field has the focus, Escape leads back.
      must(await page.evaluate(() => document.querySelector('[role=dialog]').contains(document.activeElement)), `${name}: the focus is not in the dialog`);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.waitForFunction((n) => document.activeElement.textContent === n, name, { timeout: 3000 }).catch(() => must(false, `${name}: the focus did not come back`));
    }
    // An issue and its tabs by keys alone.
    await page.getByRole('link').filter({ hasText: 'PaymentError' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Stack trace' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('[role=tab][aria-selected=true]').textContent === 'Breadcrumbs');
  }],

  ['pages: a viewer changes nothing', 'app', { path: `${ISSUES}?status=all` }, { role: 'Viewer' }, async (page) => {
    await page.getByText('LargeError').first().waitFor();
    const [a, b] = [await issueNamed(page, 'errata', 'LargeError0', must), await issueNamed(page, 'errata', 'LargeError1', must)];
    const write = (action, more) => api(page, 'errata', 'triage', 'Editor', { project: a.project, action, ...more });
    await write('merge', { issues: [b.issue], into: a.issue });
    const disabled = async (names) => {
      for (const name of names) {
        const all = page.getByRole('button', { name, exact: typeof name === 'string' });
        must((await all.count()) > 0, `no button ${name}`);
        for (const one of await all.all()) {
          must(await one.isDisabled(), `a viewer has the button ${name}`);
        }
      }
    };
    await page.getByLabel('Choose all issues').check({ force: true });
    await page.getByText('Your role may look').first().waitFor();
    await disabled(['Resolve', 'Resolve in release', 'Ignore', 'Assign', 'Comment', 'Merge']);
    await goTo(page, `${ISSUES}/${a.project}/${a.issue}`);
    await page.getByRole('tab', { name: 'Grouping' }).click();
    await page.getByText('Merged into this issue').waitFor();
    await disabled(['Resolve', 'Resolve in release', 'Ignore', 'Assign', 'Comment', /^Split off/]);
    await accessible(page);
    await write('split', { issues: [b.issue] });
  }],

  ['pages: the backend fails', 'app', { path: `${ISSUES}?status=all&environment=production` }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    const issue = await issueNamed(page, 'errata', 'PaymentError', must);
    let fault;
    await page.route('**/resources/**', (route) => (fault && new RegExp(fault.where).test(route.request().url()) ? (fault.cut ? route.abort() : route.fulfill(fault)) : route.fallback()));
    const html = (status, title) => ({ status, contentType: 'text/html', body: `<html><head><title>${status} ${title}</title></head><body><center><h1>${status} ${title}</h1></center><hr>nginx</body></html>` });
    const faults = [
      [{ status: 403, contentType: 'application/json', body: '{"message":"You do not have access to this data source"}' }, 'You do not have access'],
      [{ status: 500, contentType: 'application/json', body: '{"message":"plugin.downstreamError"}' }, 'plugin.downstreamError'],
      [html(504, 'Gateway Time-out'), /took too long.*narrow/i],
      [html(413, 'Request Entity Too Large'), /too large/i],
      [html(502, 'Bad Gateway'), /cannot be reached/i],
      [{ cut: true }, /connection/i],
    ];
    for (const [n, [given, said]] of faults.entries()) {
      // The list, then an issue: the sentence, and a way on that works.
      for (const [where, path, back] of [['/issues\\?', `${ISSUES}?status=all&q=PaymentError&page=0&n=${n}`, 'PaymentError'], [`/${issue.issue}`, `${ISSUES}/${issue.project}/${issue.issue}?n=${n}`, 'shop/payment.py']]) {
        fault = { where, ...given };
        await goTo(page, path);
        await page.getByRole('alert').filter({ hasText: said }).first().waitFor();
        must(!(await page.getByText('<html>').count()) && !(await page.getByText('nginx').count()), `markup of a proxy: ${said}`);
        if (n === 2) {
          await accessible(page);
        }
        fault = undefined;
        await page.getByRole('button', { name: 'Try again' }).first().click();
        await page.getByText(back).first().waitFor();
      }
    }
    // A tab alone fails, and comes back.
    for (const [tab, where] of [['Users', '/users'], ['Events', '/events'], ['Trace', '/traces/']]) {
      fault = { where, ...html(504, 'Gateway Time-out') };
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByText(/took too long/).first().waitFor();
      fault = undefined;
      await page.getByRole('button', { name: 'Try again' }).first().click();
      await page.getByText(/took too long/).waitFor({ state: 'detached' });
    }
    // A write that fails is told, and can be done again.
    fault = { where: '/triage', ...html(413, 'Request Entity Too Large') };
    await page.getByRole('button', { name: 'Comment', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Comment').fill('kept over a failure');
    await page.getByRole('dialog').getByRole('button', { name: 'Comment' }).click();
    await page.getByRole('dialog').getByRole('alert').filter({ hasText: /too large/i }).waitFor();
    fault = undefined;
    await page.getByRole('dialog').getByRole('button', { name: 'Comment' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('tab', { name: 'History', exact: true }).click();
    await page.getByText('kept over a failure').first().waitFor();
    // Who may triage is not known: that is said, not waited for.
    fault = { where: '/me', ...html(502, 'Bad Gateway') };
    await goTo(page, `${ISSUES}?status=all&ds=second`);
    await page.getByText(/cannot be reached/).first().waitFor();
    must(await page.getByRole('button', { name: 'Resolve', exact: true }).isDisabled(), 'who is not known can resolve');
    await page.unroute('**/resources/**');
  }],

  ['pages: two stores', 'app', { path: `${ISSUES}?status=all&q=PaymentError` }, { role: 'Editor' }, async (page) => {
    const row = page.getByRole('row').filter({ hasText: 'PaymentError' }).first();
    await row.waitFor();
    const events = () => row.locator('td').nth(4).textContent();
    must((await events()) === '12', `the first store has ${await events()}`);
    await choose(page, 'Data source', 'Second store');
    await page.waitForFunction(() => window.where().includes('ds=second'));
    await page.waitForFunction(() => [...document.querySelectorAll('tr')].some((r) => r.textContent.includes('PaymentError') && r.querySelectorAll('td')[4]?.textContent === '1'));
    must((await row.getByRole('link').getAttribute('href')).includes('ds=second'), 'the link of a row loses its store');
    await row.getByRole('link').click();
    await page.getByText('shop/payment.py').first().waitFor();
    const here = await page.evaluate(() => window.where());
    must(here.includes('ds=second'), here);
    for (const name of ['Events in Explore', 'Trace in Explore', 'Logs in Explore']) {
      const href = decodeURIComponent(await page.getByRole('link', { name }).getAttribute('href'));
      must(href.includes('"uid":"second"') && !href.includes('"uid":"errata"'), `${name}: ${href}`);
    }
    // The same issue by the same id is in both; a write reaches the one that is shown.
    const second = await issueNamed(page, 'second', 'PaymentError', must);
    const before = await api(page, 'errata', `issues/${second.project}/${second.issue}?brief=true`);
    must(before.events === 12 && second.events === 1, 'the same issue is not in both stores');
    await page.getByRole('button', { name: 'Assign' }).click();
    await page.getByLabel('Assign to').fill('second team');
    await page.getByRole('dialog').getByRole('button', { name: 'Assign' }).click();
    await page.getByText('second team').first().waitFor();
    const after = await api(page, 'errata', `issues/${second.project}/${second.issue}?brief=true`);
    must(after.assignee === before.assignee, `the other store got the assignee ${after.assignee}`);
    // Over to the other store by URL: nothing of the first is shown, or written to, on the way.
    await page.route('**/uid/errata/resources/issues/**', async (route) => {
      await new Promise((r) => setTimeout(r, 700));
      await route.continue();
    });
    await goTo(page, `${ISSUES}/${second.project}/${second.issue}?ds=errata`);
    must(!(await page.getByText('second team').count()), 'the issue of the other store is still shown, over the buttons of this one');
    await page.getByText('shop/payment.py').first().waitFor();
    await page.unroute('**/uid/errata/resources/issues/**');
    await api(page, 'second', 'triage', 'Editor', { project: second.project, issues: [second.issue], action: 'unassign' });
    // Frames lead to the store that they are of.
    for (const uid of ['errata', 'second']) {
      const frames = await page.evaluate((u) => window.ask({ mode: 'issues', text: 'PaymentError' }, u), uid);
      const said = JSON.stringify(frames[0].links);
      must(said.includes(`ds=${uid}`) && !said.includes(uid === 'errata' ? '"second"' : '"errata"'), said);
    }
  }],

  ['panel: two stores', 'panel', { uids: ['second', 'errata'], text: 'PaymentError', options: { openSingle: false } }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').nth(1).waitFor();
    must((await page.getByRole('table', { name: 'Issues' }).count()) === 2, 'two stores are drawn as one');
    for (const name of ['Second store', 'Errata']) {
      await page.getByRole('heading', { name, exact: true }).waitFor();
    }
    const first = page.getByRole('region', { name: 'Second store' });
    must((await first.getByRole('link').first().getAttribute('href')).includes('ds=second'), 'the link of a row leads to the other store');
    const issue = await issueNamed(page, 'second', 'PaymentError', must);
    const was = (await api(page, 'errata', `issues/${issue.project}/${issue.issue}?brief=true`)).status;
    await first.getByRole('checkbox').nth(1).check({ force: true });
    await first.getByRole('button', { name: 'Resolve', exact: true }).click();
    await first.getByText('resolved').filter({ visible: true }).first().waitFor();
    must((await api(page, 'errata', `issues/${issue.project}/${issue.issue}?brief=true`)).status === was, 'the other store was written to');
    await api(page, 'second', 'triage', 'Editor', { project: issue.project, issues: [issue.issue], action: 'unresolve' });
    await page.getByRole('region', { name: 'Errata' }).getByRole('link').first().click();
    await page.getByText(/^12$/).first().waitFor();
    await page.getByText('shop/payment.py').first().waitFor();
  }],

  // Explore hands a panel its frames and nothing else.
  ['panel: Explore of the second store', 'panel', { uids: ['second'], text: 'PaymentError', explore: true }, { role: 'Editor' }, async (page) => {
    await page.getByText('shop/payment.py').first().waitFor();
    must((await page.locator('dd').first().textContent()) === '1', 'Explore shows the issue of the other store');
  }],

  ['panel: its query failed', 'panel', { state: 'Error' }, {}, async (page) => {
    await page.getByText('The query failed').first().waitFor();
    must(!(await page.getByText('No issues').count()), 'a failure is told as nothing to see');
  }],

  ['panel: 200 pixels', 'panel', { width: 200, options: { openSingle: false } }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    await inside(page, must, 'list');
    const title = await page.getByText('PaymentError').first().boundingBox();
    must(title.width >= 60, `a title has ${Math.round(title.width)} pixels`);
    await page.getByText('PaymentError').first().click();
    await page.getByText('shop/payment.py').first().waitFor();
    for (const tab of TABS) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByText(/^Loading/).first().waitFor({ state: 'detached' });
      await inside(page, must, tab);
    }
  }],

  ['panel: the time zone of its dashboard', 'panel', { text: 'PaymentError', timeZone: 'Asia/Kathmandu' }, {}, async (page) => {
    const issue = await issueNamed(page, 'errata', 'PaymentError', must);
    const there = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Kathmandu', dateStyle: 'short', timeStyle: 'medium' }).format(issue.lastSeen);
    await page.getByTestId('event').filter({ hasText: there }).waitFor();
    for (const tab of ['Releases', 'Users', 'Events']) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      await page.getByRole('cell', { name: there }).first().waitFor();
    }
  }],

  ['pages: permalinks, back and forward', 'app', { path: `${ISSUES}?status=all&project=1&range=90d&sort=events&environment=production&release=shop%401.1.0&q=card&page=0` }, { role: 'Editor' }, async (page) => {
    await page.getByText('PaymentError').first().waitFor();
    for (const [label, value] of [['Environment', 'production'], ['Release', 'shop@1.1.0'], ['Search', 'card']]) {
      must((await page.getByLabel(label, { exact: true }).inputValue()) === value, `${label} is not ${value}`);
    }
    for (const text of ['default', 'all', 'Last 90d', 'events']) {
      must((await page.getByText(text, { exact: true }).count()) > 0, `${text} is not shown as chosen`);
    }
    await page.getByLabel('Assignee', { exact: true }).fill('nobody at all');
    await page.getByLabel('Assignee', { exact: true }).press('Enter');
    await page.getByText('No issues match').waitFor();
    await page.evaluate(() => history.back());
    await page.getByText('PaymentError').first().waitFor();
    must((await page.getByLabel('Assignee', { exact: true }).inputValue()) === '', 'the field keeps what the URL has not');
    await page.getByText('PaymentError').first().click();
    await page.getByRole('tab', { name: 'Tags', exact: true }).click();
    await page.waitForFunction(() => window.where().includes('tab=Tags'));
    await page.getByRole('button', { name: 'All issues' }).click();
    await page.getByLabel('Search', { exact: true }).waitFor();
    must((await page.getByLabel('Search', { exact: true }).inputValue()) === 'card', 'the way back shows another list');
    await page.evaluate(() => history.back());
    await page.waitForFunction(() => document.querySelector('[role=tab][aria-selected=true]')?.textContent === 'Tags');
    await page.evaluate(() => history.back());
    await page.waitForFunction(() => document.querySelector('[role=tab][aria-selected=true]')?.textContent === 'Stack trace');
    // Parameters that nobody would choose.
    for (const query of ['status=wrong', 'sort=wrong', 'range=wrong', 'page=-5', 'page=1e9', 'project=no-such', 'range=90000d', 'q=%22%27%3B--', 'status=%E0%A4%A']) {
      await goTo(page, `${ISSUES}?${query}`);
      await page.getByText(/PaymentError|No issues match|Cannot list issues/).first().waitFor();
    }
    await goTo(page, `${ISSUES}/1/zz?tab=wrong&range=wrong&event=wrong`);
    await page.getByText('Cannot show this issue').waitFor();
    await page.getByRole('button', { name: 'All issues' }).click();
    await page.getByText('PaymentError').first().waitFor();
  }],

  // Through the plugin's own reading of variables, as a dashboard that is opened does.
  ['dashboards: every panel in every state of its variables', 'query', {}, {}, async (page) => {
    const names = ['overview', 'issue', 'release-health', 'service', 'trace-errors', 'ingest', 'cost'];
    const issue = await issueNamed(page, 'errata', 'PaymentError', must);
    const odd = `it's "odd" \\ -- ; /* $__all`;
    for (const [state, values] of Object.entries({
      all: { project: ['$__all'], environment: ['$__all'], release: ['$__all'], service: ['$__all'], issue: issue.issue, tag: 'plan', trace: LARGE },
      several: { project: ['1', 'default'], environment: ['production', 'odd'], release: ['shop@1.0.0', 'shop@1.1.0'], service: ['large', 'clock'], issue: issue.issue, tag: 'browser', trace: LARGE },
      none: { project: '', environment: '', release: '', service: '', issue: '', tag: '', trace: '' },
      quoted: { project: ['1'], environment: [odd, 'a,b'], release: odd, service: ["a'b"], issue: issue.issue, tag: "a'b", trace: LARGE },
    })) {
      const { failed, asked } = await page.evaluate(([n, v]) => window.boards(n, v), [names, values]);
      must(asked > 50 && failed.length === 0, `${state}, ${asked} asked: ${failed.join('; ')}`);
    }
  }],

  ['pages: a large trace', 'app', { path: `${ISSUES}?status=all&q=LargeError0` }, {}, async (page) => {
    await page.getByText('LargeError0').first().click();
    await page.getByRole('tab', { name: 'Stack trace' }).waitFor();
    await page.getByTestId('event').filter({ hasText: /^Event/ }).waitFor();
    const started = Date.now();
    await page.getByRole('tab', { name: 'Trace', exact: true }).click();
    await page.getByText(/of both protocols, in order/).waitFor();
    const took = Date.now() - started;
    const drawn = await page.getByRole('listitem').count();
    must(drawn >= 200 && drawn <= 600, `${drawn} rows are drawn at once`);
    console.log(`     a trace of 5,000: ${drawn} rows after ${took} ms`);
    await page.getByText(/The first 2,000 .* are here/).waitFor();
    await page.getByRole('link', { name: 'All of it in Explore' }).waitFor();
    await page.getByRole('button', { name: /^Show .* more/ }).click();
    must((await page.getByRole('listitem').count()) > drawn, 'no more of it is shown');
    await page.getByLabel('Only errors').click({ force: true });
    for (let n = 1; n < 4; n++) {
      await page.getByRole('link', { name: `LargeError${n}: in a large trace` }).first().waitFor();
    }
    await inside(page, must, 'trace');
    // As a frame: bounded, and each span names all that went wrong in it.
    const [frame] = await page.evaluate((id) => window.ask({ mode: 'trace', traceId: id }), LARGE);
    must(frame.rows === 3501, `${frame.rows} spans`);
    must(frame.links.filter((l) => l.url?.includes('/issues/')).length >= 4, 'a span links one issue only');
    for (const query of [{ mode: 'events', traceId: LARGE, limit: 100 }, { mode: 'logs', traceId: LARGE, limit: 100 }]) {
      const [cut] = await page.evaluate((q) => window.ask(q), query);
      must(cut.rows === 100 && JSON.stringify(cut.meta.notices).includes('100'), `${query.mode}: ${JSON.stringify(cut.meta.notices)}`);
    }
  }, 'large'],
];
