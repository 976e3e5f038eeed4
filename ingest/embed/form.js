(function () {
  "use strict";
  var action = __ACTION__;
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
  add("strong", {}, "It looks like something went wrong.");
  field("Name", "input", { name: "name", required: true, value: __NAME__ });
  field("E-mail", "input", { name: "email", type: "email", required: true, value: __EMAIL__ });
  field("What happened?", "textarea", { name: "comments", rows: 5, required: true });
  var note = add("div", {});
  note.setAttribute("role", "status");
  add("button", { type: "submit" }, "Send");
  var close = add("button", { type: "button" }, "Close");
  function end() { if (box.parentNode) { box.parentNode.removeChild(box); } }
  close.onclick = end;
  form.onsubmit = function (ev) {
    ev.preventDefault();
    var body = new URLSearchParams(new FormData(form)).toString();
    fetch(action, { method: "POST", body: body, headers: { "Content-Type": "application/x-www-form-urlencoded" } }).then(function (r) {
      if (!r.ok) { throw new Error(String(r.status)); }
      note.textContent = "Thank you, your report was sent.";
      setTimeout(end, 1500);
    }).catch(function () { note.textContent = "The report could not be sent. Please try again."; });
  };
  box.appendChild(form);
  document.body.appendChild(box);
})();
