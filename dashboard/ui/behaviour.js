// What style sheets cannot do: grids of Arabic pages open at their first column, the way to the top, and keys.
(() => {
  if (window.wqBehaviour) return;
  window.wqBehaviour = true;
  const one = (selector) => document.querySelector(selector);
  const rtl = () => getComputedStyle(one('[data-testid="stApp"]') ?? document.body).direction === "rtl";

  // The first column of an Arabic grid is the rightmost one; a grid knows left to right alone.
  const held = new WeakSet();
  const hold = (scroller) => {
    if (held.has(scroller)) return;
    held.add(scroller);
    let touched = false;
    const show = () => { if (!touched && rtl()) scroller.scrollLeft = scroller.scrollWidth; };
    for (const deed of ["pointerdown", "wheel", "keydown", "touchstart"]) {
      scroller.closest('[data-testid="stDataFrame"]').addEventListener(deed, () => { touched = true; }, { passive: true });
    }
    new ResizeObserver(show).observe(scroller.firstElementChild ?? scroller);
    show();
  };

  const top = () => {
    const main = one('[data-testid="stMain"]');
    if (!main || main.dataset.wqTop) return;
    main.dataset.wqTop = "1";
    main.addEventListener("scroll", () => document.body.classList.toggle("wq-far", main.scrollTop > 500), { passive: true });
  };

  let waiting = false;
  const look = () => {
    waiting = false;
    document.querySelectorAll('[data-testid="stDataFrame"] .dvn-scroller').forEach(hold);
    top();
    if (one(".wq-lost")) one('section[role="dialog"] > button')?.click();
  };
  new MutationObserver(() => {
    if (!waiting) { waiting = true; requestAnimationFrame(look); }
  }).observe(document.body, { childList: true, subtree: true });
  look();

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".wq-top")) return;
    event.preventDefault();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    one('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: calm ? "auto" : "smooth" });
  });

  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    const writing = at && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
    if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-9]$/.test(event.code)) {
      const link = document.querySelectorAll('[data-testid="stSidebarNav"] a')[Number(event.code[5]) - 1];
      if (link) { event.preventDefault(); link.click(); }
    } else if (event.key === "/" && !writing && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const search = [...document.querySelectorAll('[data-testid="stMain"] input[type="search"]')].find((e) => e.offsetParent);
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "Escape" && writing && at.type === "search") {
      at.blur();
    }
  });
})();
