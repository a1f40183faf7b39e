// The worker that shows notifications while no page is open, on a locked phone
// too. Its messages are webpush.Payload.
"use strict";

const done = { en: "Sent", ja: "送信しました" };
const failed = { en: "Not sent. Tap to open the page.", ja: "送信できませんでした。タップしてページを開いてください。" };
const words = (all, lang) => all[lang === "ja" ? "ja" : "en"];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));

self.addEventListener("push", (e) => {
  let m = {};
  try {
    m = e.data.json();
  } catch {
    m = { title: "Hinoban" }; // a push must show something
  }
  e.waitUntil(show(m, m.title || "Hinoban", m.body || "", m.actions || []));
});

function show(m, title, body, actions, quiet) {
  const urgent = m.kind === "page" && !quiet;
  return self.registration.showNotification(title, {
    body,
    lang: m.lang,
    tag: m.id || "hinoban", // a repeat takes the place of the first
    renotify: !quiet && Boolean(m.id),
    silent: Boolean(quiet),
    requireInteraction: urgent,
    timestamp: m.at || Date.now(),
    icon: "/push-icon-192.png",
    badge: "/push-icon-192.png",
    vibrate: urgent ? [300, 100, 300, 100, 600] : undefined,
    actions: actions.map((a, i) => ({ action: String(i), title: a.text })),
    data: m,
  });
}

self.addEventListener("notificationclick", (e) => {
  const m = e.notification.data || {};
  const action = e.action === "" ? undefined : (m.actions || [])[Number(e.action)];
  e.notification.close();
  e.waitUntil(action && action.id !== "open" ? answer(m, action) : open(action ? action.url : m.url || "/me"));
});

// answer posts without opening a page: the address knows who may.
async function answer(m, action) {
  let ok = false;
  try {
    const res = await fetch(action.url, {
      method: "POST",
      body: new URLSearchParams({ via: "webpush" }),
      credentials: "omit",
      redirect: "follow",
    });
    ok = res.ok;
  } catch {
    // Said below.
  }
  const said = (ok ? "✓ " : "⚠ ") + action.text;
  // What failed stays with its address, so that a tap opens the page.
  await show(ok ? m : { ...m, url: action.url }, said, ok ? `${words(done, m.lang)}: ${m.title}` : words(failed, m.lang), [], ok);
}

async function open(url) {
  const target = new URL(url, self.location.origin).href;
  for (const c of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) {
    if (c.url === target) return c.focus();
  }
  return self.clients.openWindow(target);
}

// A browser that renews its subscription tells the server.
self.addEventListener("pushsubscriptionchange", (e) => {
  e.waitUntil(
    (async () => {
      const { key } = await (await fetch("/api/v1/oncall/push/key")).json();
      const s = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      await fetch("/api/v1/oncall/push/subscriptions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...s.toJSON(), expirationTime: undefined }) });
    })(),
  );
});
