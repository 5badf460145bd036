"use strict";
// Shows times in the reader's own zone, and keeps a page that is live up to date. Everything works without it.
(() => {
  const written = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      time.title = time.textContent;
      time.textContent = written.format(at);
    }
  };
  const parts = (root) => root.querySelectorAll("main > [id]");
  const sent = new Map([...parts(document)].map((part) => [part.id, part.outerHTML]));
  localise(document);
  document.querySelector("[data-zone]")?.setAttribute("hidden", "");

  const every = Number(document.body.dataset.live);
  if (!every) return;
  const gone = document.getElementById("gone");
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(8000) });
      if (!answer.ok) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts(fresh)) {
        const old = document.getElementById(part.id);
        const html = part.outerHTML;
        // What somebody is at stays as it is.
        if (!old || sent.get(part.id) === html || old.contains(document.activeElement)) continue;
        sent.set(part.id, html);
        localise(part);
        old.replaceWith(document.adoptNode(part));
      }
      document.title = fresh.title;
      const icon = (page) => page.querySelector("link[rel=icon]");
      icon(document).href = icon(fresh).getAttribute("href");
      gone.hidden = true;
    } catch {
      gone.hidden = false;
    }
  };
  setInterval(refresh, every * 1000);
  document.addEventListener("visibilitychange", refresh);
})();
