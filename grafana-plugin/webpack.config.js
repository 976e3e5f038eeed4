// One build for the app, its nested data source and its nested panel. Grafana
// shares the packages below at run time; react/jsx-runtime is not among them in
// 10.4, so JSX compiles to React.createElement (tests/bundle.test.js checks it).
const fs = require('fs');
const path = require('path');
const CopyWebpackPlugin = require('copy-webpack-plugin');
const TerserPlugin = require('terser-webpack-plugin');

const src = path.resolve(__dirname, 'src');
const pkg = JSON.parse(fs.readFileSync(path.join(__dirname, 'package.json'), 'utf8'));
const fill = (buffer) =>
  buffer.toString().replaceAll('%VERSION%', pkg.version).replaceAll('%TODAY%', new Date().toISOString().slice(0, 10));

module.exports = (env) => ({
  mode: env.production ? 'production' : 'development',
  context: src,
  devtool: 'source-map',
  entry: { module: './module.ts', 'datasource/module': './datasource/module.ts', 'panel/module': './panel/module.ts' },
  output: {
    path: path.resolve(__dirname, 'dist'),
    filename: '[name].js',
    library: { type: 'amd' },
    publicPath: 'public/plugins/errata-errors-app/',
    uniqueName: 'errata-errors-app',
    // The backend binary is put beside the modules by `make plugin`.
    clean: { keep: /gpx_|go_plugin_build_manifest/ },
  },
  externals: ['lodash', '@emotion/css', 'react', 'react-dom', 'rxjs', /^@grafana\/(ui|runtime|data)$/],
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        use: {
          loader: 'swc-loader',
          options: {
            jsc: {
              target: 'es2018',
              parser: { syntax: 'typescript', tsx: true },
              transform: { react: { runtime: 'classic' } },
            },
          },
        },
      },
    ],
  },
  optimization: { minimizer: [new TerserPlugin({ extractComments: false })] },
  plugins: [
    new CopyWebpackPlugin({
      patterns: [
        { from: '**/plugin.json', to: '.', transform: fill },
        { from: '**/img/**', to: '.', noErrorOnMissing: true },
        { from: 'dashboards/**', to: '.', noErrorOnMissing: true },
        { from: '../README.md', to: 'README.md', noErrorOnMissing: true },
        { from: '../CHANGELOG.md', to: 'CHANGELOG.md', noErrorOnMissing: true },
        { from: '../../LICENSE', to: 'LICENSE', toType: 'file' },
      ],
    }),
  ],
  resolve: { extensions: ['.ts', '.tsx', '.js'] },
});
