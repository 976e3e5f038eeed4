import path from 'node:path';
import { defineConfig, devices } from '@playwright/test';
import type { PluginOptions } from '@grafana/plugin-e2e';

// The specs drive a Grafana of yours: GRAFANA_URL, with GRAFANA_USER and
// GRAFANA_PASSWORD where they are not admin and admin. CHROMIUM names a browser
// that is there already; else `npx playwright install chromium` once.
const launchOptions = process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] } : {};

export default defineConfig<PluginOptions>({
  testDir: './specs',
  fullyParallel: true,
  retries: 0,
  reporter: 'list',
  use: {
    baseURL: process.env.GRAFANA_URL ?? 'http://127.0.0.1:3000',
    provisioningRootDir: path.join(__dirname, '../../deploy/grafana/provisioning'),
    user: { user: process.env.GRAFANA_USER ?? 'admin', password: process.env.GRAFANA_PASSWORD ?? 'admin' },
    grafanaAPICredentials: { user: process.env.GRAFANA_USER ?? 'admin', password: process.env.GRAFANA_PASSWORD ?? 'admin' },
    trace: 'retain-on-failure',
    launchOptions,
  },
  projects: [
    { name: 'auth', testDir: path.join(path.dirname(require.resolve('@grafana/plugin-e2e')), 'auth'), testMatch: /.*auth\.setup\.js/ },
    { name: 'chromium', use: { ...devices['Desktop Chrome'], storageState: 'playwright/.auth/' + (process.env.GRAFANA_USER ?? 'admin') + '.json' }, dependencies: ['auth'] },
  ],
});
