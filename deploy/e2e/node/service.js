// A plain HTTP service under @sentry/node: SENTRY_DSN is all that is set. It
// answers a few requests of its own and ends.
const Sentry = require("@sentry/node");

Sentry.init({
  dsn: process.env.SENTRY_DSN,
  release: process.env.APP_VERSION,
  environment: "staging",
  tracesSampleRate: 1,
});

const http = require("node:http");

function price(item) {
  throw new TypeError(`no price of item ${item}`); // Of two alike the SDK would send one.
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://shop.example.com");
  try {
    if (url.pathname.startsWith("/price/")) {
      Sentry.setUser({ id: url.searchParams.get("user") });
      price(url.pathname.slice(7));
    } else if (url.pathname === "/parse") {
      Sentry.withScope((scope) => {
        scope.setTag("parser", "json");
        try {
          JSON.parse("{broken");
        } catch (error) {
          Sentry.captureException(error);
        }
      });
      Sentry.captureMessage("low stock", "warning");
    } else if (url.pathname === "/load") {
      throw new Error("load failed", { cause: new Error("socket closed") });
    }
    response.end("ok");
  } catch (error) {
    Sentry.captureException(error, { mechanism: { type: "middleware", handled: false } });
    response.statusCode = 500;
    response.end();
  }
});

server.listen(0, "127.0.0.1", async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  for (const path of ["/price/1?user=u-1", "/price/2?user=u-2", "/parse", "/load"]) {
    await fetch(base + path).then((response) => response.text());
  }
  await Sentry.startSpan({ name: "restock", op: "task", attributes: { items: 3 } }, async () => {
    await new Promise((done) => setTimeout(done, 5));
  });
  server.close();
  await Sentry.flush(10000);
  // What no one catches ends the process; the SDK sends it before.
  setTimeout(() => {
    throw new RangeError("unhandled in timer");
  }, 1);
});
