import { CodeEditorSuggestionItemKind } from '@grafana/ui';
import type { CodeEditorSuggestionItem } from '@grafana/ui';

// MACROS are what the backend expands (pkg/ask/macro.go; a test compares).
export const MACROS: Array<[string, string]> = [
  ['$__timeFilter(ts)', 'the column lies in the time range'],
  ['$__timeFilter_ms(ts)', 'the same, of a column with milliseconds'],
  ['$__dateFilter(day)', 'the date lies in the time range'],
  ['$__dateTimeFilter(day, ts)', 'date and time lie in the time range'],
  ['$__timeInterval(ts)', "start of the column's interval"],
  ['$__timeInterval_ms(ts)', 'the same, with milliseconds'],
  ['$__timeGroup(ts)', "start of the column's interval"],
  ['$__interval', 'width of a point: INTERVAL n SECOND'],
  ['$__interval_s', 'width of a point in seconds'],
  ['$__interval_ms', 'width of a point in milliseconds'],
  ['$__fromTime', 'start of the time range'],
  ['$__toTime', 'end of the time range'],
  ['$__project(project_id)', 'the projects of the field Project'],
  ['$__conditionalAll(condition, $var)', 'the condition, unless the variable stands for all'],
];

// VIEWS are the stable names for people's SQL (docs/sql.md).
export const VIEWS = ['issues', 'issue_trend', 'issue_history', 'events', 'spans', 'logs', 'traces', 'releases', 'outcomes'];

// suggestions are what the SQL editor completes.
export const suggestions = (): CodeEditorSuggestionItem[] => [
  ...MACROS.map(([label, detail]) => ({ label, detail, kind: CodeEditorSuggestionItemKind.Method })),
  ...VIEWS.map((name) => ({ label: `errata.${name}`, detail: 'view of the store', kind: CodeEditorSuggestionItemKind.Field })),
];
