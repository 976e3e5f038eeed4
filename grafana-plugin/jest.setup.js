require('@testing-library/jest-dom');
const { TextDecoder, TextEncoder } = require('util');
Object.assign(global, { TextDecoder, TextEncoder });
global.matchMedia = () => ({ matches: false, addListener() {}, removeListener() {}, addEventListener() {}, removeEventListener() {} });
global.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} };
global.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };
require('@testing-library/dom').configure({ asyncUtilTimeout: 20000 });
