"use strict";

// The page works without this file: links fill a card in, and the server counts a double click once.
const form = document.querySelector("form");
const number = document.getElementById("number");

const grouped = (text) => text.replace(/\D/g, "").slice(0, 19).replace(/(.{4})(?=.)/g, "$1 ");

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", (click) => {
    click.preventDefault();
    number.value = chip.dataset.number;
    document.getElementById("expiry").value = "12 / 34";
    document.getElementById("cvc").value = "123";
    document.querySelector(".chip.chosen")?.classList.remove("chosen");
    chip.classList.add("chosen");
    form.querySelector("button").focus();
  });
}

number?.addEventListener("input", () => {
  if (number.selectionStart === number.value.length) number.value = grouped(number.value);
});

form?.addEventListener("submit", (submit) => {
  const button = submit.submitter ?? form.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") {
    submit.preventDefault();
    return;
  }
  button.setAttribute("aria-disabled", "true");
  if (button.dataset.busy) button.textContent = button.dataset.busy;
});

// A page that comes back from the browser's history can be used again.
window.addEventListener("pageshow", (shown) => {
  if (shown.persisted) window.location.reload();
});
