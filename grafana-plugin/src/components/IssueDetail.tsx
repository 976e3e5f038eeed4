import React, { useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Badge, Button, ErrorBoundaryAlert, LoadingPlaceholder, Tab, TabsBar, TabContent, useStyles2 } from '@grafana/ui';
import { message } from '../shared/api';
import type { Api } from '../shared/api';
import type { EventDetail, IssueDetail as Detail, Me } from '../shared/types';
import { ago, count, percent, text } from '../shared/format';
import { useLoad } from '../shared/load';
import { useTimes } from '../shared/zone';
import { Breadcrumbs } from './Breadcrumbs';
import { EventList } from './EventList';
import { ExploreLinks } from './ExploreLinks';
import { Failed } from './Failed';
import { levelColor, statusColor } from './IssueList';
import { StackTrace } from './StackTrace';
import { Tags } from './Tags';
import { Trace } from './Trace';
import { Trend } from './Trend';
import { Triage } from './Triage';
import { Users } from './Users';

export interface IssueDetailProps {
  api: Api;
  me?: Me;
  project: number | string;
  issue: string;
  range?: { from: number; to: number };
  event?: string; // Its id, newest or oldest: where a page keeps it in its URL.
  onEvent?: (event: string, toStack?: boolean) => void;
  tab?: string; // Which is open: a page keeps it in its URL.
  onTab?: (tab: string) => void;
  extra?: React.ReactNode; // What a page has beside the way back.
  onBack?: () => void;
  onChanged?: () => void;
}

const TABS = ['Stack trace', 'Breadcrumbs', 'Tags', 'Users', 'Events', 'Trace', 'Releases', 'Context', 'Grouping', 'History'] as const;

type TabName = (typeof TABS)[number];

export function IssueDetail({ api, me, project, issue, range, event: given, onEvent, tab: open, onTab, extra, onBack, onChanged }: IssueDetailProps) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  const [version, setVersion] = useState(0);
  const [picked, setPicked] = useState<TabName>('Stack trace');
  const tab = onTab ? (TABS.find((t) => t === open) ?? 'Stack trace') : picked;
  const setTab = onTab ?? ((t: TabName) => setPicked(t));
  const [chosen, setChosen] = useState('newest');
  const shown = onEvent ? (given ?? 'newest') : chosen;
  const show = onEvent ?? ((id: string) => setChosen(id));
  const detail = useLoad(() => api.issue(project, issue, range), [api, project, issue, range?.from, range?.to, version]);
  // What was merged is told by the detail; its events are those of the survivor.
  const survivor = detail.value && !detail.loading && detail.value.issue !== issue ? detail.value.issue : undefined;
  const sample = useLoad(() => api.event(project, survivor ?? issue, shown), [api, project, issue, survivor, shown, version]);

  const head = (onBack || extra) && (
    <div className={s.head}>
      {onBack && (
        <Button size="sm" variant="secondary" fill="text" icon="arrow-left" onClick={onBack}>
          All issues
        </Button>
      )}
      {extra}
    </div>
  );
  if (detail.error) {
    return (
      <div>
        {head}
        <Failed title="Cannot show this issue" error={detail.error} again={() => [detail, sample].forEach((part) => part.again())} />
      </div>
    );
  }
  const d = detail.value;
  if (!d) {
    return <LoadingPlaceholder text="Loading the issue" />;
  }
  const done = () => {
    setVersion(version + 1);
    onChanged?.();
  };
  // One change of the URL: the page knows that an event opens at its stack trace.
  const onOpen = (id: string) => {
    setPicked('Stack trace');
    show(id, true);
  };
  // What failed has no neighbours to go to; the ends are always there.
  const event = sample.error ? undefined : (sample.value?.event ?? undefined);
  const { older, newer } = sample.error || !sample.value ? { older: '', newer: '' } : sample.value;
  return (
    <div>
      <header>
        {head}
        {survivor && <Alert severity="info" title={`Issue ${issue} was merged into this one.`} />}
        <h3 className={s.title}>{d.title}</h3>
        <div className={s.row}>
          <Badge text={d.status} color={statusColor[d.status] ?? 'blue'} />
          <Badge text={d.level} color={levelColor[d.level] ?? 'blue'} />
          {d.protocols.map((p) => (
            <Badge key={p} text={p} color="blue" />
          ))}
          <span className={s.muted}>{d.culprit}</span>
        </div>
        <dl className={s.facts}>
          <Fact name="Events" value={count(d.events)} title={String(d.events)} />
          <Fact name="Users" value={count(d.users)} title={String(d.users)} />
          <Fact name="First seen" value={ago(d.firstSeen)} title={at(d.firstSeen)} />
          <Fact name="Last seen" value={ago(d.lastSeen)} title={at(d.lastSeen)} />
          <Fact name="First release" value={d.firstRelease || 'unknown'} />
          <Fact name="Last release" value={d.lastRelease || 'unknown'} />
          <Fact name="Assignee" value={d.assignee || 'nobody'} />
        </dl>
      </header>
      <Triage api={api} me={me} issues={[d]} one onDone={done} />
      <Trend points={d.trend} />
      <div className={s.row}>
        <Button size="sm" variant="secondary" disabled={Boolean(event) && !newer} onClick={() => show('newest')} aria-label="Newest event">
          Newest
        </Button>
        <Button size="sm" variant="secondary" icon="angle-left" disabled={!newer} onClick={() => show(newer)} aria-label="Newer event" />
        <Button size="sm" variant="secondary" icon="angle-right" disabled={!older} onClick={() => show(older)} aria-label="Older event" />
        <Button size="sm" variant="secondary" disabled={Boolean(event) && !older} onClick={() => show('oldest')} aria-label="Oldest event">
          Oldest
        </Button>
        <span aria-live="polite" data-testid="event">{event ? `Event ${event.row.eventId}, ${at(event.row.ts)}` : sample.loading ? 'Loading the event' : sample.error ? 'No event' : 'No event is kept any more'}</span>
        <ExploreLinks api={api} issue={d.issue} project={d.project} traceId={event?.row.traceId} range={range} />
        {event?.row.twinOf && <Badge text="second witness, not counted" color="purple" />}
      </div>
      <TabsBar>
        {TABS.map((t) => (
          <Tab key={t} label={t} active={t === tab} onChangeTab={() => setTab(t)} />
        ))}
      </TabsBar>
      <TabContent>
        <div className={s.tab}>
          {sample.error && <Failed title="Cannot show this event" error={sample.error} again={sample.again} />}
          <ErrorBoundaryAlert key={`${tab} ${event?.row.eventId}`} title="This part cannot be drawn. The other tabs and events can." style="alertbox">
          <TabBody
            tab={tab}
            detail={d}
            event={event}
            api={api}
            me={me}
            range={range}
            onDone={done}
            onEvent={onOpen}
          />
          </ErrorBoundaryAlert>
        </div>
      </TabContent>
    </div>
  );
}

interface TabProps {
  tab: TabName;
  detail: Detail;
  event?: EventDetail;
  api: Api;
  me?: Me;
  range?: { from: number; to: number };
  onDone: () => void;
  onEvent: (event: string) => void;
}

function TabBody({ tab, detail, event, api, me, range, onDone, onEvent }: TabProps) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  switch (tab) {
    case 'Tags':
      return <Tags tags={detail.tags} />;
    case 'Events':
      return <EventList api={api} project={detail.project} issue={detail.issue} shown={event?.row.eventId} onOpen={onEvent} />;
    case 'Users':
      return <Users api={api} project={detail.project} issue={detail.issue} range={range} />;
    case 'Releases':
      return !detail.releases.length ? (
        <p className={s.muted}>
          No release came with this issue&apos;s events. Set one in the SDK (<code>release</code>) or as <code>service.version</code>.
        </p>
      ) : (
        <table className={s.table}>
          <thead>
            <tr>
              <th scope="col">Release</th>
              <th scope="col">Events</th>
              <th scope="col">First seen</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {detail.releases.map((r) => (
              <tr key={r.release}>
                <td className={s.value}>{r.release || 'without a release'}</td>
                <td>
                  {count(r.events)} ({percent(detail.events ? r.events / detail.events : 0)})
                </td>
                <td>{at(r.firstSeen)}</td>
                <td>{at(r.lastSeen)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      );
    case 'Grouping':
      return (
        <div>
          <p>
            Decided by <b>{detail.grouping.component}</b>, version {detail.grouping.version}.
          </p>
          <pre className={s.value}>{detail.grouping.reason}</pre>
          <p className={s.muted}>Hashes: {detail.grouping.hashes.join(', ')}</p>
          <Merged api={api} me={me} detail={detail} onDone={onDone} />
        </div>
      );
    case 'History':
      return detail.history.length ? (
        <ol className={s.history}>
          {detail.history.map((a, i) => (
            <li key={i}>
              <span className={s.muted}>{at(a.at)}</span> <b>{a.actor || 'somebody'}</b> {a.action} <span className={s.value}>{a.detail}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p className={s.muted}>Nobody has acted on this issue yet.</p>
      );
  }
  if (!event) {
    return <p className={s.muted}>Choose an event above.</p>;
  }
  switch (tab) {
    case 'Stack trace':
      return <StackTrace payload={event.payload} />;
    case 'Breadcrumbs':
      return <Breadcrumbs crumbs={event.payload.breadcrumbs?.values ?? []} />;
    case 'Trace':
      return event.row.traceId ? <Trace api={api} traceId={event.row.traceId} issue={detail.issue} /> : <p className={s.muted}>This event belongs to no trace.</p>;
  }
  const p = event.payload;
  const sections: Array<[string, unknown]> = [
    ['Tags of this event', Array.isArray(p.tags) ? Object.fromEntries(p.tags.filter(Array.isArray)) : p.tags],
    ['User', p.user],
    ['Request', p.request],
    ...Object.entries(p.contexts ?? {}).map(([k, v]): [string, unknown] => [`Context: ${k}`, v]),
    ['Extra', p.extra],
    ['SDK', p.sdk],
    ['Modules', p.modules],
  ];
  return (
    <div>
      {sections
        .map(([name, v]): [string, object] => [name, typeof v === 'object' && v ? v : v ? { value: v } : {}])
        .filter(([, v]) => Object.keys(v).length)
        .map(([name, v]) => (
          <section key={name}>
            <h5>{name}</h5>
            <table className={s.table}>
              <tbody>
                {Object.entries(v).map(([k, x]) => (
                  <tr key={k}>
                    <th scope="row" className={s.name}>{k}</th>
                    <td>
                      <code className={s.value}>{text(x)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        ))}
    </div>
  );
}

// Merged lists what was merged into the issue, to be split off again.
function Merged({ api, me, detail, onDone }: { api: Api; me?: Me; detail: Detail; onDone: () => void }) {
  const s = useStyles2(styles);
  const [error, setError] = useState<string>();
  const others = detail.fingerprints.filter((f) => f !== detail.issue);
  if (!others.length) {
    return null;
  }
  const split = (fingerprint: string) =>
    api.triage({ project: detail.project, issues: [fingerprint], action: 'split' }).then(onDone, (err) => setError(message(err)));
  return (
    <section>
      <h5>Merged into this issue</h5>
      {error && <Alert severity="error" title={error} />}
      {others.map((f) => (
        <div key={f} className={s.row}>
          <code>{f}</code>
          <Button size="sm" variant="secondary" disabled={!me?.canTriage} tooltip={me?.canTriage ? undefined : me?.reason} onClick={() => split(f)} aria-label={`Split off ${f}`}>
            Split off
          </Button>
        </div>
      ))}
    </section>
  );
}

function Fact({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  title: css({ overflowWrap: 'anywhere', maxHeight: '7em', overflowY: 'auto' }),
  muted: css({ color: theme.colors.text.secondary }),
  head: css({ display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', alignItems: 'center', '& > *': { marginBottom: 0 } }),
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center', marginBottom: theme.spacing(1) }),
  facts: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1, 3),
    marginBottom: theme.spacing(1.5),
    '& dt': { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular, fontSize: theme.typography.bodySmall.fontSize },
    '& dd': { margin: 0, overflowWrap: 'anywhere' },
  }),
  tab: css({ padding: theme.spacing(2, 0) }),
  table: css({
    width: '100%',
    marginBottom: theme.spacing(2),
    '& th, & td': { padding: theme.spacing(0.5, 1), textAlign: 'left', verticalAlign: 'top', borderBottom: `1px solid ${theme.colors.border.weak}` },
  }),
  name: css({ width: '20%', fontWeight: theme.typography.fontWeightRegular, color: theme.colors.text.secondary, overflowWrap: 'anywhere' }),
  history: css({ listStyle: 'none', '& li': { padding: theme.spacing(0.5, 0), borderBottom: `1px solid ${theme.colors.border.weak}` } }),
  value: css({ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', unicodeBidi: 'isolate' }),
});
