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
  });
  const text = await res.text();
  const body = text ? JSON.parse(text) : undefined;
  if (!res.ok) {
    throw { status: res.status, statusText: res.statusText, data: body, config: o };
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
runtime.setTemplateSrv({ replace: (s) => s ?? '', getVariables: () => [], containsTemplate: () => false, updateTimeRange() {}, getAdhocFilters: () => [] });
// The editors of panel options are Grafana's own.
data.standardEditorsRegistry.setInit(() => [{ id: 'boolean', name: 'Boolean', editor: ({ value: v, onChange: set, id }) => React.createElement(ui.InlineSwitch, { id, value: Boolean(v), onChange: (e) => set(e.currentTarget.checked) }) }]);
// A channel is server-sent events of the bridge, where Grafana has a socket.
runtime.setGrafanaLiveSrv({
  getStream: (address) =>
    new rxjs.Observable((out) => {
      const events = new EventSource('/api/live?' + new URLSearchParams({ path: address.path, data: JSON.stringify(address.data) }));
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

async function source() {
  const { plugin } = await System.import('/p/datasource/module.js');
  const meta = await backend.get('/p/datasource/plugin.json');
  const settings = { id: 1, uid: UID, type: 'errata-errors-datasource', name: 'Errata', url: '', jsonData: {}, meta, access: 'proxy', readOnly: false };
  const ds = new plugin.DataSourceClass(settings);
  ds.components = plugin.components;
  runtime.setDataSourceSrv({ get: async () => ds, getInstanceSettings: (ref) => (!ref || (ref.uid ?? ref) === UID ? settings : undefined), getList: () => [settings] });
  return { plugin, ds };
}

function requestOf(query, app) {
  const r = range();
  return { app, requestId: 'Q' + Math.random(), range: r, rangeRaw: r.raw, interval: '1h', intervalMs: 3600000, maxDataPoints: 400, scopedVars: {}, timezone: 'utc', startTime: Date.now(),
    targets: [{ refId: 'A', datasource: { type: 'errata-errors-datasource', uid: UID }, ...query }] };
}

// Ask runs a query through the plugin's own code and gives its frames.
window.ask = async (query) => {
  const { ds } = await source();
  const res = await rxjs.firstValueFrom(ds.query({ ...requestOf(query, 'explore'), targets: requestOf(query).targets.map((t) => ds.applyTemplateVariables(t, {}, [])) }));
  if (res.error || res.errors?.length) {
    throw new Error((res.error ?? res.errors[0]).message);
  }
  return res.data.map((f) => ({ name: f.name, rows: f.length, fields: f.fields.map((x) => x.name), meta: f.meta, first: f.fields.map((x) => x.values[0]) }));
};

// Where says which URL the page is at.
window.where = () => runtime.locationService.getLocation().pathname + runtime.locationService.getLocation().search;

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
  const { plugin, ds } = await source();
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
    const query = { mode: 'issues', ...given };
    const res = await rxjs.firstValueFrom(ds.query(requestOf(query, 'dashboard')));
    el = h(panel.panel, { id: 1, data: { series: res.data, state: 'Done', timeRange: range(), request: requestOf(query, 'dashboard') }, timeRange: range(), options: given.options ?? {}, height: 700, width: given.width ?? 1100, fieldConfig: { defaults: {}, overrides: [] } });
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
