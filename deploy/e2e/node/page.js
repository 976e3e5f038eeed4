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
let closed = new Promise(() => {});
setTimeout(() => {
  const eventId = Sentry.captureMessage("hello from the browser");
  closed = new Promise((resolve) => Sentry.showReportDialog({ eventId, title: "Our fault", user: { name: "Ann", email: "ann@shop.example" }, onLoad: report, onClose: resolve }));
}, 30);

// report fills the dialog as a user does: name and address are there already.
async function report() {
  while (!document.querySelector("[role=dialog] form")) await new Promise((resolve) => setTimeout(resolve, 20));
  const form = document.querySelector("[role=dialog] form");
  if (!form.textContent.includes("Our fault")) return;
  form.querySelector("[name=comments]").value = "the cart stays empty";
  form.requestSubmit();
}

setTimeout(async () => {
  await closed;
  await Sentry.flush(10000);
  await fetch("/done");
}, 1500);
