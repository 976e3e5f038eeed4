import React, { useEffect, useId, useMemo, useState } from 'react';
import { LoadingState } from '@grafana/data';
import type { DataFrame, DataQueryRequest, PanelProps, TimeRange } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { IssueDetail } from '../components/IssueDetail';
import { IssueList } from '../components/IssueList';
import { DATASOURCE_TYPE, apiFor, issueUrl, nameOf } from '../shared/api';
import type { Api } from '../shared/api';
import { useLoad, useMe } from '../shared/load';
import { Zone } from '../shared/zone';
import type { Issue, Level, Status } from '../shared/types';

export interface PanelOptions {
  openSingle?: boolean;
}

const names = (v: unknown): string[] =>
  Array.isArray(v) ? v.map(String) : typeof v === 'string' && v ? v.split(',').map((x) => x.trim()) : [];

// numbers reads a cell of JSON, which arrives as a list or as its text.
const numbers = (v: unknown): number[] | undefined => {
  try {
    const list: unknown = typeof v === 'string' ? JSON.parse(v) : v;
    return Array.isArray(list) ? list.map(Number).filter((n) => n >= 0) : undefined;
  } catch {
    return undefined;
  }
};

// AT_ONCE is how many rows are asked for again together.
const AT_ONCE = 20;

// issuesOf reads the rows of an Issues query; other frames give nothing.
export function issuesOf(frames: DataFrame[]): Issue[] {
  const out: Issue[] = [];
  for (const f of frames) {
    const at = new Map(f.fields.map((x) => [x.name, x.values]));
    if (!at.has('issue')) {
      continue;
    }
    const get = (name: string, row: number): unknown => at.get(name)?.[row];
    const text = (name: string, row: number) => String(get(name, row) ?? '');
    const num = (name: string, row: number) => Number(get(name, row) ?? 0);
    for (let r = 0; r < f.length; r++) {
      out.push({
        project: num('project_id', r) || num('project', r),
        projectName: text('project', r),
        issue: text('issue', r),
        title: text('title', r),
        culprit: text('culprit', r),
        type: text('type', r),
        level: text('level', r) as Level,
        status: (text('status', r) || 'new') as Status,
        assignee: text('assignee', r),
        firstSeen: num('first_seen', r),
        lastSeen: num('last_seen', r),
        events: num('events', r),
        users: num('users', r),
        eventsInRange: num('events_in_range', r),
        protocols: names(get('protocols', r)),
        environments: names(get('environments', r)),
        firstRelease: text('first_release', r),
        lastRelease: text('last_release', r),
        sampleEventId: text('sample_event_id', r),
        sampleTraceId: text('sample_trace_id', r),
        spark: numbers(get('trend', r)),
      });
    }
  }
  return out;
}

// storeOf is the uid of the data source that a frame is of: the backend writes it
// into the links of the frame. Explore gives a panel no request to look into.
function storeOf(frame: DataFrame, request?: DataQueryRequest): string {
  const links = frame.fields.flatMap((f) => f.config.links ?? []);
  const own = links.find((l) => (l.internal?.query as { datasource?: { type?: string } } | undefined)?.datasource?.type === DATASOURCE_TYPE)?.internal?.datasourceUid;
  const targets = request?.targets ?? [];
  const target = targets.find((t) => t.refId === frame.refId) ?? targets.find((t) => t.datasource?.type === DATASOURCE_TYPE || t.datasource?.uid);
  return own ?? target?.datasource?.uid ?? '';
}

// byStore parts the frames of a panel by the store that they are of: a panel with
// a mixed data source may ask several, and a write must reach the right one.
export function byStore(frames: DataFrame[], request?: DataQueryRequest): Array<[string, Issue[]]> {
  const stores = new Map<string, DataFrame[]>();
  for (const f of frames) {
    const uid = storeOf(f, request);
    stores.set(uid, [...(stores.get(uid) ?? []), f]);
  }
  return [...stores].map(([uid, of]): [string, Issue[]] => [uid, issuesOf(of)]).filter(([, issues]) => issues.length > 0);
}

// TriagePanel draws an Issues query as a list with buttons, on a dashboard or,
// through preferredVisualisationPluginId, in Explore.
export function TriagePanel({ data, options, height, timeRange, timeZone }: PanelProps<PanelOptions>) {
  const stores = useMemo(() => byStore(data.series, data.request), [data.series, data.request]);
  const drawable = data.series.every((f) => !f.fields.length || f.fields.some((x) => x.name === 'issue'));
  if (!stores.length && data.state === LoadingState.Loading) {
    return <LoadingPlaceholder text="Loading issues" />;
  }
  if (!stores.length && data.state === LoadingState.Error) {
    return (
      <Alert severity="error" title="The query failed">
        {data.errors?.[0]?.message ?? data.error?.message ?? 'Look at the query for what went wrong.'}
      </Alert>
    );
  }
  if (!stores.length && !drawable) {
    return (
      <Alert severity="warning" title="Nothing here is an issue">
        This panel draws a query of the mode Issues. Choose it in the query, or choose another panel for this one.
      </Alert>
    );
  }
  if (!stores.length) {
    return (
      <Alert severity="info" title="No issues">
        Nothing matches in this time range. Point an SDK&apos;s DSN or an exporter&apos;s endpoint at the store, or widen the range.
      </Alert>
    );
  }
  const single = options?.openSingle !== false && stores.length === 1 && stores[0][1].length === 1;
  return (
    <Zone.Provider value={timeZone}>
      <div style={{ height, overflow: 'auto' }}>
        {stores.map(([uid, issues]) => (
          <Store key={uid} uid={uid} issues={issues} series={data.series} single={single} named={stores.length > 1} timeRange={timeRange} />
        ))}
      </div>
    </Zone.Provider>
  );
}

interface StoreProps {
  uid: string;
  issues: Issue[];
  series: DataFrame[];
  single: boolean; // The only issue is opened.
  named: boolean; // There are others beside it.
  timeRange?: TimeRange;
}

// Store is what a panel shows of one store, with the buttons that write to it.
function Store({ uid, issues, series, single, named, timeRange }: StoreProps) {
  const id = useId();
  const api = useLoad<Api>(() => apiFor(uid || undefined), [uid]);
  const me = useMe(api.value);
  const [open, setOpen] = useState<Issue>();
  const [fresh, setFresh] = useState<Map<string, Issue>>(new Map());
  useEffect(() => setFresh(new Map()), [series]);

  if (api.error) {
    return <Alert severity="error" title={api.error} />;
  }
  if (!api.value) {
    return null;
  }
  const shown = open ?? (single ? issues[0] : undefined);
  const a = api.value;
  // A write is visible at once: the changed rows are asked for again, the
  // query follows with the next refresh of the dashboard.
  const changed = async (written: Issue[]) => {
    for (let from = 0; from < written.length; from += AT_ONCE) {
      const some = written.slice(from, from + AT_ONCE);
      const again = await Promise.all(some.map((i) => a.row(i.project, i.issue).catch(() => i)));
      // What was merged away is no row of its own any more.
      setFresh((known) => new Map([...known, ...some.map((i, n): [string, Issue] => [`${i.project}/${i.issue}`, again[n].issue === i.issue ? again[n] : { ...i, status: 'merged' }])]));
    }
  };
  return (
    <section aria-labelledby={named ? id : undefined}>
      {named && <h4 id={id}>{nameOf(a.uid)}</h4>}
      {shown ? (
        <IssueDetail
          key={`${shown.project}/${shown.issue}`}
          api={a}
          me={me}
          project={shown.project}
          issue={shown.issue}
          range={timeRange ? { from: timeRange.from.valueOf(), to: timeRange.to.valueOf() } : undefined}
          onBack={single ? undefined : () => setOpen(undefined)}
          onChanged={() => changed([shown])}
        />
      ) : (
        <IssueList
          api={a}
          me={me}
          issues={issues.filter((i) => fresh.get(`${i.project}/${i.issue}`)?.status !== 'merged').map((i) => ({ ...i, ...fresh.get(`${i.project}/${i.issue}`), eventsInRange: i.eventsInRange, projectName: i.projectName, spark: i.spark }))}
          href={(i) => issueUrl(a.uid, i.project, i.issue)}
          onOpen={setOpen}
          onChanged={changed}
        />
      )}
    </section>
  );
}
