(function () {
  "use strict";
  // The page may reach the store by another name than the store knows: through
  // a proxy, with TLS. What brought the form takes its answer.
  var self = document.currentScript;
  var action = self && self.src ? self.src : __ACTION__;
  var texts = __TEXTS__;
  var box = document.createElement("div");
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", "Tell us what happened");
  box.style.cssText = "position:fixed;inset:0;background:rgba(0,0,0,.5);z-index:2147483647;display:flex;align-items:center;justify-content:center;font-family:sans-serif";
  var form = document.createElement("form");
  form.style.cssText = "background:#fff;color:#111;padding:24px;border-radius:6px;width:min(420px,90vw);display:flex;flex-direction:column;gap:10px";
  function add(tag, props, text) {
    var e = document.createElement(tag);
    Object.keys(props || {}).forEach(function (k) { e[k] = props[k]; });
    if (text) { e.textContent = text; }
    form.appendChild(e);
    return e;
  }
  function field(label, tag, props) {
    var l = add("label", {}, label);
    l.style.cssText = "display:flex;flex-direction:column;gap:4px;font-size:14px";
    var e = document.createElement(tag);
    Object.keys(props).forEach(function (k) { e[k] = props[k]; });
    l.appendChild(e);
    return e;
  }
  add("strong", {}, texts.title || "It looks like something went wrong.");
  if (texts.subtitle || texts.subtitle2) { add("div", {}, [texts.subtitle, texts.subtitle2].filter(Boolean).join(" ")); }
  field(texts.labelName || "Name", "input", { name: "name", required: true, value: __NAME__ });
  field(texts.labelEmail || "E-mail", "input", { name: "email", type: "email", required: true, value: __EMAIL__ });
  field(texts.labelComments || "What happened?", "textarea", { name: "comments", rows: 5, required: true });
  var note = add("div", {});
  note.setAttribute("role", "status");
  add("button", { type: "submit" }, texts.labelSubmit || "Send");
  var close = add("button", { type: "button" }, texts.labelClose || "Close");
  function end() {
    if (!box.parentNode) { return; }
    box.parentNode.removeChild(box);
    window.postMessage("__sentry_reportdialog_closed__", "*"); // The SDK calls onClose.
  }
  close.onclick = end;
  form.onsubmit = function (ev) {
    ev.preventDefault();
    var body = new URLSearchParams(new FormData(form)).toString();
    fetch(action, { method: "POST", body: body, headers: { "Content-Type": "application/x-www-form-urlencoded" } }).then(function (r) {
      if (!r.ok) { throw new Error(String(r.status)); }
      note.textContent = texts.successMessage || "Thank you, your report was sent.";
      setTimeout(end, 1500);
    }).catch(function () { note.textContent = texts.errorGeneric || "The report could not be sent. Please try again."; });
  };
  box.appendChild(form);
  document.body.appendChild(box);
})();
