// What the pages do beyond HTML: theme buttons, menus, passwords in the clear, busy buttons,
// quick amounts, and fragments that stay fresh. Every page works without it.
(function () {
  "use strict";
  var REFRESH_MS = 2000;
  var BUSY_MS_MAX = 10000;

  function each(selector, run) {
    document.querySelectorAll(selector).forEach(run);
  }

  function closest(event, selector) {
    return event.target instanceof Element ? event.target.closest(selector) : null;
  }

  // Theme ------------------------------------------------------------------
  function showTheme() {
    var choice = window.tallystickTheme.chosen();
    each("[data-choose-theme]", function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.chooseTheme === choice));
    });
  }

  // Menus: <details> that close on Escape and on a click elsewhere ---------
  function closeMenus(except) {
    each("details[data-menu][open]", function (menu) {
      if (menu !== except) {
        menu.open = false;
      }
    });
  }

  document.addEventListener("click", function (event) {
    closeMenus(closest(event, "details[data-menu]"));

    var theme = closest(event, "[data-choose-theme]");
    if (theme) {
      window.tallystickTheme.choose(theme.dataset.chooseTheme);
      showTheme();
    }

    var eye = closest(event, "[data-show-password]");
    if (eye) {
      var field = document.getElementById(eye.dataset.showPassword);
      var shown = field.type === "text";
      field.type = shown ? "password" : "text";
      eye.setAttribute("aria-pressed", String(!shown));
      field.focus();
    }

    if (closest(event, "[data-print]")) {
      window.print();
    }

    var quick = closest(event, "[data-amount]");
    if (quick) {
      var amount = document.getElementById(quick.dataset.amountFor);
      amount.value = quick.dataset.amount;
      amount.dispatchEvent(new Event("input", { bubbles: true }));
      amount.focus();
    }
  });

  document.addEventListener("keydown", function (event) {
    var menu = event.key === "Escape" && document.querySelector("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("input", function (event) {
    var amount = event.target;
    if (amount.matches("[data-amount-field]")) {
      each("[data-amount-for='" + amount.id + "']", function (quick) {
        quick.setAttribute("aria-pressed", String(quick.dataset.amount === amount.value));
      });
    }
  });

  // Busy buttons: a form is sent once --------------------------------------
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    var button = event.submitter;
    if (button) {
      button.classList.add("is-busy");
      button.setAttribute("aria-busy", "true");
    }
    // If no answer comes, the person may try again: the form carries its own key.
    window.setTimeout(function () {
      restForm(form);
    }, BUSY_MS_MAX);
  });

  function restForm(form) {
    delete form.dataset.sent;
    form.querySelectorAll(".is-busy").forEach(function (button) {
      button.classList.remove("is-busy");
      button.removeAttribute("aria-busy");
    });
  }

  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      each("form[data-sent]", restForm);
      if (document.querySelector("[data-live]")) {
        window.location.reload();
      }
    }
  });

  // Fragments that stay fresh while somebody looks --------------------------
  function refresh() {
    if (document.visibilityState === "visible") {
      each("[data-live]", function (fragment) {
        window.htmx.trigger(fragment, "refresh");
      });
    }
  }

  document.addEventListener("visibilitychange", refresh);
  window.setInterval(refresh, REFRESH_MS);

  // The step to the payment page is taken once: not again when coming back.
  if (new URLSearchParams(window.location.search).has("go")) {
    window.history.replaceState(null, "", window.location.pathname);
  }

  each("[data-focus-first]", function (summary) {
    summary.focus();
  });
  showTheme();
  refresh();
})();
