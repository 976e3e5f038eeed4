import '@testing-library/jest-dom';
import React from 'react';
import { toDataFrame } from '@grafana/data';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { EventList } from '../components/EventList';
import { IssueDetail } from '../components/IssueDetail';
import { StackTrace, chain, relation } from '../components/StackTrace';
import { Sparkline, barsOf } from '../components/Sparkline';
import { issuesOf } from '../panel/TriagePanel';
import type { Api } from '../shared/api';
import type { EventRow, IssueEvent, Place } from '../shared/types';

const row = (n: number): EventRow => ({ eventId: String(n).padStart(32, '0'), ts: n * 1000, title: `E${n}`, environment: '', release: '', user: '', protocol: 'sentry', traceId: '', twinOf: '' });
const LAST = 2999; // More than a list of the backend holds.

// A store whose issue has the events 0 to LAST.
const store = () => {
  const event = jest.fn((_p: unknown, _i: string, id: string): Promise<IssueEvent> => {
    const n = id === 'newest' ? LAST : id === 'oldest' ? 0 : Number(id);
    return Promise.resolve({ event: { row: row(n), payload: {} }, older: n > 0 ? row(n - 1).eventId : '', newer: n < LAST ? row(n + 1).eventId : '' });
  });
  const issue = jest.fn().mockResolvedValue({
    project: 1, issue: 'aa', title: 'E', culprit: '', type: 'E', level: 'error', status: 'new', assignee: '', firstSeen: 1, lastSeen: 2, events: LAST + 1, users: 0, eventsInRange: 1, protocols: [], environments: [],
    firstRelease: '', lastRelease: '', sampleEventId: '', sampleTraceId: '', fingerprints: ['aa'], releases: [], tags: [], trend: [], history: [], grouping: { version: 'v1', component: '', reason: '', hashes: [] },
  });
  return { event, issue, api: { event, issue, uid: 'u' } as unknown as Api };
};
const button = (name: string) => screen.getByRole('button', { name });
const shows = (n: number) => screen.findByText(new RegExp(`^Event ${row(n).eventId}`));

describe('events of an issue, one by one', () => {
  it('go from either end to the other', async () => {
    const { api } = store();
    render(<IssueDetail api={api} project={1} issue="aa" />);
    await shows(LAST);
    expect(button('Newer event')).toBeDisabled();
    expect(button('Newest event')).toBeDisabled();
    fireEvent.click(button('Older event'));
    await shows(LAST - 1);
    fireEvent.click(button('Oldest event'));
    await shows(0);
    expect(button('Older event')).toBeDisabled();
    expect(button('Oldest event')).toBeDisabled();
    fireEvent.click(button('Newer event'));
    await shows(1);
    fireEvent.click(button('Newest event'));
    await shows(LAST);
  });

  it('are those that the URL names', async () => {
    const { api, event } = store();
    const onEvent = jest.fn();
    render(<IssueDetail api={api} project={1} issue="aa" event={row(1500).eventId} onEvent={onEvent} />);
    await shows(1500);
    fireEvent.click(button('Older event'));
    expect(onEvent).toHaveBeenLastCalledWith(row(1499).eventId);
    fireEvent.click(button('Newest event'));
    expect(onEvent).toHaveBeenLastCalledWith('newest');
    expect(event).toHaveBeenCalledTimes(1); // The page changes its URL; that asks.
  });

  it('may be gone: the ends are still offered', async () => {
    const { api, event } = store();
    event.mockRejectedValueOnce({ data: { message: 'There is no such event in this project.' } });
    render(<IssueDetail api={api} project={1} issue="aa" event="gone" onEvent={jest.fn()} />);
    expect(await screen.findByText('There is no such event in this project.')).toBeInTheDocument();
    expect(button('Newest event')).toBeEnabled();
    expect(button('Older event')).toBeDisabled();
  });

  it('may be none', async () => {
    const { api, event } = store();
    event.mockResolvedValue({ event: null, older: '', newer: '' });
    render(<IssueDetail api={api} project={1} issue="aa" />);
    expect(await screen.findByText('No event is kept any more')).toBeInTheDocument();
  });
});

it('lists events by pages that stay where they are', async () => {
  const pages: Record<string, { events: EventRow[]; older: string; newer: string }> = {
    '': { events: [row(4), row(3)], older: '3000_x', newer: '' },
    'older 3000_x': { events: [row(2), row(1)], older: '1000_x', newer: '2000_x' },
    oldest: { events: [row(0)], older: '', newer: '0_x' },
  };
  const events = jest.fn((_p: unknown, _i: string, place: Place) => Promise.resolve(pages[!place ? '' : 'oldest' in place ? 'oldest' : `older ${'older' in place ? place.older : ''}`]));
  const onOpen = jest.fn();
  render(<EventList api={{ events } as unknown as Api} project={1} issue="aa" shown={row(3).eventId} onOpen={onOpen} />);
  expect((await screen.findByText('E3')).closest('tr')).toHaveAttribute('aria-current', 'true');
  expect(button('Newer')).toBeDisabled();
  fireEvent.click(button('Older'));
  expect(await screen.findByText('E2')).toBeInTheDocument();
  fireEvent.click(button('Oldest'));
  expect(await screen.findByText('E0')).toBeInTheDocument();
  expect(button('Older')).toBeDisabled();
  fireEvent.click(button('Newest'));
  await waitFor(() => expect(screen.getByText('E4')).toBeInTheDocument());
  fireEvent.click(button(`Show event ${row(4).eventId}`));
  expect(onOpen).toHaveBeenCalledWith(row(4).eventId);
});

it('shows the issue that a link to a merged one means', async () => {
  const { api, issue, event } = store();
  render(<IssueDetail api={api} project={1} issue="bb" />);
  expect(await screen.findByText('Issue bb was merged into this one.')).toBeInTheDocument();
  await waitFor(() => expect(event).toHaveBeenLastCalledWith(1, 'aa', 'newest'));
  expect(issue).toHaveBeenCalledTimes(1);
});

describe('the stack of an event', () => {
  const frames = (name: string) => ({ frames: [{ function: name }] });
  it.each([
    ['of its exception', { exception: { values: [{ type: 'A', stacktrace: frames('a') }] }, threads: { values: [{ crashed: true, stacktrace: frames('t') }] } }, 'a'],
    ['of the thread that crashed', { exception: { values: [{ type: 'SIGSEGV' }] }, threads: { values: [{ id: 1, current: true, stacktrace: frames('c') }, { id: 2, crashed: true, stacktrace: frames('t') }] } }, 't'],
    ['of the thread that the exception names', { exception: { values: [{ type: 'ANR', thread_id: 1 }] }, threads: { values: [{ id: 1, stacktrace: frames('main') }, { id: 2, crashed: true, stacktrace: frames('t') }] } }, 'main'],
    ['of the only thread, without an exception', { threads: { values: [{ stacktrace: frames('t') }] } }, 't'],
    ['of its own', { stacktrace: frames('s') }, 's'],
    ['of none', { exception: { values: [{ type: 'A' }] }, threads: { values: [{ stacktrace: {} }] } }, undefined],
  ])('is that %s', (_, payload, want) => expect(chain(payload)?.main.stacktrace?.frames?.[0].function).toBe(want));
});

it('says what the parts of a group are', () => {
  const e = (exception_id: number, parent_id?: number, is_exception_group?: boolean) => ({ type: `E${exception_id}`, mechanism: { exception_id, parent_id, is_exception_group } });
  const all = [e(0, undefined, true), e(1, 0), e(2, 1), e(3, 0)];
  expect(all.slice(1).map((x) => relation(x, all))).toEqual(['1 of 2 in E0', 'Cause of E1', '2 of 2 in E0']);
  expect(relation({ type: 'X' }, [...all, { type: 'X' }])).toBe('Caused by');
  const own = e(5, 5); // Its own parent.
  expect(relation(own, [own])).toBe('Caused by');
});

it('shows native frames by library and address', () => {
  render(<StackTrace payload={{ exception: { values: [{ type: 'X', stacktrace: { frames: [{ package: '/usr/lib/libc.so.6', instruction_addr: '0xdead' }, { filename: 'a.js', function: 'f', lineno: 3, colno: 14 }] } }] } }} />);
  expect(screen.getByText('libc.so.6')).toBeInTheDocument();
  expect(screen.getByText('0xdead')).toBeInTheDocument();
  expect(screen.getByText('line 3:14')).toBeInTheDocument();
});

describe('the trend of a row', () => {
  it.each([
    ['rises', [0, 1, 2, 9], '12 events in 4 parts of the range, at most 9 in one, rising'],
    ['falls', [3, 0], '3 events in 2 parts of the range, at most 3 in one, falling'],
    ['is even', [1, 1], '2 events in 2 parts of the range, at most 1 in one, even'],
    ['is of one event', [0, 1], '1 event in 2 parts of the range, at most 1 in one, rising'],
    ['is of nothing', [0, 0], '0 events in 2 parts of the range, at most 0 in one, even'],
  ])('%s', (_, parts, label) => {
    render(<Sparkline parts={parts} />);
    expect(screen.getByRole('img', { name: label })).toBeInTheDocument();
  });

  it('is left out where it is not known', () => {
    const { container } = render(<Sparkline />);
    expect(container).toBeEmptyDOMElement();
  });

  it('shows one event beside many', () => {
    expect(barsOf([0, 1, 100000], 20)).toBe('M1 20v-1h0.8v1.00zM2 20v-20h0.8v20.00z');
  });

  it.each([
    ['a list', [1, 2], [1, 2]],
    ['its text', '[1,2]', [1, 2]],
    ['nothing', undefined, undefined],
    ['no JSON', 'x', undefined],
  ])('is read from a frame that holds %s', (_, cell, want) => {
    const f = toDataFrame({ fields: [{ name: 'project_id', values: ['1'] }, { name: 'issue', values: ['aa'] }, { name: 'trend', values: [cell] }] });
    expect(issuesOf([f])[0].spark).toEqual(want);
  });
});
