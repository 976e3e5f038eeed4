import React from 'react';
import { Alert, Button } from '@grafana/ui';

// Failed says what went wrong, and asks once more on demand.
export function Failed({ title, error, again }: { title: string; error: string; again: () => void }) {
  return (
    <Alert severity="error" title={title}>
      <p>{error}</p>
      <Button size="sm" variant="secondary" onClick={again}>
        Try again
      </Button>
    </Alert>
  );
}
