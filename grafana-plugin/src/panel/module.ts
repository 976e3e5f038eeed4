import { PanelPlugin } from '@grafana/data';
import { TriagePanel } from './TriagePanel';
import type { PanelOptions } from './TriagePanel';

export const plugin = new PanelPlugin<PanelOptions>(TriagePanel).setPanelOptions((builder) =>
  builder.addBooleanSwitch({
    path: 'openSingle',
    name: 'Open a single issue',
    description: 'Where the query gives one issue, show its detail instead of a list of one.',
    defaultValue: true,
  })
);
