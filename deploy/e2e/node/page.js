// What the page of the browser test runs; the DSN is in its address.
import * as Sentry from "@sentry/browser";

Sentry.init({
  dsn: new URLSearchParams(location.search).get("dsn"),
  release: "web@4.0.0",
  environment: "staging",
  tracesSampleRate: 1,
  integrations: [Sentry.browserTracingIntegration()],
});
Sentry.setTag("theme", "dark");
Sentry.setUser({ id: "u-7" });

function renderCart(cart) {
  return cart.items.map((item) => item.name);
}

setTimeout(() => renderCart({}), 10);
setTimeout(() => Promise.reject(new Error("unhandled in the browser")), 20);
setTimeout(() => Sentry.captureMessage("hello from the browser"), 30);
setTimeout(async () => {
  await Sentry.flush(10000);
  await fetch("/done");
}, 1500);
