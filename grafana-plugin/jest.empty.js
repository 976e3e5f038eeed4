// Stands for icons and styles.
module.exports = { __esModule: true, default: () => null };
