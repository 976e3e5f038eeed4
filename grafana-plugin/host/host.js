// The page: it shares packages with plugins as Grafana does, and hands every
// request to the bridge. It never lets a plugin load what Grafana 10.4 to 13
// do not all share.
import * as React from 'react';
import * as ReactDOM from 'react-dom';
import { createRoot } from 'react-dom/client';
import * as data from '@grafana/data';
import * as ui from '@grafana/ui';
import * as runtime from '@grafana/runtime';
import * as rxjs from 'rxjs';
import * as emotion from '@emotion/css';
import lodash from 'lodash';

const log = (window.__log = []);
window.addEventListener('error', (e) => log.push('page error: ' + e.message));
window.addEventListener('unhandledrejection', (e) => log.push('rejected: ' + (e.reason?.message ?? JSON.stringify(e.reason?.data ?? e.reason))));

const params = new URLSearchParams(location.search);
const role = params.get('role') ?? 'Editor';
const theme = data.createTheme({ colors: { mode: params.get('theme') ?? 'dark' } });
// Two stores, as an installation may have; the first is the default.
const STORES = [['errata', 'Errata'], ['second', 'Second store']];
const UID = 'errata';

async function request(o) {
  const url = new URL(o.url.startsWith('/') ? o.url : '/' + o.url, location.origin);
  for (const [k, v] of Object.entries(o.params ?? {})) {
    url.searchParams.set(k, v);
  }
  const res = await fetch(url, {
    method: o.method ?? 'GET',
    headers: { 'Content-Type': 'application/json', 'X-Test-Role': role, ...(o.headers ?? {}) },
    body: o.data === undefined ? undefined : JSON.stringify(o.data),
  }).catch((e) => {
    throw Object.assign(e, { data: { message: 'Unexpected error' } }); // As Grafana tells a connection that is cut.
  });
  const text = await res.text();
  let body = text || undefined;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch {
    // Not JSON: what a proxy on the way says. Grafana hands on its text.
  }
  if (!res.ok) {
    // As Grafana's backendSrv does: a text becomes the message, nothing becomes one too.
    const said = typeof body === 'string' ? { message: body, error: res.statusText, response: body } : (body ?? { message: 'Unexpected error' });
    throw { status: res.status, statusText: res.statusText, data: said, config: o };
  }
  return { data: body, status: res.status, ok: true, headers: res.headers, config: o };
}

const backend = {
  fetch: (o) => rxjs.from(request(o)),
  get: (url, p) => request({ url, params: p }).then((r) => r.data),
  post: (url, d) => request({ url, method: 'POST', data: d }).then((r) => r.data),
  datasourceRequest: (o) => request(o),
};
runtime.setBackendSrv(backend);
// Variables as a dashboard has them, with the formats that our dashboards use.
const variables = (window.__variables = {});
const FORMATS = {
  csv: (v) => [v].flat().join(','),
  singlequote: (v) => [v].flat().map((x) => `'${String(x).replace(/'/g, "\\'")}'`).join(','),
  raw: (v) => [v].flat().join(','),
  queryparam: (v, name) => [v].flat().map((x) => `var-${name}=${encodeURIComponent(x)}`).join('&'),
};
const replace = (text, scoped, format) =>
  (text ?? '').replace(/\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g, (all, a, b, f) => {
    const name = a ?? b;
    const value = scoped?.[name]?.value ?? variables[name];
    if (value === undefined) {
      return all;
    }
    const write = (f && FORMATS[f]) ?? (typeof format === 'function' ? format : (FORMATS[format] ?? ((v) => (Array.isArray(v) ? `{${v.join(',')}}` : String(v)))));
    return write(value, name);
  });
runtime.setTemplateSrv({ replace, getVariables: () => [], containsTemplate: (s) => replace(s) !== s, updateTimeRange() {}, getAdhocFilters: () => [] });
// The editors of panel options are Grafana's own.
data.standardEditorsRegistry.setInit(() => [{ id: 'boolean', name: 'Boolean', editor: ({ value: v, onChange: set, id }) => React.createElement(ui.InlineSwitch, { id, value: Boolean(v), onChange: (e) => set(e.currentTarget.checked) }) }]);
// A channel is server-sent events of the bridge, where Grafana has a socket.
runtime.setGrafanaLiveSrv({
  getStream: (address) =>
    new rxjs.Observable((out) => {
      const events = new EventSource('/api/live?' + new URLSearchParams({ uid: address.namespace ?? address.stream, path: address.path, data: JSON.stringify(address.data) }));
      events.onmessage = (e) => out.next({ type: 'message', message: JSON.parse(e.data) });
      events.onerror = () => out.next({ type: 'status', state: 'disconnected', error: new Error('the channel ended') });
      return () => events.close();
    }),
});
runtime.config.bootData = { ...(runtime.config.bootData ?? {}), user: { orgRole: role }, settings: {} };
runtime.setEchoSrv?.({ addEvent() {}, addBackend() {}, flush() {} });

window.initSystem = () => {
  const map = {
    react: React, 'react-dom': ReactDOM, '@grafana/data': data, '@grafana/ui': ui, '@grafana/runtime': runtime, rxjs, '@emotion/css': emotion,
    lodash: { default: lodash, __useDefault: true },
  };
  const proto = System.constructor.prototype;
  const resolve = proto.resolve;
  proto.resolve = function (id, parent) {
    if (map[id]) {
      return 'app:' + id;
    }
    if (/^[@a-z]/.test(id) && !id.includes('://')) {
      throw new Error('not shared by every Grafana: ' + id);
    }
    return resolve.call(this, id, parent);
  };
  for (const k of Object.keys(map)) {
    System.set('app:' + k, map[k]);
  }
};

const range = () => {
  const to = data.dateTime();
  const from = data.dateTime(to).subtract(14, 'd');
  return { from, to, raw: { from: 'now-14d', to: 'now' } };
};

async function source(uid = UID) {
  const { plugin } = await System.import('/p/datasource/module.js');
  const meta = await backend.get('/p/datasource/plugin.json');
  const all = STORES.map(([uid, name], n) => ({ id: n + 1, uid, type: 'errata-errors-datasource', name, url: '', jsonData: {}, meta, access: 'proxy', readOnly: false }));
  const made = new Map(all.map((settings) => [settings.uid, new plugin.DataSourceClass(settings)]));
  made.forEach((ds) => (ds.components = plugin.components));
  const uidOf = (ref) => (ref ? (ref.uid ?? ref) : UID);
  runtime.setDataSourceSrv({ get: async (ref) => made.get(uidOf(ref)), getInstanceSettings: (ref) => all.find((s) => s.uid === uidOf(ref)), getList: () => all });
  return { plugin, ds: made.get(uid) };
}

function requestOf(query, app, uid = UID) {
  const r = range();
  return { app, requestId: 'Q' + Math.random(), range: r, rangeRaw: r.raw, interval: '1h', intervalMs: 3600000, maxDataPoints: 400, scopedVars: {}, timezone: 'utc', startTime: Date.now(),
    targets: [{ refId: 'A', datasource: { type: 'errata-errors-datasource', uid }, ...query }] };
}

// Ask runs a query through the plugin's own code and gives its frames.
window.ask = async (query, uid = UID) => {
  const { ds } = await source(uid);
  const res = await rxjs.firstValueFrom(ds.query({ ...requestOf(query, 'explore', uid), targets: requestOf(query, 'explore', uid).targets.map((t) => ds.applyTemplateVariables(t, {}, [])) }));
  if (res.error || res.errors?.length) {
    throw new Error((res.error ?? res.errors[0]).message);
  }
  return res.data.map((f) => ({ name: f.name, rows: f.length, fields: f.fields.map((x) => x.name), meta: f.meta, first: f.fields.map((x) => x.values[0]), links: f.fields.flatMap((x) => x.config.links ?? []) }));
};

// Boards asks all that the bundled dashboards ask, with these values of their
// variables, and gives what failed.
window.boards = async (names, values) => {
  const { ds } = await source();
  const failed = [];
  let asked = 0;
  for (const key of Object.keys(variables)) {
    delete variables[key];
  }
  Object.assign(variables, { datasource: UID }, values);
  for (const name of names) {
    const board = await backend.get(`/p/dashboards/${name}.json`);
    const targets = [...board.panels.flatMap((p) => (p.targets ?? []).map((t) => [p.title, t])), ...(board.annotations?.list ?? []).filter((a) => a.target).map((a) => [`mark ${a.name}`, ds.annotations.prepareQuery(a)])];
    for (const v of board.templating.list) {
      if (v.type === 'query') {
        const r = { ...requestOf({}, 'dashboard'), targets: [v.query] };
        targets.push([`variable ${v.name}`, r]);
      }
    }
    await Promise.all(
      targets.map(async ([title, target]) => {
        try {
          asked++;
          const request = target.targets ? target : { ...requestOf({}, 'dashboard'), targets: [target].map((t) => ds.applyTemplateVariables({ refId: 'A', ...t, datasource: { type: 'errata-errors-datasource', uid: UID } }, {}, [])).filter((t) => ds.filterQuery(t)) };
          if (!request.targets.length) {
            return; // Grafana does not ask these either.
          }
          const res = await rxjs.firstValueFrom(target.targets ? ds.variables.query(request) : ds.query(request));
          const wrong = res.error ?? res.errors?.[0];
          if (wrong) {
            failed.push(`${name}: ${title}: ${wrong.message}`);
          }
        } catch (e) {
          failed.push(`${name}: ${title}: ${e.data?.message ?? e.message}`);
        }
      })
    );
  }
  return { failed, asked };
};

// Where says which URL the page is at.
window.where = () => runtime.locationService.getLocation().pathname + runtime.locationService.getLocation().search;

// GoTo follows a link inside of Grafana.
window.goTo = (path) => runtime.locationService.push(path);

// Follow gives the bodies of a live tail that has this many records.
window.follow = async (query, least) => {
  const { ds } = await source();
  const request = { ...requestOf({ mode: 'logs', ...query }, 'explore'), liveStreaming: true };
  const res = await rxjs.firstValueFrom(ds.query(request).pipe(rxjs.filter((r) => (r.data[0]?.length ?? 0) >= least), rxjs.timeout(20000)));
  return { state: res.state, bodies: res.data[0].fields.find((f) => f.name === 'body').values };
};

function Stateful({ start, children }) {
  const [value, set] = React.useState(start);
  window.__value = value;
  return children(value, set);
}

// PanelOptions draws the options of a panel with the editors that they name, as
// the panel editor does: the switch of a boolean is Grafana's own.
function PanelOptions({ panel, value, onChange }) {
  const builder = new data.PanelOptionsEditorBuilder();
  panel.getPanelOptionsSupplier()(builder, { data: [], options: value });
  return builder.getItems().map((item) =>
    React.createElement(ui.Field, { key: item.path, label: item.name, description: item.description, htmlFor: item.path },
      React.createElement(item.editor, { id: item.path, value: lodash.get(value, item.path, item.defaultValue), item, context: { data: [] }, onChange: (v) => onChange({ ...lodash.set({ ...value }, item.path, v) }) }))
  );
}

window.run = async (kind, given = {}) => {
  const h = React.createElement;
  const { plugin, ds } = await source(given.uid);
  let el;
  if (kind === 'config') {
    el = h(Stateful, { start: { jsonData: given.jsonData ?? {}, secureJsonFields: { password: true }, secureJsonData: {} } }, (v, set) => h(plugin.components.ConfigEditor, { options: v, onOptionsChange: set }));
  } else if (kind === 'query') {
    el = h(Stateful, { start: { refId: 'A', ...given } }, (v, set) => h(plugin.components.QueryEditor, { datasource: ds, query: v, onChange: set, onRunQuery: () => log.push('run') }));
  } else if (kind === 'variable') {
    el = h(Stateful, { start: { refId: 'A', ...given } }, (v, set) => h(ds.variables.editor, { datasource: ds, query: v, onChange: set, onRunQuery: () => {} }));
  } else if (kind === 'annotation') {
    el = h(Stateful, { start: { refId: 'A', ...given } }, (v, set) => h(ds.annotations.QueryEditor, { datasource: ds, query: v, onChange: set, onRunQuery: () => log.push('run') }));
  } else if (kind === 'options') {
    const { plugin: panel } = await System.import('/p/panel/module.js');
    el = h(Stateful, { start: given.options ?? {} }, (v, set) => h(PanelOptions, { panel, value: v, onChange: set }));
  } else if (kind === 'panel') {
    const { plugin: panel } = await System.import('/p/panel/module.js');
    // Several stores in one panel are what Grafana calls Mixed; Explore gives a panel no request.
    const { uids = [UID], explore, options = {}, width = 1100, timeZone = 'browser', state = 'Done', ...query } = given;
    const asked = uids.map((uid, n) => requestOf({ mode: 'issues', ...query, refId: 'ABC'[n] }, 'dashboard', uid));
    const series = [];
    for (const [n, r] of asked.entries()) {
      const res = await rxjs.firstValueFrom((await source(uids[n])).ds.query(r));
      series.push(...res.data);
    }
    const request = explore ? undefined : { ...asked[0], targets: asked.flatMap((r) => r.targets) };
    const shown = state === 'Error' ? [] : series;
    el = h(panel.panel, { id: 1, data: { series: shown, state, timeRange: range(), request, errors: state === 'Error' ? [{ message: 'the query failed' }] : undefined }, timeRange: range(), timeZone, options, height: 700, width, fieldConfig: { defaults: {}, overrides: [] } });
  } else if (kind === 'app') {
    const { plugin: app } = await System.import('/p/module.js');
    const path = given.path ?? '/a/errata-errors-app/issues';
    runtime.locationService.push(path + (path.includes('?') ? '&' : '?') + params.toString());
    el = h(app.root, { basename: '/a/errata-errors-app', path, query: {}, meta: {}, onNavChanged() {} });
  }
  document.body.style.background = theme.colors.background.canvas;
  createRoot(document.getElementById('root')).render(
    h(data.ThemeContext.Provider, { value: theme }, h(ui.GlobalStyles), h('main', { style: { width: given.width, padding: 16, color: theme.colors.text.primary, background: theme.colors.background.primary } }, el))
  );
  return { react: React.version, theme: theme.name };
};
