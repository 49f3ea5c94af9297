// Sets the theme before the first paint: what the person chose, else what their system prefers.
(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var choice = "auto";
  try {
    choice = localStorage.getItem("tallystick-theme") || "auto";
  } catch (blocked) {
    // Private windows may forbid storage: a choice then lasts as long as the page.
  }
  function apply() {
    var shown = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.setAttribute("data-bs-theme", shown);
  }
  window.tallystickTheme = {
    chosen: function () {
      return choice;
    },
    choose: function (wanted) {
      choice = wanted;
      try {
        localStorage.setItem("tallystick-theme", wanted);
      } catch (blocked) {
        // As above.
      }
      apply();
    },
  };
  dark.addEventListener("change", apply);
  document.documentElement.classList.add("has-js");
  apply();
})();
