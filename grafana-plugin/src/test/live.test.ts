import type { DataFrameJSON, DataQueryRequest, DataQueryResponse } from '@grafana/data';
import { FieldType, LoadingState } from '@grafana/data';
import { setBackendSrv, setGrafanaLiveSrv, setTemplateSrv } from '@grafana/runtime';
import { Subject, of } from 'rxjs';
import { ErrataDataSource } from '../datasource/datasource';
import { append } from '../datasource/live';
import type { ErrataQuery } from '../datasource/types';

const records = (...bodies: string[]): DataFrameJSON => ({
  schema: { name: 'logs', fields: [{ name: 'timestamp', type: FieldType.time }, { name: 'body', type: FieldType.string }] },
  data: { values: [bodies.map((_, i) => i), bodies] },
});
const bodies = (r?: DataQueryResponse) => r?.data[0]?.fields[1].values ?? [];
const settled = () => new Promise((r) => setTimeout(r));

const source = () => {
  setTemplateSrv({ replace: (s?: string) => (s ?? '').replace('$svc', 'web'), getVariables: () => [], containsTemplate: () => false, updateTimeRange() {} } as never);
  return new ErrataDataSource({ id: 1, uid: 'u', type: 't', name: 'n', jsonData: {}, meta: {} } as never);
};
const request = (...targets: Array<Partial<ErrataQuery>>) =>
  ({ requestId: 'r', liveStreaming: true, scopedVars: {}, targets: targets.map((q, i) => ({ refId: 'ABC'[i], mode: 'logs', ...q })) }) as unknown as DataQueryRequest<ErrataQuery>;

it('keeps the newest records only', () => {
  let frame = append(undefined, records('a', 'b'), 3);
  frame = append(frame, records('c', 'd'), 3);
  expect(frame.fields[1].values).toEqual(['b', 'c', 'd']);
  expect(frame.length).toBe(3);
});

it('shows a record once, whoever sends it again', () => {
  const known = (...ids: string[]): DataFrameJSON => ({
    schema: { fields: [{ name: 'timestamp', type: FieldType.time }, { name: 'id', type: FieldType.string }] },
    data: { values: [ids.map((_, i) => i), ids], nanos: [ids.map((_, i) => i * 10), null] },
  });
  const frame = append(append(undefined, known('a', 'b')), known('b', 'c'));
  expect(frame.fields[1].values).toEqual(['a', 'b', 'c']);
  expect((frame.fields[0] as unknown as { nanos: number[] }).nanos).toEqual([0, 10, 10]);
  expect(frame.length).toBe(3);
});

it('subscribes to what the backend has checked, and leaves', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ path: 'logs/abc', data: { mode: 'logs', service: 'web' } });
  const events = new Subject();
  const getStream = jest.fn().mockReturnValue(events);
  setGrafanaLiveSrv({ getStream } as never);
  const got: DataQueryResponse[] = [];
  const sub = ds.query(request({ service: '$svc' })).subscribe((r) => got.push(r));
  await settled();
  expect(JSON.parse((get.mock.calls[0][1] as { query: string }).query)).toMatchObject({ mode: 'logs', service: 'web' });
  expect(getStream).toHaveBeenCalledWith({ scope: 'ds', namespace: 'u', stream: 'u', path: 'logs/abc', data: { mode: 'logs', service: 'web' } });
  expect(got.at(-1)).toMatchObject({ state: LoadingState.Streaming, data: [] });
  events.next({ type: 'status', state: 'connected' });
  events.next({ type: 'message', message: records('one') });
  events.next({ type: 'message', message: records('two') });
  expect(bodies(got.at(-1))).toEqual(['one', 'two']);
  expect(got.at(-1)?.data[0].refId).toBe('A');
  expect(events.observed).toBe(true);
  sub.unsubscribe();
  expect(events.observed).toBe(false);
});

it.each([
  ['the backend refuses', () => Promise.reject({ data: { message: 'no' } }), undefined],
  ['the channel fails', () => Promise.resolve({ path: 'logs/a', data: {} }), { type: 'status', error: new Error('gone') }],
])('says so where %s', async (_, answer, event) => {
  const ds = source();
  jest.spyOn(ds, 'getResource').mockImplementation(answer as never);
  const events = new Subject();
  setGrafanaLiveSrv({ getStream: () => events } as never);
  const failed = jest.fn();
  ds.query(request({})).subscribe({ error: failed });
  await settled();
  if (event) {
    events.next(event);
  }
  expect(failed).toHaveBeenCalledTimes(1);
});

it('asks other modes once', async () => {
  const ds = source();
  const fetch = jest.fn().mockReturnValue(of({ data: { results: {} } }));
  setBackendSrv({ fetch } as never);
  const stream = jest.fn().mockReturnValue(new Subject());
  setGrafanaLiveSrv({ getStream: stream } as never);
  ds.query(request({ mode: 'issues' }, { mode: 'sql', sql: ' ' })).subscribe();
  await settled();
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(fetch.mock.calls[0][0].data.queries.map((q: ErrataQuery) => q.mode)).toEqual(['issues']);
  expect(stream).not.toHaveBeenCalled();
});
