import type { DataFrame, DataFrameJSON, DataQueryResponse, Field, LiveChannelAddress, LiveChannelEvent } from '@grafana/data';
import { LiveChannelScope, LoadingState, dataFrameFromJSON } from '@grafana/data';
import { getGrafanaLiveSrv } from '@grafana/runtime';
import { Observable, defer, from, switchMap } from 'rxjs';
import type { ErrataQuery } from './types';

// KEPT is how many records stay in the browser: older ones go.
const KEPT = 1000;

interface Source {
  uid: string;
  getResource<T>(path: string, params?: object): Promise<T>;
}

const nanosOf = (f?: Field) => (f as { nanos?: number[] } | undefined)?.nanos;

// append puts new records behind those that are shown.
export function append(shown: DataFrame | undefined, message: DataFrameJSON, kept = KEPT): DataFrame {
  const next = dataFrameFromJSON(message);
  if (!shown) {
    return next;
  }
  const known = new Map(shown.fields.map((f) => [f.name, f]));
  // Who comes back after a lost connection gets the last minute again.
  const there = new Set(Array.from(known.get('id')?.values ?? []));
  const ids = next.fields.find((f) => f.name === 'id')?.values;
  const fresh = (_: unknown, i: number) => !ids || !there.has(ids[i]);
  const fields = next.fields.map((f: Field) => ({
    ...f,
    values: [...Array.from(known.get(f.name)?.values ?? []), ...Array.from(f.values).filter(fresh)].slice(-kept),
    ...(nanosOf(f) ? { nanos: [...(nanosOf(known.get(f.name)) ?? []), ...(nanosOf(f) ?? []).filter(fresh)].slice(-kept) } : {}),
  }));
  return { ...next, fields, length: fields[0]?.values.length ?? 0 };
}

// Newer Grafana calls stream what older calls namespace.
const addressOf = (uid: string, path: string, data: unknown): LiveChannelAddress => {
  const address = { scope: LiveChannelScope.DataSource, namespace: uid, stream: uid, path, data };
  return address;
};

// follow is the records of a logs query as they come. The backend checks the
// query and names its channel; the subscription ends with the last observer.
export function follow(source: Source, query: ErrataQuery): Observable<DataQueryResponse> {
  return defer(() => from(source.getResource<{ path: string; data: unknown }>('live', { query: JSON.stringify(query) }))).pipe(
    switchMap(
      ({ path, data }) =>
        new Observable<DataQueryResponse>((out) => {
          let frame: DataFrame | undefined;
          const respond = () => out.next({ key: `live-${query.refId}`, state: LoadingState.Streaming, data: frame ? [frame] : [] });
          respond();
          return getGrafanaLiveSrv()
            .getStream<DataFrameJSON>(addressOf(source.uid, path, data))
            .subscribe({
              next: (event: LiveChannelEvent<DataFrameJSON>) => {
                if (event.type === 'message') {
                  frame = { ...append(frame, event.message), refId: query.refId };
                  respond();
                } else if (event.type === 'status' && event.error) {
                  out.error(event.error);
                }
              },
              error: (err) => out.error(err),
              complete: () => out.complete(),
            });
        })
    )
  );
}
