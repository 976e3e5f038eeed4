import React from 'react';
import { Select } from '@grafana/ui';

export interface ChoiceProps<T extends string> {
  label: string;
  options: ReadonlyArray<{ value: T; label: string; description?: string }>;
  value?: T;
  width?: number;
  onChange: (value: T) => void;
}

// Choice is the one place that knows which drop-down Grafana offers: Select is
// in 10.4 and still in 13, its successor is not in 10.4.
export function Choice<T extends string>({ label, options, value, width, onChange }: ChoiceProps<T>) {
  return (
    <Select
      aria-label={label}
      width={width ?? 24}
      options={options.map((o) => ({ ...o }))}
      value={value}
      onChange={(v) => v.value !== undefined && onChange(v.value)}
    />
  );
}
