import { expect } from '@grafana/plugin-e2e';
import type { Locator, Page } from '@playwright/test';

export const TYPE = 'errata-errors-datasource';
export const APP = 'errata-errors-app';

export interface Options {
  address?: string;
}

// choose picks an option of one of the plugin's drop-downs.
export async function choose(page: Page, root: Page | Locator, label: string, option: string): Promise<void> {
  await root.getByLabel(label, { exact: true }).first().click();
  await page.getByText(option, { exact: true }).last().click();
}

// type fills a text field of the query editor and runs the query.
export async function type(root: Page | Locator, label: string, text: string): Promise<void> {
  const field = root.getByLabel(label, { exact: true }).first();
  await field.fill(text);
  await field.press('Enter');
  await expect(field).toHaveValue(text);
}
