import type { DataQuery, DataSourceJsonData } from '@grafana/data';

// Modes of a query; the backend refuses others.
export const MODES = [
  { value: 'issues', label: 'Issues', description: 'Issue list with counts, users and status' },
  { value: 'events', label: 'Events', description: 'Single error events' },
  { value: 'error_trend', label: 'Error trend', description: 'Errors over time, split by a dimension' },
  { value: 'logs', label: 'Logs', description: 'Log records of both protocols' },
  { value: 'trace', label: 'Trace', description: 'One trace by its id' },
  { value: 'trace_search', label: 'Trace search', description: 'Traces by service, name, duration or error' },
  { value: 'releases', label: 'Releases', description: 'Releases with new issues and crash-free rates' },
  { value: 'outcomes', label: 'Outcomes', description: 'What became of everything that was sent' },
  { value: 'lag', label: 'Lag', description: 'How long what was accepted has waited for its fate' },
  { value: 'catalog', label: 'Catalog', description: 'Any other question of the catalog: sessions, services, cost, transactions' },
  { value: 'sql', label: 'SQL', description: 'Your own SQL as the read-only user' },
] as const;

export type Mode = (typeof MODES)[number]['value'] | 'annotations';

export const DIMENSIONS = ['none', 'project', 'environment', 'release', 'level', 'service', 'handled', 'protocol', 'issue', 'tag'] as const;

export const OPERATORS = ['=', '!=', '=~', '!~', '<', '>', '<=', '>=', '=|', '!=|'] as const;

// CatalogQuery is what the backend says of a query of the catalog.
export interface CatalogQuery {
  name: string;
  purpose: string;
  params: Array<{ name: string; type: string; required: boolean; default?: string; one_of?: string[]; purpose: string }> | null;
}

export interface Filter {
  key: string;
  operator: string;
  value: string;
  values?: string[];
}

export interface ErrataQuery extends DataQuery {
  mode: Mode;
  project?: string; // Id, slug, or a list of ids from a multi-value variable.
  environment?: string;
  release?: string;
  service?: string;
  level?: string;
  status?: string;
  issue?: string;
  text?: string;
  tagKey?: string; // Error trend by tag.
  by?: string; // Error trend: the dimension.
  sort?: string;
  traceId?: string;
  minDurationMs?: number;
  onlyErrors?: boolean;
  sql?: string;
  format?: 'table' | 'time_series' | 'numeric';
  metric?: string; // Numeric format: which number, where there are several.
  volume?: boolean; // Logs: counts by severity instead of lines.
  kind?: string; // Annotations: releases, first_seen, regressions, actions.
  limit?: number;
  firstSeen?: boolean; // Issues: only those first seen in the time range.
  name?: string; // Catalog: which query.
  params?: Record<string, string>; // Catalog: its values.
  filters?: Filter[]; // Ad hoc, as structured values; never pasted into text.
}

export interface ErrataOptions extends DataSourceJsonData {
  address?: string; // host:port of ClickHouse's native protocol.
  database?: string;
  username?: string;
  triageUsername?: string;
  tls?: boolean;
  tlsSkipVerify?: boolean;
  timeoutSeconds?: number;
  maxRows?: number;
  triageRole?: 'Editor' | 'Admin' | 'Viewer' | 'nobody';
  edges?: string; // host:port of each edge, commas between.
  tracesDatasourceUid?: string; // Tempo or Jaeger, for links from trace ids.
  tracesDatasourceKind?: 'tempo' | 'jaeger';
}

export interface ErrataSecrets {
  password?: string;
  triagePassword?: string;
  tlsCACert?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
}

export const defaultQuery: Partial<ErrataQuery> = { mode: 'issues', by: 'none', sort: 'last_seen' };
