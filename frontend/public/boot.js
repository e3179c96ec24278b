// Before everything else: when the page's own script cannot be had there is nobody else to say so.
// A file of its own, because the content security policy allows no inline script.
addEventListener(
  "error",
  function (event) {
    var script = event.target;
    if (!script || script.tagName !== "SCRIPT" || !/\/assets\//.test(script.src)) return;
    var key = "reloaded-for-a-part";
    var last = Number(sessionStorage.getItem(key) || 0);
    if (navigator.onLine !== false && Date.now() - last > 60000) {
      sessionStorage.setItem(key, String(Date.now()));
      setTimeout(function () {
        location.reload();
      }, 1000);
    }
    var root = document.getElementById("root");
    if (!root || root.firstChild) return;
    var main = document.createElement("main");
    main.className = "centre";
    var title = document.createElement("h1");
    title.textContent = "OpsConductor could not be loaded";
    var text = document.createElement("p");
    text.textContent =
      "A part of the program did not arrive: the server does not answer, or it is being upgraded.";
    var again = document.createElement("button");
    again.type = "button";
    again.className = "button";
    again.textContent = "Load the page afresh";
    again.onclick = function () {
      location.reload();
    };
    main.append(title, text, again);
    root.append(main);
  },
  true,
);
