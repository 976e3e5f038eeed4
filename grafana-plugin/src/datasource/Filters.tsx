import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, InlineLabel, Input, useStyles2 } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { OPERATORS } from './types';
import type { Filter } from './types';

const valueOf = (f: Filter) => (f.values?.length ? f.values.join(', ') : f.value);

// Filters shows the filters of a query: those written here, and those that a
// click on a log label added, which could not be taken away otherwise.
export function Filters({ filters, onChange }: { filters: Filter[]; onChange: (f: Filter[]) => void }) {
  const s = useStyles2(styles);
  const [key, setKey] = React.useState('');
  const [operator, setOperator] = React.useState<string>('=');
  const [value, setValue] = React.useState('');
  const add = () => {
    if (!key.trim()) {
      return;
    }
    const several = operator.endsWith('|') ? { values: value.split(',').map((v) => v.trim()).filter(Boolean) } : {};
    onChange([...filters, { key: key.trim(), operator, value, ...several }]);
    setKey('');
    setValue('');
  };
  return (
    <div className={s.row} role="group" aria-label="Filters">
      <InlineLabel width={14} tooltip="Tags and fields of events, attributes of logs and spans, columns of summaries. Several values of one of (=|) have commas between.">
        Filters
      </InlineLabel>
      {filters.map((f, i) => (
        <span key={i} className={s.filter}>
          <code>{`${f.key} ${f.operator} ${valueOf(f)}`}</code>
          <Button size="sm" variant="secondary" fill="text" icon="times" aria-label={`Remove filter ${f.key}`} onClick={() => onChange(filters.filter((_, n) => n !== i))} />
        </span>
      ))}
      <Input width={16} aria-label="Filter key" placeholder="key" value={key} onChange={(e) => setKey(e.currentTarget.value)} />
      <Choice label="Filter operator" width={10} options={OPERATORS.map((o) => ({ value: o as string, label: o }))} value={operator} onChange={setOperator} />
      <Input width={20} aria-label="Filter value" placeholder="value" value={value} onChange={(e) => setValue(e.currentTarget.value)} onKeyDown={(e) => e.key === 'Enter' && add()} />
      <Button variant="secondary" icon="plus" aria-label="Add filter" disabled={!key.trim()} onClick={add} />
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5), alignItems: 'center', marginBottom: theme.spacing(0.5) }),
  filter: css({ display: 'inline-flex', alignItems: 'center', maxWidth: '100%', '& code': { overflowWrap: 'anywhere' } }),
});
