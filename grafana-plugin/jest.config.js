// Grafana's packages bring ES modules, which jest only reads transformed.
module.exports = {
  testTimeout: 60000, // A busy machine draws a dialog in seconds.
  testEnvironment: 'jsdom',
  roots: ['<rootDir>/src'],
  setupFilesAfterEnv: ['<rootDir>/jest.setup.js'],
  transform: {
    '^.+\\.m?(t|j)sx?$': ['@swc/jest', { jsc: { target: 'es2020', parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'classic' } } } }],
  },
  transformIgnorePatterns: [
    '/node_modules/(?!.*(@grafana|ol|d3|d3-[a-z-]+|delaunator|internmap|robust-predicates|uuid|marked|react-colorful|@react-awesome|monaco-editor|geotiff|quick-lru|web-worker|xml-utils|color-[a-z]+|pbf|rbush|quickselect|earcut|nanoid|@wojtekmaj|get-user-locale|memoize|mimic-function|react-calendar|react-data-grid|@marcbachmann|micro-memoize|fast-equals|ol-mapbox-style))',
  ],
  moduleNameMapper: {
    '\\.(css|scss|svg)$': '<rootDir>/jest.empty.js',
    'react-inlinesvg': '<rootDir>/jest.empty.js',
  },
};
