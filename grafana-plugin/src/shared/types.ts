// What the data source's resources speak. The backend (pkg/plugin) gives and
// takes exactly these; times are milliseconds since the epoch.

export type Level = 'debug' | 'info' | 'warning' | 'error' | 'fatal';
export type Status = 'new' | 'ongoing' | 'regressed' | 'resolved' | 'ignored' | 'merged';

export interface Issue {
  project: number;
  projectName?: string; // Its slug, where it is known.
  issue: string; // 16 hex digits.
  title: string;
  culprit: string;
  type: string;
  level: Level;
  status: Status;
  assignee: string;
  firstSeen: number; // Of the issue's whole life, whatever the picker says.
  lastSeen: number;
  events: number; // Of the issue's whole life.
  users: number;
  eventsInRange: number;
  protocols: string[];
  environments: string[];
  firstRelease: string;
  lastRelease: string;
  sampleEventId: string;
  sampleTraceId: string;
  spark?: number[]; // Events of the range in equal parts, oldest first; lists have it.
}

export interface IssuePage {
  issues: Issue[];
  truncated: boolean;
  notice: string; // Says which projects were not asked; empty where all were.
}

export interface TagValue {
  value: string;
  events: number;
  share: number; // Of the issue's events that carry the key, 0 to 1.
  lift: number; // Share here over share in the project; 0 where unknown.
}

export interface Tag {
  key: string;
  total: number;
  values: TagValue[];
}

export interface ReleaseCount {
  release: string;
  events: number;
  firstSeen: number;
  lastSeen: number;
}

export interface AffectedUser {
  user: string; // Id, else e-mail, name or address, as stored.
  events: number;
  firstSeen: number; // Within the time range.
  lastSeen: number;
}

export interface Action {
  at: number;
  actor: string;
  action: string;
  detail: string;
}

export interface Grouping {
  version: string;
  component: string;
  reason: string;
  hashes: string[];
}

export interface IssueDetail extends Issue {
  fingerprints: string[]; // What was merged into it, itself first.
  releases: ReleaseCount[];
  tags: Tag[];
  trend: Array<[number, number]>;
  history: Action[];
  grouping: Grouping;
}

export interface EventRow {
  eventId: string;
  ts: number;
  title: string;
  environment: string;
  release: string;
  user: string;
  protocol: string;
  traceId: string;
  twinOf: string; // Empty where the event is counted itself.
}

export interface Frame {
  function?: string;
  module?: string;
  filename?: string;
  abs_path?: string;
  lineno?: number;
  colno?: number;
  in_app?: boolean;
  pre_context?: string[];
  context_line?: string;
  post_context?: string[];
  vars?: Record<string, unknown>;
  package?: string; // Of native frames, as is the address.
  instruction_addr?: string;
}

export interface ExceptionValue {
  type?: string;
  value?: string;
  module?: string;
  mechanism?: { type?: string; handled?: boolean; exception_id?: number; parent_id?: number; is_exception_group?: boolean };
  stacktrace?: { frames?: Frame[] };
  thread_id?: number | string;
}

export interface Thread {
  id?: number | string;
  name?: string;
  crashed?: boolean;
  current?: boolean;
  stacktrace?: { frames?: Frame[] };
}

export interface Breadcrumb {
  timestamp?: number | string;
  type?: string;
  category?: string;
  level?: string;
  message?: string;
  data?: Record<string, unknown>;
}

// Payload is the stored event in Sentry's shape, from either protocol.
export interface Payload {
  event_id?: string;
  message?: string;
  logentry?: { message?: string; formatted?: string };
  exception?: { values?: ExceptionValue[] };
  stacktrace?: { frames?: Frame[] };
  threads?: { values?: Thread[] };
  breadcrumbs?: { values?: Breadcrumb[] };
  contexts?: Record<string, Record<string, unknown>>;
  tags?: Record<string, string> | Array<[string, string]>;
  extra?: Record<string, unknown>;
  user?: Record<string, unknown>;
  request?: Record<string, unknown>;
  sdk?: { name?: string; version?: string };
  modules?: Record<string, string>;
}

export interface EventDetail {
  row: EventRow;
  payload: Payload;
}

// IssueEvent is one event of an issue and the ids of those beside it; empty at
// the ends. No event at all means that none is kept any more.
export interface IssueEvent {
  event: EventDetail | null;
  older: string;
  newer: string;
}

// EventPage is a part of an issue's events, newest first, and the places from
// which older and newer ones are asked for; empty at the ends.
export interface EventPage {
  events: EventRow[];
  older: string;
  newer: string;
}

// Place says which events to show: those from an end, or beyond a place that a
// page named.
export type Place = { older: string } | { newer: string } | { oldest: true } | undefined;

export interface TraceItem {
  kind: 'error' | 'span' | 'log';
  ts: number;
  durationMs: number;
  id: string;
  parentId: string;
  service: string;
  name: string;
  status: string;
  protocol: string;
  project: number;
  issue: string; // Of errors.
}

// TracePart is a trace as far as it is shown: all errors first, of the rest what
// came first.
export interface TracePart {
  items: TraceItem[];
  totals: Record<TraceItem['kind'], number>; // Of all that was counted.
  truncated: boolean; // There are more than the items.
  more: boolean; // There are more than were counted.
}

export interface Me {
  login: string;
  role: string;
  canTriage: boolean;
  reason: string; // Why not, for the tooltip of a disabled button.
}

export interface Option {
  text: string;
  value: string;
}

// TriageRequest is the one body of POST triage; fields beyond action belong to
// the actions that name them.
export interface TriageRequest {
  project: number;
  issues: string[];
  action: 'resolve' | 'unresolve' | 'ignore' | 'assign' | 'unassign' | 'comment' | 'merge' | 'split';
  inRelease?: string; // resolve.
  inNextRelease?: boolean; // resolve.
  until?: number; // ignore: a time.
  untilEvents?: number; // ignore: so many more events.
  untilUsers?: number; // ignore: so many more users.
  assignee?: string;
  comment?: string;
  into?: string; // merge: the survivor.
}
