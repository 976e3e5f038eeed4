import React from 'react';
import { InlineField, Input } from '@grafana/ui';

// TextField keeps what is typed to itself until it is left or Enter is hit, so
// that a query does not run at each key.
export function TextField({ name, value, width, labelWidth, placeholder, tooltip, type, onCommit }: {
  name: string;
  value?: string | number;
  width?: number;
  labelWidth?: number;
  placeholder?: string;
  tooltip?: string;
  type?: string;
  onCommit: (v: string) => void;
}) {
  const [text, setText] = React.useState(String(value ?? ''));
  React.useEffect(() => setText(String(value ?? '')), [value]);
  const commit = () => text !== String(value ?? '') && onCommit(text);
  return (
    <InlineField label={name} labelWidth={labelWidth ?? 14} tooltip={tooltip}>
      <Input
        aria-label={name}
        width={width ?? 24}
        type={type}
        value={text}
        placeholder={placeholder}
        onChange={(e) => setText(e.currentTarget.value)}
        onBlur={commit}
        onKeyDown={(e) => e.key === 'Enter' && commit()}
      />
    </InlineField>
  );
}
