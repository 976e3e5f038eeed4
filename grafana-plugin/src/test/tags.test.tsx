import '@testing-library/jest-dom';
import React from 'react';
import { render, screen } from '@testing-library/react';
import { Tags } from '../components/Tags';

const value = (name: string, events: number, share: number) => ({ value: name, events, share, lift: 1 });

describe('tags of an issue', () => {
  it('say of how many events they are known', () => {
    render(
      <Tags
        tags={[
          { key: 'level', total: 5000, values: [value('error', 5000, 1)] },
          { key: 'release', total: 5000, values: [value('shop@1', 5000, 1)] },
          { key: 'region', total: 600, values: [value('eu', 450, 0.75), value('us', 150, 0.25)] },
        ]}
      />
    );
    expect(screen.getByText('of 12 %')).toBeInTheDocument();
    expect(screen.getAllByText(/^of /)).toHaveLength(1);
    expect(screen.getByText('75 %')).toBeInTheDocument();
  });
});
