// <hb-read> holds the form that marks messages as read. A reader who looks at
// the page for a moment has read it; without script the button does the same.
class Read extends HTMLElement {
  private timer = 0;
  private readonly seen = () => {
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => void this.send(), 2500);
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.seen);
    document.addEventListener("hinoban:refreshed", this.seen);
    this.seen();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
    document.removeEventListener("hinoban:refreshed", this.seen);
  }

  // What is on the screen stays marked as new until the page is loaded again.
  private async send() {
    const form = this.querySelector("form");
    const newest = form && new FormData(form).get("up_to")?.toString();
    if (!form || !newest || newest === this.dataset.sent) return;
    this.dataset.sent = newest;
    await fetch(form.action, { method: "POST", body: new URLSearchParams({ up_to: newest }), redirect: "manual" });
  }
}
customElements.define("hb-read", Read);

// <hb-push> lets a person allow notifications in this browser, and says in words
// whether they will come. It takes data-as: the person, where nobody signs in.
const pushWords = {
  en: {
    off: "This browser shows you no pages.", on: "Pages reach you in this browser, even when no page is open.",
    denied: "Notifications are forbidden for this site. Allow them in the browser's settings.", install: "On an iPhone or iPad, add this page to the home screen first, and open it from there.",
    none: "This browser cannot show notifications.", insecure: "Notifications need https.", failed: "This did not work: ", allow: "Notify me here", stop: "Stop notifying me here", busy: "One moment…",
  },
  ja: {
    off: "このブラウザには呼び出しが表示されません。", on: "ページを開いていなくても、このブラウザに呼び出しが届きます。",
    denied: "このサイトの通知がブロックされています。ブラウザの設定で許可してください。", install: "iPhone / iPad では、まずこのページをホーム画面に追加し、そこから開いてください。",
    none: "このブラウザは通知を表示できません。", insecure: "通知には https が必要です。", failed: "失敗しました: ", allow: "ここに通知する", stop: "ここへの通知をやめる", busy: "処理中…",
  },
};

class Push extends HTMLElement {
  private readonly words = pushWords[document.documentElement.lang === "ja" ? "ja" : "en"];

  connectedCallback() {
    if (!document.querySelector('link[rel="manifest"]')) {
      const link = document.createElement("link");
      link.rel = "manifest";
      link.href = "/manifest.webmanifest";
      document.head.append(link);
      const icon = document.createElement("link");
      icon.rel = "apple-touch-icon";
      icon.href = "/push-icon-192.png";
      document.head.append(icon);
    }
    this.say("busy");
    // Before the page is loaded Chromium may never say which worker it has.
    if (document.readyState === "complete") setTimeout(() => void this.look());
    else addEventListener("load", () => setTimeout(() => void this.look()), { once: true });
  }

  private async look() {
    if (!window.isSecureContext) return this.say("insecure");
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
      return this.say(/iPhone|iPad/.test(navigator.userAgent) ? "install" : "none");
    }
    if (Notification.permission === "denied") return this.say("denied");
    try {
      const sub = await (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();
      if (!sub) return this.say("off", "allow", () => this.subscribe());
      this.say("on", "stop", () => this.unsubscribe(sub));
      // The server may have forgotten it: telling it again is harmless.
      await this.tell(sub);
    } catch (e) {
      this.fail(e);
    }
  }

  private async subscribe() {
    if ((await Notification.requestPermission()) !== "granted") return this.look();
    await navigator.serviceWorker.register("/push-sw.js", { scope: "/" });
    const worker = await navigator.serviceWorker.ready;
    const { key } = await this.ask("/api/v1/oncall/push/key");
    await (await worker.pushManager.getSubscription())?.unsubscribe(); // it may be of another key
    await this.tell(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    return this.look();
  }

  private async unsubscribe(sub: PushSubscription) {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sub.endpoint)));
    const id = Array.from(sum.slice(0, 16), (b) => b.toString(16).padStart(2, "0")).join("");
    const as = this.dataset.as ? "?as=" + encodeURIComponent(this.dataset.as) : "";
    await this.ask("/api/v1/oncall/push/subscriptions/" + id + as, { method: "DELETE" });
    await sub.unsubscribe();
    return this.look();
  }

  private tell(sub: PushSubscription) {
    const body = JSON.stringify({ ...sub.toJSON(), expirationTime: undefined, as: this.dataset.as });
    return this.ask("/api/v1/oncall/push/subscriptions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  }

  private async ask(url: string, init?: RequestInit) {
    const res = await fetch(url, init);
    const said = await res.json();
    if (!res.ok) throw new Error(said.detail ?? String(res.status));
    return said;
  }

  private say(state: keyof typeof pushWords.en, button?: "allow" | "stop", act?: () => Promise<void>) {
    const p = document.createElement("p");
    p.setAttribute("role", "status");
    p.textContent = this.words[state];
    this.dataset.state = state;
    this.replaceChildren(p);
    if (!button || !act) return;
    const b = document.createElement("button");
    b.type = "button";
    b.className = "button";
    b.textContent = this.words[button];
    b.addEventListener("click", () => {
      b.disabled = true;
      b.textContent = this.words.busy;
      act().catch((e: unknown) => this.fail(e));
    });
    this.append(b);
  }

  private fail(e: unknown) {
    this.say("failed", "allow", () => this.subscribe());
    this.querySelector("p")!.append(e instanceof Error ? e.message : String(e));
  }
}
customElements.define("hb-push", Push);
