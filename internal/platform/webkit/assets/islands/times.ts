// Times: "3 m ago" stays true, and the server learns the reader's time zone.
import { refresh } from "./morph";

const japanese = document.documentElement.lang === "ja";

// The same words as webkit.Relative.
function relative(then: number): string {
  const gap = Math.trunc((Date.now() - then) / 1000);
  const size = Math.abs(gap);
  let [n, en, ja] = [size, "s", "秒"];
  if (size >= 172800) [n, en, ja] = [Math.trunc(size / 86400), "d", "日"];
  else if (size >= 3600) [n, en, ja] = [Math.trunc(size / 3600), "h", "時間"];
  else if (size >= 60) [n, en, ja] = [Math.trunc(size / 60), "m", "分"];
  else if (size < 10) return japanese ? "たった今" : "just now";
  if (japanese) return n + ja + (gap < 0 ? "後" : "前");
  return (gap < 0 ? ["in", n, en] : [n, en, "ago"]).join("\u00a0");
}

setInterval(() => {
  for (const t of document.querySelectorAll<HTMLTimeElement>("time.ago")) {
    const text = relative(Date.parse(t.dateTime));
    if (t.textContent !== text) t.textContent = text;
  }
}, 15000);

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = "hinoban_tz=" + encodeURIComponent(zone);
if (zone && !document.cookie.split("; ").includes(cookie)) {
  document.cookie = cookie + ";path=/;max-age=34560000;samesite=lax";
  if (document.documentElement.dataset.zone !== zone) void refresh();
}
