"use strict";

// Every button is an order to the control API, which takes JSON from programs and from this page.
const trouble = document.getElementById("trouble");

const complain = (text) => {
  trouble.textContent = text;
  trouble.hidden = false;
};

for (const button of document.querySelectorAll("button.order")) {
  button.addEventListener("click", async () => {
    const { method, path, order } = button.dataset;
    button.disabled = true;
    try {
      const request = { method, headers: { "Content-Type": "application/json" } };
      if (method === "POST") request.body = order;
      const answer = await fetch(path, request);
      if (answer.ok) return window.location.reload();
      complain((await answer.json()).error.message);
    } catch {
      complain("The simulator does not answer.");
    }
    button.disabled = false;
  });
}
