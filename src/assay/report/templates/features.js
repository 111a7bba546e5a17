"use strict";
const list = document.getElementById("features");
const cards = [...list.querySelectorAll("article.feature")];
const find = document.getElementById("find");
const order = document.getElementById("order");
const tally = document.getElementById("tally");
const nothing = document.getElementById("nothing");
// only what the run wrote is searched: the labels of a card are on every card
const texts = new Map(cards.map((card) => [card, [...card.querySelectorAll("[data-find]")]
  .map((part) => part.textContent.replace(/\s+/g, " ").trim()).join(" | ").toLowerCase()]));

function filter() {
  const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const card of cards) {
    card.hidden = !wanted.every((word) => texts.get(card).includes(word));
    left += card.hidden ? 0 : 1;
  }
  tally.textContent = `${left} of ${cards.length} features`;
  nothing.hidden = left > 0;
}

function sort() {
  const key = order.value;
  const value = (card) => {
    const number = Number.parseFloat(card.dataset[key]);
    return Number.isFinite(number) ? number : -Infinity;
  };
  const place = (card) => Number(card.dataset.place);
  const first = (a, b) => (key === "place" ? 0 : Math.sign(value(b) - value(a)) || 0);
  list.append(...[...cards].sort((a, b) => first(a, b) || place(a) - place(b)));
}

// a link to a card that the search has hidden shows all cards again
function follow() {
  const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (card && card.hidden) {
    find.value = "";
    filter();
    card.scrollIntoView();
  }
}

document.getElementById("tools").hidden = false;
find.addEventListener("input", filter);
order.addEventListener("change", sort);
addEventListener("hashchange", follow);
// a browser that goes back restores what was typed and chosen
filter();
sort();
