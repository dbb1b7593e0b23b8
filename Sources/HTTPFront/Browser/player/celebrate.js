// A small celebration on a card when its quest completes; a still one for those who asked for less motion.

const pieces = 14;

export function celebrate(card) {
  card.classList.add("is-new");
  const sparks = Array.from({ length: pieces }, (_, index) => {
    const spark = document.createElement("span");
    spark.className = "spark";
    spark.setAttribute("aria-hidden", "true");
    const angle = (index / pieces) * 2 * Math.PI;
    const reach = 4 + (index % 4) * 1.6;
    spark.style.setProperty("--x", `${(Math.cos(angle) * reach).toFixed(2)}rem`);
    spark.style.setProperty("--y", `${(Math.sin(angle) * reach - 1.5).toFixed(2)}rem`);
    return spark;
  });
  card.append(...sparks);
  setTimeout(() => {
    for (const spark of sparks) spark.remove();
    card.classList.remove("is-new");
  }, 1300);
}
