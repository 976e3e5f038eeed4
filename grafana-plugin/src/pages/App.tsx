import React, { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { css } from '@emotion/css';
import { rangeUtil } from '@grafana/data';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage, locationService } from '@grafana/runtime';
import { Alert, Button, InlineField, Input, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { IssueDetail } from '../components/IssueDetail';
import { Failed } from '../components/Failed';
import { IssueList } from '../components/IssueList';
import { APP_ID, apiFor, errataSources } from '../shared/api';
import type { Api } from '../shared/api';
import { useLoad, useMe } from '../shared/load';
import type { Issue } from '../shared/types';

const ROOT = `/a/${APP_ID}`;
const PAGE = 50;

const subscribe = (f: () => void) => locationService.getHistory().listen(f);
const href = () => {
  const { pathname, search } = locationService.getHistory().location;
  return pathname + search;
};

const STATUSES = ['open', 'new', 'regressed', 'ongoing', 'resolved', 'ignored', 'all'].map((value) => ({ value, label: value }));
const SORTS = ['last_seen', 'first_seen', 'events', 'users', 'trend'].map((value) => ({ value, label: value.replace('_', ' ') }));
const RANGES = ['1h', '24h', '7d', '14d', '30d', '90d'].map((value) => ({ value, label: `Last ${value}` }));

const RANGE = '14d';

// rangeOf turns "24h" into milliseconds around now; the state of the page is in
// its URL, so a link shows what its sender saw. What is no time is the default.
export function rangeOf(window: string, now = Date.now()): { from: number; to: number } {
  let width = NaN;
  try {
    width = rangeUtil.intervalToMs(window);
  } catch {
    // Written by hand.
  }
  return { from: Math.max(0, now - (width > 0 ? width : rangeUtil.intervalToMs(RANGE))), to: now };
}

export const issuePath = (i: Pick<Issue, 'project' | 'issue'>) => `${ROOT}/issues/${i.project}/${i.issue}`;

// queryOf is the state of the page with another event open: a link to an event
// stays one while newer ones come.
const queryOf = (params: URLSearchParams, event: string) => queryWith(params, 'event', event);

function queryWith(params: URLSearchParams, name: string, value: string): string {
  const next = new URLSearchParams(params);
  next.delete(name);
  if (value) {
    next.set(name, value);
  }
  return next.toString() && `?${next.toString()}`;
}

// decoded is a part of a path, whoever wrote it.
const decoded = (part: string) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

// Stores offers the data sources where there are several: each is a store of
// its own.
function Stores({ uid, onChange }: { uid: string; onChange: (uid: string) => void }) {
  const all = useMemo(() => errataSources(), []);
  if (all.length < 2) {
    return null;
  }
  return (
    <InlineField label="Data source">
      <Choice label="Data source" options={all.map((d) => ({ value: d.uid, label: d.name }))} value={uid} onChange={onChange} />
    </InlineField>
  );
}

export function App() {
  const url = useSyncExternalStore(subscribe, href);
  const [path, search] = url.split('?');
  const params = useMemo(() => new URLSearchParams(search ?? ''), [search]);
  const ds = params.get('ds') ?? errataSources()[0]?.uid;
  const store = useLoad<Api>(() => apiFor(ds), [ds]);
  // While another store is looked up nothing is shown: buttons would write to the old one.
  const api = store.value?.uid === ds ? store.value : undefined;
  const me = useMe(api);
  const window = params.get('range') ?? RANGE;
  // Fixed while the URL stays: a range that moves would ask again at each render.
  const range = useMemo(() => rangeOf(window), [window, path]);
  const parts = path.startsWith(ROOT) ? path.slice(ROOT.length).split('/').filter(Boolean).map(decoded) : [];
  const detail = parts[0] === 'issues' && parts.length === 3;
  return (
    <PluginPage pageNav={{ text: detail ? `Issue ${parts[2]}` : 'Issues', parentItem: detail ? { text: 'Issues', url: `${ROOT}/issues` } : undefined }}>
      {store.error && <Alert severity="error" title={store.error} />}
      {!api && !store.error && <LoadingPlaceholder text="Loading" />}
      {api && <Stores uid={api.uid} onChange={(ds) => locationService.push(`${ROOT}/issues?ds=${encodeURIComponent(ds)}`)} />}
      {api &&
        (detail ? (
          <IssueDetail
            key={`${api.uid}/${parts[1]}/${parts[2]}`}
            api={api}
            me={me}
            project={parts[1]}
            issue={parts[2]}
            range={range}
            event={params.get('event') ?? 'newest'}
            onEvent={(event, toStack) => locationService.push(`${path}${queryOf(toStack ? new URLSearchParams(queryWith(params, 'tab', '')) : params, event === 'newest' ? '' : event)}`)}
            tab={params.get('tab') ?? undefined}
            onTab={(tab) => locationService.push(`${path}${queryWith(params, 'tab', tab === 'Stack trace' ? '' : tab)}`)}
            extra={
              <InlineField label="Time">
                <Choice label="Time" options={RANGES} value={window} onChange={(range) => locationService.push(`${path}${queryWith(params, 'range', range)}`)} />
              </InlineField>
            }
            onBack={() => locationService.push(`${ROOT}/issues${queryOf(new URLSearchParams(queryWith(params, 'tab', '')), '')}`)}
          />
        ) : (
          <IssuesPage key={api.uid} api={api} me={me} params={params} />
        ))}
    </PluginPage>
  );
}

function IssuesPage({ api, me, params }: { api: Api; me?: React.ComponentProps<typeof IssueList>['me']; params: URLSearchParams }) {
  const s = useStyles2(styles);
  const [version, setVersion] = useState(0);
  const get = (name: string, fallback = '') => params.get(name) ?? fallback;
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) {
      next.set(name, value);
    } else {
      next.delete(name);
    }
    if (name !== 'page') {
      next.delete('page');
    }
    locationService.push(`${ROOT}/issues?${next.toString()}`);
  };
  const query = params.toString() && `?${params.toString()}`; // The way back shows the same list.
  const page = Math.max(0, Number(get('page', '0')) || 0);
  const projects = useLoad(() => api.options('project'), [api]);
  const list = useLoad(() => {
    const { from, to } = rangeOf(get('range', RANGE));
    return api.issues({
      project: get('project'),
      status: get('status', 'open') === 'all' ? '' : get('status', 'open'),
      q: get('q'),
      environment: get('environment'),
      release: get('release'),
      assignee: get('assignee'),
      sort: get('sort', 'last_seen'),
      limit: PAGE,
      offset: page * PAGE,
      from,
      to,
    });
  }, [api, params.toString(), version]);
  const names = new Map((projects.value?.values ?? []).map((v) => [v.value, v.text]));
  const projectOptions = [{ value: '', label: 'All projects' }, ...(projects.value?.values ?? []).map((v) => ({ value: v.value, label: v.text }))];
  return (
    <div>
      <div className={s.row}>
        <InlineField label="Project">
          <Choice label="Project" options={projectOptions} value={get('project')} onChange={(v) => set('project', v)} />
        </InlineField>
        <InlineField label="Status">
          <Choice label="Status" options={STATUSES} value={get('status', 'open')} onChange={(v) => set('status', v)} />
        </InlineField>
        <InlineField label="Time">
          <Choice label="Time" options={RANGES} value={get('range', RANGE)} onChange={(v) => set('range', v)} />
        </InlineField>
        <InlineField label="Sort by">
          <Choice label="Sort by" options={SORTS} value={get('sort', 'last_seen')} onChange={(v) => set('sort', v)} />
        </InlineField>
        <Typed label="Environment" value={get('environment')} placeholder="all" onCommit={(v) => set('environment', v)} />
        <Typed label="Release" value={get('release')} placeholder="all" onCommit={(v) => set('release', v)} />
        <Typed label="Assignee" value={get('assignee')} placeholder="anybody" onCommit={(v) => set('assignee', v)} />
        <Typed label="Search" width={32} value={get('q')} placeholder="words of title or message" onCommit={(v) => set('q', v)} />
      </div>
      {list.error && <Failed title="Cannot list issues" error={list.error} again={list.again} />}
      {list.value?.notice && <Alert severity="info" title={list.value.notice} />}
      {!list.value && list.loading && <LoadingPlaceholder text="Loading issues" />}
      {list.value && list.value.issues.length === 0 && (
        <Alert severity="info" title="No issues match">
          Widen the time range or the status. If nothing has ever arrived: set an SDK&apos;s DSN or an exporter&apos;s endpoint to this store, and crash
          something.
        </Alert>
      )}
      {list.value && list.value.issues.length > 0 && (
        <>
          <IssueList
            api={api}
            me={me}
            issues={list.value.issues.map((i) => ({ ...i, projectName: names.get(String(i.project)) }))}
            href={(i) => issuePath(i) + query}
            onOpen={(i) => locationService.push(issuePath(i) + query)}
            onChanged={() => setVersion(version + 1)}
          />
          <div className={s.row}>
            <Button variant="secondary" size="sm" disabled={page === 0} onClick={() => set('page', String(page - 1))}>
              Previous
            </Button>
            <span>Page {page + 1}</span>
            <Button variant="secondary" size="sm" disabled={!list.value.truncated} onClick={() => set('page', String(page + 1))}>
              Next
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

// Typed asks when Enter is hit or the field is left, not at each key.
function Typed({ label, value, width = 18, placeholder, onCommit }: { label: string; value: string; width?: number; placeholder: string; onCommit: (v: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const commit = () => text !== value && onCommit(text.trim());
  return (
    <InlineField label={label}>
      <Input aria-label={label} width={width} value={text} placeholder={placeholder} onChange={(e) => setText(e.currentTarget.value)} onKeyDown={(e) => e.key === 'Enter' && commit()} onBlur={commit} />
    </InlineField>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center', marginBottom: theme.spacing(1) }),
});
