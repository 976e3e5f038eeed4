import { locationUtil } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import type { DataSourceWithBackend } from '@grafana/runtime';
import type { AffectedUser, EventPage, Issue, IssueDetail, IssueEvent, IssuePage, Me, Option, Place, TracePart, TriageRequest } from './types';

export const DATASOURCE_TYPE = 'errata-errors-datasource';
export const APP_ID = 'errata-errors-app';

// Resources is the part of the data source that panel and pages use: always
// through getResource and postResource, never a URL made by hand, since newer
// Grafana routes them elsewhere.
export type Resources = Pick<DataSourceWithBackend, 'getResource' | 'postResource'>;

export interface IssueFilter {
  project?: string;
  status?: string;
  q?: string;
  environment?: string;
  release?: string;
  level?: string;
  assignee?: string;
  sort?: string;
  limit?: number;
  offset?: number;
  from?: number;
  to?: number;
}

const clean = (params: object) =>
  Object.fromEntries(Object.entries(params).filter(([, v]) => v !== undefined && v !== '' && v !== null));

const part = (s: string | number) => encodeURIComponent(String(s));

export class Api {
  constructor(
    private readonly ds: Resources,
    readonly uid = ''
  ) {}

  me(): Promise<Me> {
    return this.ds.getResource('me');
  }
  issues(filter: IssueFilter): Promise<IssuePage> {
    return this.ds.getResource('issues', clean(filter));
  }
  issue(project: number | string, issue: string, range?: { from: number; to: number }): Promise<IssueDetail> {
    return this.ds.getResource(`issues/${part(project)}/${part(issue)}`, clean(range ?? {}));
  }
  // row is an issue as a list shows it.
  row(project: number | string, issue: string): Promise<Issue> {
    return this.ds.getResource(`issues/${part(project)}/${part(issue)}`, { brief: 'true' });
  }
  events(project: number | string, issue: string, place: Place, limit = 50): Promise<EventPage> {
    return this.ds.getResource(`issues/${part(project)}/${part(issue)}/events`, { ...place, limit });
  }
  // event is the one with this id, or at an end.
  event(project: number | string, issue: string, event: string): Promise<IssueEvent> {
    return this.ds.getResource(`issues/${part(project)}/${part(issue)}/event`, event === 'newest' || event === 'oldest' ? { at: event } : { event });
  }
  users(project: number | string, issue: string, range?: { from: number; to: number }): Promise<{ users: AffectedUser[]; all: number }> {
    return this.ds.getResource(`issues/${part(project)}/${part(issue)}/users`, clean(range ?? {}));
  }
  trace(traceId: string, project?: number | string): Promise<TracePart> {
    return this.ds.getResource(`traces/${part(traceId)}`, clean({ project }));
  }
  options(kind: string, params: Record<string, string | number | undefined> = {}): Promise<{ values: Option[] }> {
    return this.ds.getResource(`options/${part(kind)}`, clean(params));
  }
  triage(request: TriageRequest): Promise<{ changed: number }> {
    return this.ds.postResource('triage', request);
  }
}

// errataSources are the data sources of this type.
export const errataSources = () => getDataSourceSrv().getList({ type: DATASOURCE_TYPE, pluginId: DATASOURCE_TYPE });

// nameOf is what people call a data source.
export const nameOf = (uid: string) => getDataSourceSrv().getInstanceSettings(uid)?.name ?? uid;

// apiFor gives the API of a data source by uid, or of the first Errata one.
export async function apiFor(uid?: string): Promise<Api> {
  const srv = getDataSourceSrv();
  const settings = uid ? srv.getInstanceSettings(uid) : errataSources()[0];
  if (uid && !settings) {
    throw new Error(`There is no data source "${uid}" here, or you may not use it. Open the page without ds in its URL.`);
  }
  if (!settings) {
    throw new Error('No Errata data source is set up. Add one under Connections, Data sources.');
  }
  return new Api((await srv.get(settings.uid)) as unknown as Resources, settings.uid);
}

// issueUrl is the page of an issue, in the store that this data source asks.
export function issueUrl(uid: string, project: number | string, issue: string): string {
  return locationUtil.assureBaseUrl(`/a/${APP_ID}/issues/${part(project)}/${part(issue)}${uid ? `?ds=${part(uid)}` : ''}`);
}

// SAID is what a status means that comes without a sentence of ours: from a proxy,
// or from Grafana itself.
const SAID: Record<number, string> = {
  401: 'You are signed out. Sign in again, in another tab if this page shall stay.',
  403: 'You may not use this data source. Ask an admin for the permission to query it.',
  404: 'This is not there. Check that the data source is of the type Errata and that the plugin runs.',
  408: 'The answer took too long. Try again, or narrow the time range.',
  413: 'The request is too large for Grafana or for a proxy before it. Choose fewer, or write less.',
  429: 'Too many requests at once. Wait a moment and try again.',
  502: 'Grafana or the plugin cannot be reached: a proxy says so. Try again in a moment.',
  503: 'Grafana or the plugin is not available right now. Try again in a moment.',
  504: 'The answer took too long. Try again, or narrow the time range.',
};

// message makes one sentence of whatever a failed request threw.
export function message(err: unknown): string {
  const e = err as { status?: number; data?: { message?: unknown; error?: unknown }; message?: string; statusText?: string } | undefined;
  // Markup is what a proxy shows to people; Grafana hands it on as a message.
  const error = e?.data?.error === e?.statusText ? undefined : e?.data?.error; // Grafana writes the status there.
  const sentence = [e?.data?.message, error].find((v): v is string => typeof v === 'string' && v !== '' && !/^\s*</.test(v));
  const cut = err instanceof TypeError && e?.status === undefined;
  if (cut) {
    return 'The connection to Grafana was cut. Check the network and try again.';
  }
  return sentence || (e?.status && SAID[e.status]) || (e?.status ? `The request failed with status ${e.status}. Try again.` : e?.message || e?.statusText || 'The request failed. Try again.');
}

