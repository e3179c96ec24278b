// Before the first paint, so that a chosen theme does not flash. A file of its own, because the
// content security policy allows no inline script.
try {
  var theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (_) {}
