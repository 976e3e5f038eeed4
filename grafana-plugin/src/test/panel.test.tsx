import '@testing-library/jest-dom';
import React from 'react';
import { toDataFrame } from '@grafana/data';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { byStore, issuesOf } from '../panel/TriagePanel';
import { rangeOf } from '../pages/App';
import { Triage } from '../components/Triage';
import { exploreUrl } from '../components/ExploreLinks';
import { cutOf, depths, spread } from '../components/Trace';
import { Users } from '../components/Users';
import type { Api } from '../shared/api';
import { message } from '../shared/api';
import { age, duration } from '../shared/format';
import type { Issue, Me, TraceItem } from '../shared/types';

const issue = (n: number, more: Partial<Issue> = {}): Issue => ({
  project: 1, issue: n.toString(16).padStart(16, '0'), title: `E${n}`, culprit: '', type: 'E', level: 'error', status: 'new', assignee: '', firstSeen: n, lastSeen: n, events: 1, users: 0,
  eventsInRange: 1, protocols: [], environments: [], firstRelease: '', lastRelease: '', sampleEventId: '', sampleTraceId: '', ...more,
});
const NOW = 1_796_000_000_000;
const may: Me = { login: 'ed', role: 'Editor', canTriage: true, reason: '' };

it('reads the frame of an issues query', () => {
  const f = toDataFrame({ fields: [{ name: 'project_id', values: ['1'] }, { name: 'issue', values: ['aa'] }, { name: 'protocols', values: ['sentry, otlp'] }, { name: 'events', values: [3] }] });
  expect(issuesOf([f])[0]).toMatchObject({ project: 1, issue: 'aa', protocols: ['sentry', 'otlp'], events: 3 });
  expect(issuesOf([toDataFrame({ fields: [{ name: 'n', values: [1] }] })])).toEqual([]);
});

it('parts the frames of a panel by their store', () => {
  const frame = (refId: string, uid?: string) => {
    const f = toDataFrame({ refId, fields: [{ name: 'issue', values: [refId] }, { name: 'sample_trace_id', values: [''] }] });
    f.fields[1].config.links = uid ? [{ title: 'Trace', url: '', internal: { datasourceUid: uid, datasourceName: uid, query: { datasource: { type: 'errata-errors-datasource', uid } } } }, { title: 'Trace in Tempo', url: '', internal: { datasourceUid: 'tempo', datasourceName: 'Tempo', query: {} } }] : [];
    return f;
  };
  const uids = (...args: Parameters<typeof byStore>) => byStore(...args).map(([uid, issues]) => [uid, issues.length]);
  const request = { targets: [{ refId: 'A', datasource: { type: 'errata-errors-datasource', uid: 'one' } }, { refId: 'B', datasource: { type: 'errata-errors-datasource', uid: 'two' } }] } as unknown as Parameters<typeof byStore>[1];
  expect(uids([frame('A', 'one'), frame('B', 'two'), frame('C', 'two')])).toEqual([['one', 1], ['two', 2]]); // As in Explore.
  expect(uids([frame('A'), frame('B')], request)).toEqual([['one', 1], ['two', 1]]); // A transformation lost the links.
  expect(uids([frame('Z')], request)).toEqual([['one', 1]]);
  expect(uids([frame('A')])).toEqual([['', 1]]);
});

it('says what of a trace is not here', () => {
  const items = [{ kind: 'error' }, { kind: 'span' }, { kind: 'span' }] as TraceItem[];
  expect(cutOf({ items, totals: { error: 1, span: 3500, log: 0 }, truncated: true, more: false })).toBe('The first 3 things of this trace are here, errors before others: 1 of 1 error, 2 of 3,500 spans.');
  expect(cutOf({ items, totals: { error: 1, span: 9999, log: 0 }, truncated: true, more: true })).toContain('2 of 9,999 or more spans');
});

it.each([['24h', 86_400_000], ['wrong', 14 * 86_400_000], ['-5h', 14 * 86_400_000], ['', 14 * 86_400_000], ['900000d', NOW]])('reads the time %s', (text, width) => expect(rangeOf(text, NOW)).toEqual({ from: NOW - width, to: NOW }));

it('nests what happened in a span and survives a cycle', () => {
  const item = (kind: string, id: string, parentId: string) => ({ kind, id, parentId }) as TraceItem;
  const [root, child, log, a, b] = [item('span', 'r', ''), item('span', 'c', 'r'), item('log', '', 'c'), item('span', 'a', 'b'), item('span', 'b', 'a')];
  const d = depths([root, child, log, a, b]);
  expect([root, child, log].map((i) => d.get(i))).toEqual([0, 1, 2]);
  expect(d.get(a)).toBeLessThan(32);
});

it('places what happened in the time of its trace', () => {
  const item = (ts: number, durationMs: number) => ({ ts, durationMs }) as TraceItem;
  const [root, child, log] = [item(1000, 200), item(1050, 100), item(1200, 0)];
  const places = spread([root, child, log]);
  expect(places.get(root)).toEqual({ left: 0, width: 100 });
  expect(places.get(child)).toEqual({ left: 25, width: 50 });
  expect(places.get(log)).toEqual({ left: 99.5, width: 0.5 });
  expect(spread([log]).get(log)?.width).toBe(0.5); // Alone, it has no time to be placed in.
});

it.each([
  [0, '0 ms'], [0.25, '250 µs'], [5, '5.0 ms'], [42.4, '42 ms'], [1500, '1.5 s'], [3_600_000, '60 min'],
])('shortens %s ms', (ms, want) => expect(duration(ms)).toBe(want));

it.each([
  [0, 'never'], [NOW - 10_000, 'just now'], [NOW + 10_000, 'just now'], [NOW - 61_000, '1min ago'], [NOW - 3_600_000 * 30, '1d ago'], [NOW - 86_400_000 * 400, '1y ago'],
])('tells how long ago %s was', (ms, want) => expect(age(ms, NOW)).toBe(want));

describe('triage buttons', () => {
  it('writes once a project and says when it is done', async () => {
    const triage = jest.fn().mockResolvedValue({ changed: 1 });
    const done = jest.fn();
    render(<Triage api={{ triage } as unknown as Api} me={may} issues={[issue(1), issue(2), issue(3, { project: 2 })]} onDone={done} />);
    fireEvent.click(screen.getByRole('button', { name: 'Resolve' }));
    await waitFor(() => expect(done).toHaveBeenCalledTimes(1));
    expect(triage.mock.calls.map(([r]) => [r.project, r.issues.length, r.action])).toEqual([[1, 2, 'resolve'], [2, 1, 'resolve']]);
  });

  it('writes a thousand, a hundred at once', async () => {
    const triage = jest.fn().mockResolvedValue({ changed: 1 });
    const done = jest.fn();
    render(<Triage api={{ triage } as unknown as Api} me={may} issues={Array.from({ length: 1050 }, (_, n) => issue(n, { project: n < 40 ? 2 : 1 }))} onDone={done} />);
    fireEvent.click(screen.getByRole('button', { name: 'Resolve' }));
    await waitFor(() => expect(done).toHaveBeenCalledTimes(1));
    expect(triage.mock.calls.map(([r]) => r.issues.length)).toEqual([40, ...Array(10).fill(100), 10]);
    expect(new Set(triage.mock.calls.flatMap(([r]) => r.issues)).size).toBe(1050);
  });

  it('says how far it came', async () => {
    const triage = jest.fn().mockResolvedValueOnce({ changed: 100 }).mockRejectedValue({ data: { message: 'The store is away.' } });
    const done = jest.fn();
    render(<Triage api={{ triage } as unknown as Api} me={may} issues={Array.from({ length: 150 }, (_, n) => issue(n))} onDone={done} />);
    fireEvent.click(screen.getByRole('button', { name: 'Resolve' }));
    expect(await screen.findByText('100 of 150 are written, the rest is not: The store is away.')).toBeInTheDocument();
    expect(done).toHaveBeenCalledTimes(1); // The list shows what was written.
  });

  it('offers no merge where there is nothing to merge with', () => {
    render(<Triage api={{} as Api} me={may} issues={[issue(1)]} one onDone={() => undefined} />);
    expect(screen.queryByRole('button', { name: 'Merge' })).toBeNull();
  });

  it('is disabled for a viewer', () => {
    render(<Triage api={{} as Api} me={{ ...may, canTriage: false, reason: 'no' }} issues={[issue(1)]} onDone={() => undefined} />);
    for (const b of screen.getAllByRole('button')) {
      expect(b).toBeDisabled();
    }
    expect(screen.getByText('no')).toBeInTheDocument(); // In sight, not under the mouse alone.
  });

  it('shows why a write failed', async () => {
    const triage = jest.fn().mockRejectedValue({ data: { message: 'Only admins may triage.' } });
    render(<Triage api={{ triage } as unknown as Api} me={may} issues={[issue(1)]} onDone={() => undefined} />);
    fireEvent.click(screen.getByRole('button', { name: 'Resolve' }));
    expect(await screen.findByText('Only admins may triage.')).toBeInTheDocument();
  });
});

it('offers the releases of the project to resolve in', async () => {
  const triage = jest.fn().mockResolvedValue({ changed: 1 });
  const options = jest.fn().mockResolvedValue({ values: [{ text: 'shop@2', value: 'shop@2' }] });
  const { baseElement } = render(<Triage api={{ triage, options } as unknown as Api} me={may} issues={[issue(1)]} onDone={() => undefined} />);
  expect(options).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole('button', { name: 'Resolve in release' }));
  await waitFor(() => expect(baseElement.querySelector('datalist option')).toHaveAttribute('value', 'shop@2'));
  expect(options).toHaveBeenCalledWith('release', { project: 1 });
  fireEvent.change(screen.getByLabelText('Fixed in release'), { target: { value: 'shop@2' } });
  fireEvent.click(screen.getByRole('button', { name: 'In this release' }));
  await waitFor(() => expect(triage).toHaveBeenCalledWith({ action: 'resolve', inRelease: 'shop@2', project: 1, issues: [issue(1).issue] }));
});

it('ignores until so many users, or a moment', async () => {
  const triage = jest.fn().mockResolvedValue({ changed: 1 });
  render(<Triage api={{ triage } as unknown as Api} me={may} issues={[issue(1)]} onDone={() => undefined} />);
  fireEvent.click(screen.getByRole('button', { name: 'Ignore' }));
  fireEvent.change(await screen.findByLabelText('Until so many more users'), { target: { value: '7' } });
  fireEvent.change(screen.getByLabelText('Until'), { target: { value: '2030-01-02T03:04' } });
  fireEvent.click(screen.getByRole('button', { name: 'Until then' }));
  await waitFor(() => expect(triage).toHaveBeenCalledWith({ action: 'ignore', untilUsers: 7, until: Date.parse('2030-01-02T03:04'), project: 1, issues: [issue(1).issue] }));
});

it('leads to Explore with a query that holds any text', () => {
  const url = exploreUrl('u', { mode: 'events', issue: 'aa', project: 'a&b "c"' }, { from: 1, to: 2 });
  const panes = JSON.parse(new URL(url, 'http://g').searchParams.get('panes') ?? '');
  expect(panes.errata).toMatchObject({ datasource: 'u', queries: [{ refId: 'A', mode: 'events', issue: 'aa', project: 'a&b "c"' }], range: { from: '1', to: '2' } });
});

describe('users of an issue', () => {
  const show = (answer: Promise<unknown>) => {
    const users = jest.fn().mockReturnValue(answer);
    render(<Users api={{ users } as unknown as Api} project={1} issue="aa" range={{ from: 1, to: 2 }} />);
    return users;
  };

  it('are listed as stored', async () => {
    const users = show(Promise.resolve({ users: [{ user: 'ann@example.com', events: 3, firstSeen: 1, lastSeen: 2 }], all: 1 }));
    expect(await screen.findByText('ann@example.com')).toBeInTheDocument();
    expect(screen.getByText('1 user in this time range.')).toBeInTheDocument();
    expect(users).toHaveBeenCalledWith(1, 'aa', { from: 1, to: 2 });
  });

  it('are told to be more than are shown', async () => {
    show(Promise.resolve({ users: [{ user: '<b>x</b>', events: 3, firstSeen: 1, lastSeen: 2 }], all: 4000 }));
    expect(await screen.findByText(/The 1 of about 4.*users/)).toBeInTheDocument();
    expect(screen.getByText('<b>x</b>')).toBeInTheDocument();
  });

  it('are asked for where nobody is named', async () => {
    show(Promise.resolve({ users: [], all: 0 }));
    expect(await screen.findByText('set_user')).toBeInTheDocument();
  });

  it('say why they cannot be listed', async () => {
    show(Promise.reject({ data: { message: 'The store is away.' } }));
    expect(await screen.findByText('The store is away.')).toBeInTheDocument();
  });
});

it.each([
  [{ data: { message: 'a' } }, 'a'],
  [new Error('b'), 'b'],
  [{}, 'The request failed. Try again.'],
  [{ status: 504, statusText: 'Gateway Timeout', data: { message: '<html><h1>504</h1></html>', error: 'Gateway Timeout', response: '<html>' } }, 'The answer took too long. Try again, or narrow the time range.'],
  [{ status: 413, statusText: 'x', data: { message: '\n <html>', error: 'x' } }, 'The request is too large for Grafana or for a proxy before it. Choose fewer, or write less.'],
  [{ status: 403, data: { message: 'Only admins may triage.' } }, 'Only admins may triage.'],
  [{ status: 418, data: { message: '<b>' } }, 'The request failed with status 418. Try again.'],
  [Object.assign(new TypeError('Failed to fetch'), { data: { message: 'Unexpected error' } }), 'The connection to Grafana was cut. Check the network and try again.'],
])('makes a sentence of an error', (e, want) => expect(message(e)).toBe(want));
