/* The keypad, its dots and the time left. Without this file the page is a plain form, and works. */
"use strict";

document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("confirm");
  const field = document.getElementById("pin");
  const dots = form.querySelector(".dots");
  const keys = form.querySelector(".keys");
  const entered = document.getElementById("entered");
  let sent = false;

  const show = () => {
    [...dots.children].forEach((dot, place) => dot.classList.toggle("full", place < field.value.length));
  };
  const set = (value) => {
    field.value = value.slice(0, field.maxLength);
    entered.textContent = form.dataset.entered.replace("#", field.value.length);
    show();
  };
  const start = () => {
    sent = false;
    form.removeAttribute("aria-busy");
    field.value = "";
    show();
  };

  dots.hidden = keys.hidden = false;
  field.inputMode = "none"; // these keys are used, and none of the device's own
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) field.focus({ preventScroll: true });

  field.addEventListener("input", () => set(field.value.replace(/[^0-9]/g, "")));
  keys.addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.key;
    if (key) set(key === "erase" ? field.value.slice(0, -1) : field.value + key);
  });
  form.addEventListener("submit", (event) => {
    if (sent) return event.preventDefault(); // a second tap is not a second try
    sent = true;
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pagehide", () => { if (!sent) start(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.replace(form.action); });
  start();

  const time = document.getElementById("time");
  if (!time) return;
  const ends = Date.now() + 1000 * time.dataset.seconds;
  let told = time.dataset.seconds <= 60;
  time.setAttribute("role", "timer");
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    if (left <= 0) return location.replace(form.action);
    time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left <= 60 && !told) entered.textContent = time.dataset.soon;
    told ||= left <= 60;
    time.classList.toggle("soon", left <= 60);
    setTimeout(tick, 250);
  };
  tick();
});
