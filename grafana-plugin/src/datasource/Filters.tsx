import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, InlineLabel, Input, useStyles2 } from '@grafana/ui';
import { Choice } from '../components/Choice';
import type { ErrataDataSource } from './datasource';
import { OPERATORS } from './types';
import type { ErrataQuery, Filter } from './types';

const valueOf = (f: Filter) => (f.values?.length ? f.values.join(', ') : f.value);

// Filters shows the filters of a query: those written here, and those that a
// click on a log label added, which could not be taken away otherwise.
export function Filters({ datasource, query, filters, onChange }: { datasource: ErrataDataSource; query: ErrataQuery; filters: Filter[]; onChange: (f: Filter[]) => void }) {
  const s = useStyles2(styles);
  const [key, setKey] = React.useState('');
  const [operator, setOperator] = React.useState<string>('=');
  const [value, setValue] = React.useState('');
  // What there is to choose from, asked when a field is entered; what is not in the list can be typed.
  const [keys, setKeys] = React.useState<string[]>([]);
  const [values, setValues] = React.useState<string[]>([]);
  const id = React.useId();
  const offer = (asked: Promise<Array<{ text: string }>>, set: (v: string[]) => void) => asked.then((all) => set(all.map((v) => v.text)), () => set([]));
  const known = { queries: [query], filters: filters.map((f) => ({ ...f, condition: '' })) };
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
      <Input width={16} aria-label="Filter key" placeholder="key" list={`${id}-keys`} value={key} onFocus={() => offer(datasource.getTagKeys(known), setKeys)} onChange={(e) => setKey(e.currentTarget.value)} />
      <datalist id={`${id}-keys`}>
        {keys.map((k) => (
          <option key={k} value={k} />
        ))}
      </datalist>
      <Choice label="Filter operator" width={10} options={OPERATORS.map((o) => ({ value: o as string, label: o }))} value={operator} onChange={setOperator} />
      <Input
        width={20}
        aria-label="Filter value"
        placeholder="value"
        list={`${id}-values`}
        value={value}
        onFocus={() => key.trim() && offer(datasource.getTagValues({ ...known, key: key.trim() }), setValues)}
        onChange={(e) => setValue(e.currentTarget.value)}
        onKeyDown={(e) => e.key === 'Enter' && add()}
      />
      <datalist id={`${id}-values`}>
        {values.map((v) => (
          <option key={v} value={v} />
        ))}
      </datalist>
      <Button variant="secondary" icon="plus" aria-label="Add filter" disabled={!key.trim()} onClick={add} />
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5), alignItems: 'center', marginBottom: theme.spacing(0.5) }),
  filter: css({ display: 'inline-flex', alignItems: 'center', maxWidth: '100%', '& code': { overflowWrap: 'anywhere' } }),
});
